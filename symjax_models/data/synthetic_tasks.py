"""Name the tasks of the synthetic benchmark: what is drawn, and what is to be predicted."""

import dataclasses
from collections.abc import Callable

import numpy as np

from symjax_models.data import synthetic_labels
from symjax_models.suggestion import look_up

Array = np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class SyntheticTask:
    """State a task: the law of its inputs, and the label as a function of them.

    Attributes:
      name: Name in the registry.
      draw: (random generator, M) -> inputs `[M, D_in]` in float64.
      label: Inputs `[M, D_in]` -> targets `[M, D_out]`.
      num_inputs: D_in.
      num_scalars: How many of the inputs, the first ones, are scalars; the rest are vectors.
      standardizes_targets: Whether a model is trained on targets of mean 0 and variance 1.
      source: The paper.
      notes: The layout of inputs and targets, and their laws.
    """

    name: str
    draw: Callable[[np.random.Generator, int], Array]
    label: Callable[[Array], Array]
    num_inputs: int
    num_scalars: int
    standardizes_targets: bool
    source: str
    notes: str


def get_task(name: str) -> SyntheticTask:
    """Return a registered task.

    Args:
      name: One of `TASKS`.

    Returns:
      The task.

    Raises:
      ValueError: If the name is unknown; the nearest one is named.

    >>> get_task("lorentz").num_inputs
    16
    """
    return look_up(name, TASKS, what="synthetic task")


def _draw_two_vectors(rng: np.random.Generator, size: int) -> Array:
    return rng.standard_normal((size, 10))


def _draw_point_masses(rng: np.random.Generator, size: int) -> Array:
    inputs = rng.standard_normal((size, 20))
    inputs[:, :5] = np.logaddexp(0.0, inputs[:, :5])
    return inputs


def _draw_four_momenta(rng: np.random.Generator, size: int) -> Array:
    return rng.standard_normal((size, 16)) / 4.0


_EMLP = (
    "Finzi, Welling, Wilson 2021, A Practical Method for Constructing Equivariant Multilayer "
    "Perceptrons for Arbitrary Matrix Groups, arXiv 2104.09459"
)

_O5 = SyntheticTask(
    name="o5",
    draw=_draw_two_vectors,
    label=synthetic_labels.o5_label,
    num_inputs=10,
    num_scalars=0,
    standardizes_targets=True,
    source=_EMLP,
    notes="Two vectors of O(5), entries N(0, 1); target one invariant.",
)

_INERTIA = SyntheticTask(
    name="inertia",
    draw=_draw_point_masses,
    label=synthetic_labels.inertia_label,
    num_inputs=20,
    num_scalars=5,
    standardizes_targets=False,
    source=_EMLP,
    notes=(
        "Five masses softplus(N(0, 1)), then five vectors (x, y, z) of O(3), entries N(0, 1); "
        "target a 3 x 3 matrix, row after row."
    ),
)

_MODIFIED_INERTIA = dataclasses.replace(
    _INERTIA,
    name="modified_inertia",
    label=synthetic_labels.modified_inertia_label,
    source=(
        "Finzi, Benton, Wilson 2021, Residual Pathway Priors for Soft Equivariance Constraints, "
        "arXiv 2112.01388"
    ),
    notes=f"{_INERTIA.notes} The z-axis breaks the symmetry: O(3) holds approximately.",
)

_LORENTZ = SyntheticTask(
    name="lorentz",
    draw=_draw_four_momenta,
    label=synthetic_labels.lorentz_label,
    num_inputs=16,
    num_scalars=0,
    standardizes_targets=True,
    source=_EMLP,
    notes="Four vectors (E, x, y, z) of O(1,3), entries N(0, 1) / 4; target one invariant.",
)

TASKS: dict[str, SyntheticTask] = {
    task.name: task for task in (_O5, _INERTIA, _MODIFIED_INERTIA, _LORENTZ)
}
