"""What a training step costs in products and bytes, as the compiler counts them."""
