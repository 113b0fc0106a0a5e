"""Are patches that should not be in a denoiser's training set found, and does dropping them help?"""
