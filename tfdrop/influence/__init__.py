"""Influence functions: autodiff (one file a backend) -> curvature -> solvers -> scores."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "solvers.conjugate_gradient": ["ConjugateGradient"],
        "solvers.exact": ["Exact"],
        "solvers.lissa": ["LiSSA"],
        "influence_model": ["InfluenceModel", "influence_matrix", "self_influence", "total_influence"],
        "matrix": ["InfluenceMatrix"],
        "scores": ["Influence"],
        "self_scores": ["SelfInfluence"],
        "solvers.solution": ["DivergenceError", "Solution"],
    },
)
