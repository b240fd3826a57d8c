"""What words mean: relation phrases, attribute words, object names with their sizes."""
