"""How fast and how well networks train, beside PyTorch."""
