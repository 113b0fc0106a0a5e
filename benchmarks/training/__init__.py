"""How fast and how well networks train, compared with PyTorch."""
