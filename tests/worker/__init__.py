"""Worker and scheduler as real processes."""
