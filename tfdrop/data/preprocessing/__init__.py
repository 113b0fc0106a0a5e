"""What images go through before any network sees them, fitted on the training images."""
