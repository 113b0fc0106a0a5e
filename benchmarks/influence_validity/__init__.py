"""What influence foretells, held against retraining."""
