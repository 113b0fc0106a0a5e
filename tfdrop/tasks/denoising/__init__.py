"""DnCNN denoising: settings, data, training, scores and the report."""
