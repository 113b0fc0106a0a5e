"""The figures by name."""

from tfdrop.tasks.figures import (
    activation_maps,
    curves,
    denoised,
    inference_rates,
    overlaps,
    pairs,
    settings,
    strongest_channels,
    unfavorable_counts,
    unfavorable_samples,
)
from tfdrop.tasks.figures.figure import Figure

FIGURES = {
    "unfavorable_counts": Figure(
        "Data Dropout, Fig. 1",
        "Unfavorable samples after each round, of runs with --rounds and --count_last.",
        unfavorable_counts.draw,
    ),
    "unfavorable_samples": Figure(
        "Data Dropout, Fig. 2", "The most unfavorable samples; --classes, --number.", unfavorable_samples.draw
    ),
    "denoised": Figure(
        "Data Dropout, Fig. 4",
        "A test image (--images=0) noisy, by non-local means, by BM3D where it is installed, and by every round.",
        denoised.draw,
    ),
    "overlaps": Figure(
        "Data Dropout, section V",
        "Unfavorable samples that networks share, beside chance, and how many each has beside its error.",
        overlaps.draw,
    ),
    "activation_maps": Figure(
        "SelectScale, Figs. 1 and 5; FocusedDropout, Fig. 4",
        "Class activation maps of runs, or of --epochs that --keep_epochs kept; --images, --classes, --method.",
        activation_maps.draw,
    ),
    "inference_rates": Figure(
        "SelectScale, Fig. 3", "Test error while dropping in inference, of runs with --test_drop.", inference_rates.draw
    ),
    "settings": Figure(
        "SelectScale, Fig. 4; FocusedDropout, Fig. 6",
        "Test error of runs that differ in a --setting, such as top_rate, and the share of units kept.",
        settings.draw,
    ),
    "strongest_channels": Figure(
        "FocusedDropout, Fig. 2",
        "How often each of the last channels is the strongest; --classes.",
        strongest_channels.draw,
    ),
    "curves": Figure("FocusedDropout, Fig. 5", "Accuracy and training loss over the epochs.", curves.draw),
    "pairs": Figure(
        "of tfdrop",
        "Training samples that harm and help validation --images or --classes most; --influence=functions or replay.",
        pairs.draw,
    ),
}
