"""Single images: reading files and folders, the embedded photographs, patches and noise."""
