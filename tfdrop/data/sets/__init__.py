"""Labelled image sets: where they come from, the form they have in memory, and how they are divided.

One file for each source (class folders, TensorFlow Datasets, scikit-learn's digits), all giving an `ImageSet`, which
`load_image_set` finds by name. What does not fit in memory has `StreamedImages` in the place of arrays.
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
        "streamed_images": ["StreamedImages"],
        "streamed_sets": ["stream_class_folders", "stream_prepared"],
    },
)
