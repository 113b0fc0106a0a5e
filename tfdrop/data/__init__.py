"""What networks are trained on: image sets and photographs, how they are preprocessed and augmented, and samples."""
