"""Text encoders and, with them, the neural parts."""
