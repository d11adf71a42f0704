"""Representations: how a group acts; their algebra, maps between them, and typed features."""

from symjax_models.reps.arrays import RepArray, concatenate, normal
from symjax_models.reps.base import Rep
from symjax_models.reps.counting.characters import character
from symjax_models.reps.counting.dimension import dimension_of_maps
from symjax_models.reps.equivariant_basis import Basis, equivariant_basis
from symjax_models.reps.factor import of_factor
from symjax_models.reps.powers import alternating_power, symmetric_power
from symjax_models.reps.vector import determinant, scalar, vector

__all__ = [
    "Basis",
    "Rep",
    "RepArray",
    "alternating_power",
    "character",
    "concatenate",
    "determinant",
    "dimension_of_maps",
    "equivariant_basis",
    "normal",
    "of_factor",
    "scalar",
    "symmetric_power",
    "vector",
]
