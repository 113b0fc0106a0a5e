"""What the derivatives of a Keras model need, whoever takes them: one layer below training and influence."""
