"""mlestar: an AI machine-learning engineer that keeps a laboratory notebook."""
