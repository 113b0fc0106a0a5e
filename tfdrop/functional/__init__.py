"""Keras objects as functions of their variables' values, to be differentiated: one layer below training and influence.

A model in another floating-point type and at other weights (`double_precision`), an optimizer's step
(`optimizer_tensorflow`; Keras has it on JAX), and operations whose derivatives are exact (`exact_tensorflow`).
"""
