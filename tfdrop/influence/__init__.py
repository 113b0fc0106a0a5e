"""Influence functions: autodiff (one file a backend) -> curvature -> solvers -> scores."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "solvers.conjugate_gradient": ["ConjugateGradient"],
        "solvers.exact": ["Exact"],
        "solvers.lissa": ["LiSSA"],
        "matrix": ["InfluenceMatrix", "influence_matrix"],
        "scores": ["Influence", "total_influence"],
        "self_influence": ["SelfInfluence", "self_influence"],
        "solvers.solution": ["DivergenceError", "Solution"],
    },
)
