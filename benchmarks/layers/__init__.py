"""What a drop layer costs, compared with Keras's SpatialDropout2D: alone, in a training step, and in memory."""
