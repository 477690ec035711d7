"""A language-model service on the loopback: real wire formats, answers of any engineer, every way to fail."""
