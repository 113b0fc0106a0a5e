"""Influence functions: what each training sample does to the loss of validation samples.

Here is everything between a trained Keras model and a number per training sample: the loss that `fit` minimizes, stated
per sample (`objective`), the data as people have it (`user_data`), derivatives (`autodiff`, one file per backend), the
curvature and its spectrum, `solvers` for its inverse, and what is asked of them (`scores`, `matrix`, `self_scores`),
with `InfluenceModel` in front and `one_line_forms` of it. What is done with the numbers, such as dropping samples and
training again, is in `tfdrop.data_dropout`.
"""

import lazy_loader

from tfdrop.influence.backend import check_backend

_load, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "influence_model": ["InfluenceModel"],
        "matrix": ["InfluenceMatrix"],
        "one_line_forms": ["influence_matrix", "self_influence", "total_influence"],
        "replay.replay": ["replay_influence"],
        "replay.result": ["ReplayInfluence", "mean_influence"],
        "replay.smoothness": ["SmoothnessWarning"],
        "scores": ["Influence"],
        "self_scores": ["SelfInfluence"],
        "solvers.conjugate_gradient": ["ConjugateGradient"],
        "solvers.exact": ["Exact"],
        "solvers.lissa": ["LiSSA"],
        "solvers.solution": ["DivergenceError", "Solution"],
    },
)


def __getattr__(name):
    if name in __all__:
        check_backend()
    return _load(name)
