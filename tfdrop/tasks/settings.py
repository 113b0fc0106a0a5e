"""Settings of a run that both tasks have in common: a frozen dataclass that checks itself."""

import dataclasses
from typing import Any

from tfdrop.errors import UserError, blaming
from tfdrop.tasks.fields import check_fields, setting

INFLUENCES = ("replay", "lissa", "cg", "original")
MEASURES = ("loss", "expected_error")
ONE_DEVICE, MIRRORED, MULTI_WORKER = "none", "mirrored", "multi_worker"
MEASURE_HELP = (
    "What influence is the influence on, summed over the validation set: loss, as in the papers; or expected_error, "
    "1 - p(label), which samples with wrong labels do not rule."
)
INFLUENCE_HELP = (
    "How influence is computed: replay, by walking the training backwards, which foretells retraining; lissa, the data "
    "dropout paper's; cg, conjugate gradients; original, LiSSA on the Hessian with the settings of the original "
    "implementation, L2 term included."
)


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """What every run depends on, whatever it trains.

    Raises:
        UserError: If a value is out of its range; the message names the flag.
    """

    # Data dropout
    rounds: int = setting(2, "Rounds of training, with data dropout between them.", least=1, group="data dropout")
    max_drop: Any = setting(
        0.03,
        "Most samples dropped after a round: a share up to 1, or else a number; 1 is the paper's; auto chooses by "
        "trainings, measured on the half of the validation set that takes no part in influence.",
        least=0,
        or_auto=True,
    )
    trial_seeds: int = setting(3, "Trainings of each number of samples that --max_drop=auto tries.", least=2)
    drop_weight: float = setting(
        0.0,
        "Weight that what is dropped keeps in round 2, in the batches that it had; 0 leaves it out, as in the paper.",
        least=0,
        most=1,
    )
    augment_from_round: int = setting(2, "First round with augmentation; 0 for never.", least=0)
    controls: bool = setting(
        True, "Also train with the last round's settings on the full set, and with as many dropped at random."
    )
    count_last: bool = setting(False, "Count the unfavorable samples after the last round, too.")
    influence: str = setting("cg", INFLUENCE_HELP, choices=INFLUENCES)
    measure: str = setting("loss", MEASURE_HELP, choices=MEASURES)
    influence_horizon: str = setting(
        "auto", "Share of the training that replay walks back; auto stops where it would explode."
    )
    influence_seeds: int = setting(
        1,
        "Trainings, each from its own seed, that replay averages influence over; from three on by a trimmed mean.",
        least=1,
    )
    influence_smoothness: bool = setting(
        False, "Train twice more a seed to find out whether the training is smooth enough for a replay to foretell."
    )
    influence_curvature: str = setting(
        "gauss_newton", "Matrix that influence inverts.", choices=("gauss_newton", "hessian")
    )
    influence_damping: str = setting("auto", "Number added to its eigenvalues, or auto; original has its own terms.")
    influence_order: str = setting(
        "sum",
        "sum: one solve for the summed validation loss; columns: one for each validation sample, the paper's order; "
        "basis: each validation sample by one basis of the Gauss-Newton matrix, which takes far less time.",
        choices=("sum", "columns", "basis"),
    )
    influence_scale: str = setting("auto", "LiSSA's scale, or auto; 10 for original unless given.")
    influence_depth: int = setting(200, "Most steps of the solver.", least=1)
    influence_repeats: int = setting(1, "LiSSA runs that are averaged.", least=1)
    influence_batch_size: int = setting(100, "Samples per LiSSA step.", least=1)

    # The run
    seed: int = setting(0, "Seed of everything random in the run.", least=0, most=2**32 - 1, group="training")
    same_start: bool = setting(
        True, "Start all trainings of a seed from the same random weights, as the paper does; else each from its own."
    )
    seeds: int = setting(1, "Runs, with this many seeds from --seed on; the mean and the spread are reported.", least=1)
    deterministic: bool = setting(
        False, "Use kernels that give the same bits every time, also on GPUs, where they are slower."
    )
    distribute: str = setting(
        ONE_DEVICE,
        "Devices that a training's batches are split over: none, so one; mirrored, all of this machine; multi_worker, "
        "those of all processes that TF_CONFIG names, each started with the same flags.",
        choices=(ONE_DEVICE, MIRRORED, MULTI_WORKER),
    )
    mixed_precision: bool = setting(False, "Train in bfloat16 where that is safe; influence is float32.")
    workdir: str = setting("", "Folder of the run; a new one under runs/ if empty.", group="output")
    skip_unreadable: bool = setting(
        False, "Go on without the image files that cannot be read, and list them.", group="data"
    )

    def __post_init__(self):
        check_fields(self)
        for name, lowest in (("influence_damping", "at least 0"), ("influence_scale", "more than 0")):
            if (text := getattr(self, name)) != "auto":
                with blaming(name, text):
                    number = float(text)
                    if not 0 <= number < float("inf") or (number == 0 and lowest != "at least 0"):
                        raise ValueError(f"expected a finite number of {lowest}, or auto")
        if (text := self.influence_horizon) != "auto":
            with blaming("influence_horizon", text):
                if not 0 < float(text) <= 1:
                    raise ValueError("expected a share in (0, 1], or auto")
        if self.influence_order == "basis":
            self._check_basis()
        if self.influence_seeds > 1 and not self.averages_over_seeds:
            problem = "only --influence=replay averages over seeds, and --rank_by=loss, el2n, aum or forgetting"
            raise UserError(f"--influence_seeds={self.influence_seeds}: {problem}")
        if self.influence_smoothness and self.influence != "replay":
            raise UserError("--influence_smoothness: only --influence=replay asks for a smooth training")
        if self.drop_weight and (self.rounds > 2 or self.count_last):
            raise UserError(f"--drop_weight={self.drop_weight}: for two rounds, of which the second is not scored")
        if self.chooses_cap and self.rounds > 2:
            raise UserError(f"--max_drop=auto: for two rounds, not --rounds={self.rounds}")
        if self.max_drop != "auto" and self.max_drop > 1 and self.max_drop != int(self.max_drop):
            raise UserError(f"--max_drop={self.max_drop}: expected a share up to 1 or a whole number")

    def _check_basis(self):
        if self.influence not in ("lissa", "cg"):
            raise UserError(f"--influence_order=basis: for --influence=cg or lissa, not {self.influence}")
        if self.influence_curvature != "gauss_newton":
            raise UserError(f"--influence_order=basis: not with --influence_curvature={self.influence_curvature}")
        if self.damping == 0:
            raise UserError("--influence_damping=0: --influence_order=basis needs more than 0")

    @property
    def damping(self) -> float | str:
        """`influence_damping` as `tfdrop.influence` takes it."""
        return number_or_auto(self.influence_damping)

    @property
    def averages_over_seeds(self) -> bool:
        """Whether what ranks the samples can be the mean over trainings of several seeds."""
        return self.influence == "replay"

    @property
    def scoring_seeds(self) -> range:
        """The seeds of the trainings that what ranks the samples is the mean over, the run's own first."""
        return range(self.seed, self.seed + self.influence_seeds)

    @property
    def scores_by_replay(self) -> bool:
        """Whether training samples are scored by replay, which trainings from other seeds can have a part in."""
        return self.influence == "replay" and (self.rounds > 1 or self.count_last)

    @property
    def tried_rankings(self) -> tuple[str, ...]:
        """The rankings of which trainings choose one where they choose how many to drop; `""` for the only one."""
        return ("",)

    def threshold_of(self, ranking: str = "") -> float:
        """Returns what the score of a dropped sample exceeds, as `tfdrop.data_dropout.Criterion` takes it."""
        return 0.0

    @property
    def chooses_cap(self) -> bool:
        """Whether trainings find out how many samples to drop: `max_drop` is `"auto"`, with a round to drop before."""
        return bool(self.max_drop == "auto" and self.rounds > 1)

    def check_held_out(self, validation: int, fewest: int, parts: int = 2) -> None:
        """Raises a `UserError` if half of so many validation images, or all, are too few to measure how many to drop.

        Args:
            validation: How many there are.
            fewest: How many to measure on are enough.
            parts: Into how many parts they are divided, one of which measures: 2, or 1 for all.
        """
        if validation < parts * fewest:
            needed = f"needs at least {parts * fewest} validation images" + ", to measure on half of them" * (parts > 1)
            raise UserError(f"--max_drop=auto: {needed}, and there are {validation}")

    @property
    def cap(self) -> float | int | None:
        """`max_drop` as `tfdrop.data_dropout.Criterion` takes it; `None` for the paper's criterion.

        `None` also before the trainings that find it, where it is `"auto"`.
        """
        if self.max_drop in (1, "auto"):
            return None
        return self.max_drop if self.max_drop < 1 else int(self.max_drop)


def number_or_auto(text: str) -> float | str:
    """Returns the number of a setting that is a number or `"auto"`."""
    return text if text == "auto" else float(text)
