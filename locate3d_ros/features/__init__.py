"""2D features: Frame -> FrameFeatures."""
