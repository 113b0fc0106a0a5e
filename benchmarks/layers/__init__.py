"""What a drop layer costs, beside Keras's SpatialDropout2D."""
