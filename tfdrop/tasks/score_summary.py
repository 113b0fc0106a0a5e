"""How the scores of training samples were found, in a few numbers."""

from typing import Any

from tfdrop.influence import Influence, ReplayInfluence
from tfdrop.tasks.influence_step import InfluenceByColumns
from tfdrop.tasks.ranking import Ranking


def summary(found: Influence | ReplayInfluence | Ranking) -> dict[str, Any]:
    """Returns what results and tables say of an influence or another ranking, as plain values."""
    if isinstance(found, Ranking):
        return {"rank_by": found.name, "seeds": found.trainings}
    unfavorable = {"unfavorable": int((found.scores > 0).sum())}
    if isinstance(found, ReplayInfluence):
        seeds = {} if found.spread is None else {"seeds": found.trainings}
        seeds |= {"trimmed": found.trimmed} if found.trimmed else {}
        smoothness = {} if found.smoothness is None else {"smoothness": found.smoothness}
        return unfavorable | {"measure": found.measure, "horizon": found.horizon, **seeds, **smoothness}
    basis = {"basis": found.basis} if isinstance(found, InfluenceByColumns) and found.basis else {}
    solve = {
        "curvature": found.curvature,
        "damping": found.damping,
        "scale": found.scale,
        "smallest_eigenvalue": found.spectrum.smallest,
        "largest_eigenvalue": found.spectrum.largest,
        "residual": found.residual,
        "converged": found.converged,
    }
    return unfavorable | basis | solve
