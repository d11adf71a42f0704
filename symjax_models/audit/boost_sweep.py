"""Equivariance error against the size of the group element, for groups that are not compact."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import DTypeLike

from symjax_models import groups
from symjax_models.audit import group_elements, measurement, typed_features

SIZES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclasses.dataclass(frozen=True)
class BoostSweep:
    """Hold the relative errors that `boost_sweep` measured.

    Args:
      group: the group whose elements acted.
      dtype: precision it was measured in.
      input_dtype: precision of the inputs.
      sizes: sizes ``t`` of the elements.
      max: largest error at each size.
      mean: mean error at each size.
    """

    group: groups.Group
    dtype: np.dtype
    input_dtype: np.dtype
    sizes: tuple[float, ...]
    max: tuple[float, ...]
    mean: tuple[float, ...]

    @property
    def _precision(self) -> str:
        same = self.input_dtype == self.dtype
        return f"{self.dtype}" if same else f"{self.dtype} of inputs in {self.input_dtype}"

    def plot(self, axes: Any = None) -> Any:
        """Draw error against size, on logarithmic axes.

        Errors of zero, for which such axes have no place, are drawn at a tenth of the precision.

        Args:
          axes: axes of matplotlib to draw into, as for a second precision; new ones when None.

        Returns:
          The axes.

        Raises:
          ImportError: if matplotlib is not installed.
        """
        if axes is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as error:
                raise ImportError(
                    "plots need matplotlib: pip install 'symjax_models[plots]'"
                ) from error
            axes = plt.subplots(layout="constrained")[1]
        for name, errors, style in (("max", self.max, "-o"), ("mean", self.mean, "--o")):
            drawn = [error or 0.1 * np.finfo(self.dtype).eps for error in errors]
            axes.plot(self.sizes, drawn, style, label=f"{name}, {self._precision}")
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="size t of the element exp(t A)",
            ylabel="relative equivariance error",
            title=str(self.group),
        )
        # The labels that a logarithmic axis chooses over so short a range would overlap.
        axes.set_xticks(self.sizes, labels=[f"{size:g}" for size in self.sizes])
        axes.set_xticks([], minor=True)
        axes.legend(frameon=False)
        return axes


def boost_sweep(
    function: Callable[..., Any],
    *arguments: Any,
    sizes: Sequence[float] = SIZES,
    num_directions: int = 8,
    key: jax.Array | None = None,
    dtype: DTypeLike | None = None,
    input_dtype: DTypeLike | None = None,
) -> BoostSweep:
    """Measure the equivariance error of a function as elements grow.

    For a group that is not compact, no bound on the error holds for all elements: rounding errors
    of ``f(g x)`` grow with ``g``, as ``exp(2 t)`` for the Minkowski square of a vector under a
    boost of rapidity ``t``. Here the elements are ``exp(t A)`` for random directions ``A`` of the
    Lie algebra whose largest singular value is 1, the same ones at every size. The error is that
    of `equivariance_error`.

    Part of it is not of the function: ``g x`` is no float32 number and has to be rounded to one.
    ``dtype="float64", input_dtype="float32"`` measures this part alone: what remains if ``f`` is
    evaluated without error.

    Args:
      function: what to test, as in `equivariance_error`.
      *arguments: what to test it at; one of them at least is, or holds, a `reps.RepArray`.
      sizes: sizes ``t``, positive and increasing.
      num_directions: number of directions ``A`` to draw.
      key: typed key to draw them with; ``jax.random.key(0)`` when None.
      dtype: float32 or float64; that of the features when None.
      input_dtype: float32 or float64, to which ``x`` and ``g x`` are rounded first; ``dtype`` when
        None.

    Returns:
      The largest and the mean error at each size.

    Raises:
      ValueError: if no argument holds features, their group is discrete, the sizes do not
        increase from above 0, or as `equivariance_error`.

    >>> from symjax_models import groups, reps
    >>> x = reps.normal(jax.random.key(0), 2 * reps.vector(groups.Lorentz()), (5,))
    >>> sweep = boost_sweep(lambda x: 3 * x, x, sizes=(1.0, 4.0))
    >>> sweep.sizes, max(sweep.max) < 1e-6
    ((1.0, 4.0), True)
    """
    group = typed_features.find_group(arguments)
    if group is None:
        raise ValueError(
            "expected an argument that is or holds a reps.RepArray, whose group acts, got none"
        )
    steps = np.asarray(sizes, np.float64)
    fits = steps.ndim == 1 and steps.size and (np.diff(steps, prepend=0.0) > 0).all()
    if not fits or not np.isfinite(steps).all():
        raise ValueError(
            f"expected sizes that are positive and increase, such as (0.5, 1.0, 2.0), got {sizes!r}"
        )
    typed = typed_features.assign(list(arguments), group, name="arguments")
    measurement.check_arguments(typed)
    precision = measurement.find_precision(dtype, typed)
    rounded = precision if input_dtype is None else measurement.find_precision(input_dtype, typed)
    drawn = group_elements.draw_along_directions(
        group,
        jax.random.key(0) if key is None else key,
        sizes=steps.tolist(),
        num_directions=num_directions,
    )
    errors = measurement.relative_errors(
        function,
        typed,
        lambda result: typed_features.assign(result, group, name="output"),
        {f"size {size}": elements for size, elements in zip(steps, drawn, strict=True)},
        dtype=precision,
        input_dtype=rounded,
    )
    return BoostSweep(
        group=group,
        dtype=precision,
        input_dtype=rounded,
        sizes=tuple(steps.tolist()),
        max=tuple(max(found) for found in errors.values()),
        mean=tuple(float(np.mean(found)) for found in errors.values()),
    )
