"""Symmetry-constrained models in JAX: groups, representations, layers, models, training."""

__version__ = "0.1.0"
