"""Molecular dynamics of trained potentials: compiled as a whole, or through ASE.

`calculator` needs the extra [molecules] and is imported by its own name.
"""

from symjax_models.dynamics import integrators, observables, skin
from symjax_models.dynamics.simulation import Settings, System, Trajectory, simulate

__all__ = [
    "Settings",
    "System",
    "Trajectory",
    "integrators",
    "observables",
    "simulate",
    "skin",
]
