"""Replay: influence by walking a training backwards, step by step, from the trained network to its first weights.

Influence functions (`tfdrop.influence.scores`) are a statement about a minimum, which a network that was trained for
some epochs has not reached. But every step of a `tfdrop.training.Training` is a function of its seed and number, and so
the derivative of what a network does after the training with respect to the weight of each training sample can be had
as it is: by the chain rule, through all of its steps (metagradients: Engstrom et al., 2025).
"""
