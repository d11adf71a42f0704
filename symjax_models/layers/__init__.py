"""Linen modules: thin shells that own parameters and call `symjax_models.ops`."""

from symjax_models.layers.dense import MLP, Dense, EdgeDense

__all__ = ["MLP", "Dense", "EdgeDense"]
