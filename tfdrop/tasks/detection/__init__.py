"""What `train.detect` does: a trained classifier becomes a detector, fine-tuned and measured on PASCAL VOC."""
