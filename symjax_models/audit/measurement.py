"""Relative errors of a function under given elements, whatever they are and act on."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from symjax_models import groups
from symjax_models.audit import pieces

TOLERANCES = {"float32": 5e-6, "float64": 1e-12}


@dataclasses.dataclass(frozen=True)
class EquivarianceError:
    """Hold the relative errors that `equivariance_error` measured.

    Args:
      max: largest error over every element tried, those of ``parts`` included.
      mean: mean error over the elements of the whole group: ``"together"`` or ``"sampled"``.
      dtype: precision it was measured in.
      num_samples: number of elements drawn, of the whole group and of each part of E(d) x S(N).
      parts: largest error of the whole group and of each part. Of E(d) x S(N): all ``"together"``
        and each part by itself; where ``"rotations"`` break, ``"reflections"`` (improper rotations)
        mostly do too. Of the group of typed features: its ``"sampled"`` elements and its
        ``"generators"``.
      group: the group of the typed features; None for E(d) x S(N).
    """

    max: float
    mean: float
    dtype: np.dtype
    num_samples: int
    parts: dict[str, float]
    group: groups.Group | None = None

    def __str__(self) -> str:
        width = max(map(len, self.parts))
        under = "" if self.group is None else f" under {self.group}"
        head = (
            f"equivariance error{under} in {self.dtype}: max {self.max:.1e}, "
            f"mean {self.mean:.1e} over {self.num_samples} elements"
        )
        return "\n".join([head, *(f"  {k:<{width}}  {v:.1e}" for k, v in self.parts.items())])


def measure_error(
    function: Callable[..., Any],
    typed: pieces.Typed,
    read_output: Callable[[Any], pieces.Typed],
    drawn: Mapping[str, Iterable[Any]],
    *,
    dtype: np.dtype,
    num_samples: int,
    group: groups.Group | None = None,
) -> EquivarianceError:
    """Measure `relative_errors` and sum them up; ``drawn`` starts with the whole group."""
    errors = relative_errors(function, typed, read_output, drawn, dtype=dtype)
    largest = {name: max(values) for name, values in errors.items()}
    return EquivarianceError(
        max=max(largest.values()),
        mean=float(np.mean(next(iter(errors.values())))),
        dtype=dtype,
        num_samples=num_samples,
        parts=largest,
        group=group,
    )


def relative_errors(
    function: Callable[..., Any],
    typed: pieces.Typed,
    read_output: Callable[[Any], pieces.Typed],
    drawn: Mapping[str, Iterable[Any]],
    *,
    dtype: np.dtype,
    input_dtype: np.dtype | None = None,
) -> dict[str, list[float]]:
    """Measure ``f(g x)`` against ``g f(x)``; the error is defined in `equivariance_error`.

    Args:
      function: what to test; traced afresh, once.
      typed: its arguments, a list or tuple, with their kinds.
      read_output: gives the pieces of an output their kinds.
      drawn: elements by name.
      dtype: float32 or float64, which the arguments are converted to.
      input_dtype: the precision that the arguments are rounded to before; ``dtype`` when None.

    Returns:
      The errors of the elements, by name.

    Raises:
      ValueError: if an output is not finite, or ``read_output`` refuses it.
    """
    # The wrapper is new to jit's cache, so the function is traced in the precision that holds now.
    compiled = jax.jit(lambda *arguments: function(*arguments))

    def evaluate(moved: pieces.Typed, where: str) -> pieces.Typed:
        if input_dtype is not None:
            moved = moved.cast(input_dtype).cast(dtype)
        result = read_output(compiled(*moved.whole))
        for value, label in zip(result.values, result.labels, strict=True):
            _check_finite(value, f"{label} {where}")
        return result.cast(np.dtype(np.float64))

    typed = typed.cast(dtype)
    with jax.enable_x64(dtype == np.float64):
        reference = evaluate(typed, "with the arguments as given")
        return {
            name: [
                _relative_error(
                    evaluate(typed.transform(element), f"with the arguments moved ({name})"),
                    reference.transform(element),
                )
                for element in elements
            ]
            for name, elements in drawn.items()
        }


def find_precision(dtype: DTypeLike | None, typed: pieces.Typed) -> np.dtype:
    """Return the precision to measure in: that asked for, or else that of the pieces that move.

    Raises:
      ValueError: if it is neither float32 nor float64.
    """
    if dtype is None:
        leaves = jax.tree.leaves([value for _, value, _ in typed.moving])
        inexact = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)]
        dtype = jnp.finfo(jnp.result_type(*inexact or [float])).dtype
    name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    if name not in TOLERANCES:
        raise ValueError(f"expected dtype float32 or float64, got {name}")
    return np.dtype(name)


def check_arguments(typed: pieces.Typed) -> None:
    """Raise ``ValueError`` if a piece that moves has an entry that is NaN or infinite."""
    for _, value, label in typed.moving:
        _check_finite(value, f"{label} as given")


def _check_finite(value: Any, what: str) -> None:
    for leaf in jax.tree.leaves(value):
        bad = np.size(leaf) - np.isfinite(leaf).sum()
        if bad:
            raise ValueError(f"{what}: {bad} of {np.size(leaf)} entries are NaN or infinite")


def _relative_error(actual: pieces.Typed, expected: pieces.Typed) -> float:
    leaves = zip(jax.tree.leaves(actual.values), jax.tree.leaves(expected.values), strict=True)
    return max((_relative_deviation(a, b) for a, b in leaves), default=0.0)


def _relative_deviation(actual: ArrayLike, expected: ArrayLike) -> float:
    actual, expected = _as_numbers(actual), _as_numbers(expected)
    scale = _root_mean_square(expected) or _root_mean_square(actual)
    # A scale of zero here means that both are zero.
    return float(np.abs(actual - expected).max() / scale) if scale else 0.0


def _as_numbers(leaf: ArrayLike) -> np.ndarray:
    # Booleans and unsigned integers do not subtract as numbers do.
    array = np.asarray(leaf)
    return array.astype(np.result_type(array.dtype, np.float64))


def _root_mean_square(array: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(np.abs(array))))) if array.size else 0.0
