"""What the programs do, as a library: arms that are trained, scored and tested, for classification and denoising."""
