"""Checks of symmetry for functions of typed features or of plain arrays; see the functions."""

from symjax_models.audit.boost_sweep import BoostSweep, boost_sweep
from symjax_models.audit.equivariance import assert_equivariant, equivariance_error
from symjax_models.audit.measurement import EquivarianceError
from symjax_models.audit.report import EquivarianceReport, equivariance_report
from symjax_models.audit.sphere_plots import plot_features, plot_filter, plot_paths, plot_signal

__all__ = [
    "BoostSweep",
    "EquivarianceError",
    "EquivarianceReport",
    "assert_equivariant",
    "boost_sweep",
    "equivariance_error",
    "equivariance_report",
    "plot_features",
    "plot_filter",
    "plot_paths",
    "plot_signal",
]
