"""Training: 3D-JEPA pretraining of the encoder and grounding of sentences (docs/training.md)."""
