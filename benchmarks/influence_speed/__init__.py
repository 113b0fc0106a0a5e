"""What influence costs, beside other libraries."""
