"""Data sets on the host: deterministic, checked, kept in a cache folder."""

from symjax_models.data import cache, nbody

__all__ = ["cache", "nbody"]
