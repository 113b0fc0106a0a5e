"""Labelled image sets: where they come from, the form they have in memory, and how they are divided.

One file for each source (class folders, TensorFlow Datasets, scikit-learn's digits), all giving an `ImageSet`, which
`load_image_set` finds by name. What does not fit in memory is an `ImageStream`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "class_folders": ["ClassFolders", "list_class_folders", "read_class_folders"],
        "digits": ["load_digits"],
        "image_set": ["ImageSet", "load_image_set_file", "save_image_set"],
        "named": ["load_image_set"],
        "prepared": ["PreparedSet", "load_prepared", "open_prepared"],
        "splits": ["Split", "draw_balanced", "draw_stratified", "hold_out_test", "split_for_validation"],
        "streams": ["ImageStream", "evaluation_batches", "open_image_streams", "training_batches"],
    },
)
