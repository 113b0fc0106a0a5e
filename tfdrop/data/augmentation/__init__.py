"""Augmentation as Keras layers, one a file, the papers' policies made of them, and the crops of testing."""
