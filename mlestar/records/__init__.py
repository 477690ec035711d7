"""Frozen values: what every other part of mlestar talks about."""
