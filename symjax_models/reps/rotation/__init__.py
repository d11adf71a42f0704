"""Irreps of SO(3) on real spherical harmonics: coupling, generators and Wigner matrices."""

from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan, coupling_degrees
from symjax_models.reps.rotation.generators import generators
from symjax_models.reps.rotation.wigner import wigner_d, wigner_ds

__all__ = ["clebsch_gordan", "coupling_degrees", "generators", "wigner_d", "wigner_ds"]
