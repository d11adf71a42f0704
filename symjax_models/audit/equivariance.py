"""Equivariance of a function of positions, velocities, features and permutations, measured."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from symjax_models.audit import actions, elements

TOLERANCES = {"float32": 5e-6, "float64": 1e-12}


@dataclasses.dataclass(frozen=True)
class EquivarianceError:
    """Hold the relative errors that `equivariance_error` measured.

    Args:
      max: largest error over every element tried, those of ``parts`` included.
      mean: mean error over the elements of the whole group.
      dtype: precision it was measured in.
      num_samples: number of elements, of the whole group and of each part.
      parts: largest error of the whole group (``"together"``) and of each part by itself. Where
        ``"rotations"`` break, ``"reflections"`` (improper rotations) mostly do too.
    """

    max: float
    mean: float
    dtype: np.dtype
    num_samples: int
    parts: dict[str, float]

    def __str__(self) -> str:
        width = max(map(len, self.parts))
        head = (
            f"equivariance error in {self.dtype}: max {self.max:.1e}, mean {self.mean:.1e} "
            f"over {self.num_samples} elements"
        )
        return "\n".join([head, *(f"  {k:<{width}}  {v:.1e}" for k, v in self.parts.items())])


def equivariance_error(
    function: Callable[..., Any],
    *arguments: Any,
    inputs: Any,
    output: Any,
    reflections: bool = True,
    translations: bool = True,
    permutations: bool = True,
    num_samples: int = 8,
    key: jax.Array | None = None,
    dtype: DTypeLike | None = None,
) -> EquivarianceError:
    """Measure how far a function is from commuting with E(d) x S(N).

    For an element ``g``, the error of one output array is ``max |f(g x) - g f(x)| / rms(g f(x))``:
    the largest deviation of any entry, relative to the root mean square of the reference over all
    entries. If the reference is zero, the scale is ``rms(f(g x))``; if both are zero, the error is
    0. The error of several outputs is that of the worst.

    Each kind says what ``g`` (rotation ``R``, translation ``t``, permutation) does to an array:

    ===========  =================  ==========================================
    kind         shape              action
    ===========  =================  ==========================================
    "point"      ``[..., N, d]``    ``R x + t``, nodes permuted
    "vector"     ``[..., N, d]``    ``R v``, nodes permuted
    "scalar"     ``[..., N, C]``    nodes permuted
    "pair"       ``[..., N, N]``    nodes permuted on both axes
    "invariant"  any pytree         none: parameters, globals, keys, energies
    ===========  =================  ==========================================

    Args:
      function: what to test. It is traced afresh, once, in ``dtype``; options that are not arrays
        belong in its closure.
      *arguments: what to test it at. ``N`` and ``d`` are read off these.
      inputs: a kind for each argument; for an argument with parts, a pytree of kinds.
      output: the kind of the output; for several outputs, a pytree of kinds.
      reflections: whether to test improper rotations beside the proper ones.
      translations: whether to test translations; their length is up to the root mean square
        distance of the points from the origin.
      permutations: whether to test permutations of the nodes.
      num_samples: number of elements to draw.
      key: typed key to draw them with; ``jax.random.key(0)`` when None.
      dtype: float32 or float64; that of the arguments, as JAX would take them, when None. All
        floating arrays in ``arguments`` are converted to it, those of parameters too, and float64
        runs under ``jax.enable_x64``. Arrays that ``function`` closes over stay as they are.

    Returns:
      The errors, for the group as a whole and for each part by itself.

    Raises:
      ValueError: for an unknown kind; a shape, dtype or structure that does not fit its kind; an
        input or output that is not finite; or when nothing is left to test.

    Numerics:
      Elements, actions and errors are computed on the host in float64, so that rounding comes from
      ``function`` and its arguments alone. An output that symmetry forces to zero and that is
      rounding noise instead has no scale: its relative error is large.

    >>> x = np.arange(6.0).reshape(3, 2)
    >>> error = equivariance_error(lambda x: x - x.mean(0), x, inputs=["point"], output="vector")
    >>> error.max < 1e-6
    True
    """
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    typed = actions.assign(inputs, list(arguments), name="arguments")
    sizes = typed.fit({})
    for _, value, label in typed.arrays:
        _check_finite(value, f"{label} as given")
    dtype = _precision(dtype, typed)
    kinds = (*typed.kinds, *map(actions.parse_kind, jax.tree.leaves(output)))
    drawn = elements.draw_elements(
        jax.random.key(0) if key is None else key,
        nodes=sizes.get("N", 0),
        dimension=sizes.get("d", 0),
        radius=_radius(typed),
        parts=_choose_parts(
            actions.acting_parts(kinds, sizes),
            reflections=reflections,
            translations=translations,
            permutations=permutations,
        ),
        num_samples=num_samples,
    )
    with jax.enable_x64(dtype == np.float64):
        errors = _measure(function, typed.cast(dtype), output, sizes, drawn)
    largest = {name: max(values) for name, values in errors.items()}
    return EquivarianceError(
        max=max(largest.values()),
        mean=float(np.mean(errors["together"])),
        dtype=dtype,
        num_samples=num_samples,
        parts=largest,
    )


def assert_equivariant(
    function: Callable[..., Any],
    *arguments: Any,
    inputs: Any,
    output: Any,
    tolerance: float | None = None,
    reflections: bool = True,
    translations: bool = True,
    permutations: bool = True,
    num_samples: int = 8,
    key: jax.Array | None = None,
    dtype: DTypeLike | None = None,
) -> None:
    """Fail unless a function commutes with E(d) x S(N) up to rounding.

    Args:
      function: what to test; for this and all that is not listed see `equivariance_error`.
      *arguments: what to test it at.
      inputs: a kind for each argument.
      output: the kind of the output.
      tolerance: largest relative error allowed; 5e-6 in float32 and 1e-12 in float64 when None.
      reflections: whether to test improper rotations.
      translations: whether to test translations.
      permutations: whether to test permutations of the nodes.
      num_samples: number of elements to draw.
      key: typed key to draw them with.
      dtype: float32 or float64.

    Raises:
      AssertionError: with the errors measured, the tolerance and the parts that break.
      ValueError: as `equivariance_error`.
    """
    error = equivariance_error(
        function,
        *arguments,
        inputs=inputs,
        output=output,
        reflections=reflections,
        translations=translations,
        permutations=permutations,
        num_samples=num_samples,
        key=key,
        dtype=dtype,
    )
    tolerance = TOLERANCES[error.dtype.name] if tolerance is None else tolerance
    if not error.max <= tolerance:
        broken = [name for name, value in error.parts.items() if not value <= tolerance]
        # "together" says something only where no part breaks by itself.
        names = " and ".join(broken[1:] or broken)
        raise AssertionError(
            f"not equivariant under {names}: relative error {error.max:.1e} above the tolerance "
            f"{tolerance:.1e}\n{error}"
        )


def _precision(dtype: DTypeLike | None, typed: actions.Typed) -> np.dtype:
    if dtype is None:
        values = [value for _, value, _ in typed.arrays]
        real = [value for value in values if jnp.issubdtype(value.dtype, jnp.floating)]
        dtype = jnp.result_type(*real or [float])
    name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    if name not in TOLERANCES:
        raise ValueError(f"expected dtype float32 or float64, got {name}")
    return np.dtype(name)


def _choose_parts(
    acting: tuple[str, ...], *, reflections: bool, translations: bool, permutations: bool
) -> tuple[str, ...]:
    left_out = {
        "reflections": not reflections,
        "translations": not translations,
        "permutations": not permutations,
    }
    parts = tuple(name for name in acting if not left_out.get(name, False))
    if not parts:
        raise ValueError(
            f"nothing to test: of rotations, reflections, translations and permutations, "
            f"{' and '.join(acting) or 'nothing'} would act on arguments of these kinds"
            f"{' but is left out' * bool(acting)}"
        )
    return parts


def _radius(typed: actions.Typed) -> float:
    points = [value.astype(np.float64) for kind, value, _ in typed.arrays if kind.shifted]
    squares = [np.square(x).sum(-1).ravel() for x in points]
    # Where all points lie on the origin there is no scale to go by: one unit.
    return float(np.sqrt(np.concatenate(squares).mean())) or 1.0 if squares else 1.0


def _measure(
    function: Callable[..., Any],
    typed: actions.Typed,
    output: Any,
    sizes: dict[str, int],
    drawn: dict[str, tuple[elements.Element, ...]],
) -> dict[str, list[float]]:
    # The wrapper is new to jit's cache, so the function is traced in the precision that holds now.
    compiled = jax.jit(lambda *arguments: function(*arguments))

    def evaluate(moved: actions.Typed, where: str) -> actions.Typed:
        result = actions.assign(output, compiled(*moved.whole), name="output")
        result.fit(sizes)
        for value, label in zip(result.values, result.labels, strict=True):
            _check_finite(value, f"{label} {where}")
        return result.cast(np.dtype(np.float64))

    reference = evaluate(typed, "with the arguments as given")
    return {
        name: [
            _relative_error(
                evaluate(typed.transform(element), f"with the arguments moved ({name})"),
                reference.transform(element),
            )
            for element in drawn_elements
        ]
        for name, drawn_elements in drawn.items()
    }


def _check_finite(value: Any, what: str) -> None:
    for leaf in jax.tree.leaves(value):
        bad = np.size(leaf) - np.isfinite(leaf).sum()
        if bad:
            raise ValueError(f"{what}: {bad} of {np.size(leaf)} entries are NaN or infinite")


def _relative_error(actual: actions.Typed, expected: actions.Typed) -> float:
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
