"""Checks of symmetry for functions of positions, velocities and features; see the functions."""

from symjax_models.audit.equivariance import (
    EquivarianceError,
    assert_equivariant,
    equivariance_error,
)
from symjax_models.audit.report import EquivarianceReport, equivariance_report

__all__ = [
    "EquivarianceError",
    "EquivarianceReport",
    "assert_equivariant",
    "equivariance_error",
    "equivariance_report",
]
