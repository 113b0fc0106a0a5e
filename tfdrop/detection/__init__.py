"""Detection of objects by keras-hub's RetinaNet on networks that were trained here; PASCAL VOC and its measures.

`build_detector` needs keras-hub (`pip install ".[detect]"`); reading sets and measuring does not.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "annotations": ["CLASSES", "Annotated", "Objects", "unannotated"],
        "average_precision": ["AveragePrecision", "Detections", "average_precision"],
        "batches": ["Batches"],
        "decoding": ["Detector"],
        "detector_file": ["load_detector", "save_detector"],
        "prepared": ["list_prepared"],
        "pyramid": ["image_encoder"],
        "retinanet": ["build_detector", "compile_detector"],
        "voc": ["list_voc"],
    },
)
