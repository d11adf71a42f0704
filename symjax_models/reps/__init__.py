"""Representations: how a group acts; their algebra, maps between them, and typed features."""

from symjax_models.reps.arrays import RepArray, concatenate, normal
from symjax_models.reps.base import Rep
from symjax_models.reps.bases import Basis, equivariant_basis
from symjax_models.reps.branching import branch
from symjax_models.reps.counting.characters import character
from symjax_models.reps.counting.dimension import dimension_of_maps
from symjax_models.reps.decomposition import decompose
from symjax_models.reps.defining import determinant, scalar, vector
from symjax_models.reps.factor import of_factor
from symjax_models.reps.finite_irreps import Irrep, irreps
from symjax_models.reps.index_symmetries import reduce_tensor
from symjax_models.reps.induction import induce
from symjax_models.reps.interchange import from_e3nn, from_e3x, to_e3nn, to_e3x
from symjax_models.reps.irreps_strings import (
    filter_irreps,
    format_irreps,
    harmonic_irreps,
    parse_irreps,
    sort_irreps,
)
from symjax_models.reps.permutation_reps import quotient, regular
from symjax_models.reps.planar_irreps import planar_irrep
from symjax_models.reps.powers import alternating_power, symmetric_power
from symjax_models.reps.restriction import restrict
from symjax_models.reps.rotation_irreps import rotation_irrep
from symjax_models.reps.splitting import change_of_basis
from symjax_models.reps.weights import decompose_weights, dimension_of_weight

__all__ = [
    "Basis",
    "Irrep",
    "Rep",
    "RepArray",
    "alternating_power",
    "branch",
    "change_of_basis",
    "character",
    "concatenate",
    "decompose",
    "decompose_weights",
    "determinant",
    "dimension_of_maps",
    "dimension_of_weight",
    "equivariant_basis",
    "filter_irreps",
    "format_irreps",
    "from_e3nn",
    "from_e3x",
    "harmonic_irreps",
    "induce",
    "irreps",
    "normal",
    "of_factor",
    "parse_irreps",
    "planar_irrep",
    "quotient",
    "reduce_tensor",
    "regular",
    "restrict",
    "rotation_irrep",
    "scalar",
    "sort_irreps",
    "symmetric_power",
    "to_e3nn",
    "to_e3x",
    "vector",
]
