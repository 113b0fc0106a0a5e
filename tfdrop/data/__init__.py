"""Images, patches, noise and augmentation. Nothing here is imported before it is asked for by its file's name."""
