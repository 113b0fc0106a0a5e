"""What a replay costs."""
