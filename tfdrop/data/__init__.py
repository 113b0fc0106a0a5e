"""Images and image sets, splits, preprocessing, augmentation, patches and noise; each imported by its file's name."""
