"""Equivariance of a function of typed features, or of positions, velocities and permutations."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.typing import DTypeLike

from symjax_models import groups
from symjax_models.audit import actions, elements, measurement, pieces, typed_features


def equivariance_error(
    function: Callable[..., Any],
    *arguments: Any,
    inputs: Any = None,
    output: Any = None,
    reflections: bool = True,
    translations: bool = True,
    permutations: bool = True,
    num_samples: int = 8,
    key: jax.Array | None = None,
    dtype: DTypeLike | None = None,
) -> measurement.EquivarianceError:
    """Measure how far a function is from commuting with a group.

    Where an argument is, or holds, a `reps.RepArray`, the group is that of these features: each of
    them transforms by its own representation, those in the output too, and everything else is
    invariant. Tested are elements drawn by ``group.sample`` (``"sampled"``) and ``"generators"``:
    ``group.discrete_generators``, and ``exp(A)`` for a basis of the Lie algebra.

    Otherwise the group is E(d) x S(N), and ``inputs`` and ``output`` say how plain arrays
    transform.

    For an element ``g``, the error of one output array is ``max |f(g x) - g f(x)| / rms(g f(x))``:
    the largest deviation of any entry, relative to the root mean square of the reference over all
    entries. If the reference is zero, the scale is ``rms(f(g x))``; if both are zero, the error is
    0. The error of several outputs, or blocks of features, is that of the worst.

    Each kind of plain array says what ``g`` (rotation ``R``, translation ``t``, permutation) does:

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
      *arguments: what to test it at. The group, or ``N`` and ``d``, are read off these.
      inputs: a kind for each argument; for an argument with parts, a pytree of kinds. None for
        typed features.
      output: the kind of the output; for several outputs, a pytree of kinds. None for typed
        features.
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
      ValueError: for an unknown kind; a shape, dtype or structure that does not fit its kind;
        features of several groups; kinds or parts given for features, or no kinds for plain
        arrays; an input or output that is not finite; or when nothing is left to test.

    Numerics:
      Elements, actions and errors are computed on the host in float64, so that rounding comes from
      ``function`` and its arguments alone. An output that symmetry forces to zero and that is
      rounding noise instead has no scale: its relative error is large.

    >>> x = np.arange(6.0).reshape(3, 2)
    >>> error = equivariance_error(lambda x: x - x.mean(0), x, inputs=["point"], output="vector")
    >>> error.max < 1e-6
    True
    >>> from symjax_models import groups, reps
    >>> v = reps.normal(jax.random.key(0), 2 * reps.vector(groups.Lorentz()), (5,))
    >>> equivariance_error(lambda v: 3 * v, v).max < 1e-6
    True
    """
    parts = {
        "reflections": reflections,
        "translations": translations,
        "permutations": permutations,
    }
    group = choose_group(arguments, inputs=inputs, output=output, parts=parts)
    key = jax.random.key(0) if key is None else key
    if group is None:
        return _measure_kinds(
            function,
            arguments,
            inputs=inputs,
            output=output,
            parts=parts,
            num_samples=num_samples,
            key=key,
            dtype=dtype,
        )
    return typed_features.measure_error(
        function,
        typed_features.assign(list(arguments), group, name="arguments"),
        lambda result: typed_features.assign(result, group, name="output"),
        group=group,
        num_samples=num_samples,
        key=key,
        dtype=dtype,
    )


def assert_equivariant(
    function: Callable[..., Any],
    *arguments: Any,
    inputs: Any = None,
    output: Any = None,
    tolerance: float | None = None,
    reflections: bool = True,
    translations: bool = True,
    permutations: bool = True,
    num_samples: int = 8,
    key: jax.Array | None = None,
    dtype: DTypeLike | None = None,
) -> None:
    """Fail unless a function commutes with a group up to rounding.

    Args:
      function: what to test; for this and all that is not listed see `equivariance_error`.
      *arguments: what to test it at.
      inputs: a kind for each argument; None for typed features.
      output: the kind of the output; None for typed features.
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
    tolerance = measurement.TOLERANCES[error.dtype.name] if tolerance is None else tolerance
    if not error.max <= tolerance:
        broken = [name for name, value in error.parts.items() if not value <= tolerance]
        # "together" says something only where no part breaks by itself.
        names = " and ".join([name for name in broken if name != "together"] or broken)
        under = names if error.group is None else f"{error.group} ({names})"
        raise AssertionError(
            f"not equivariant under {under}: relative error {error.max:.1e} above the tolerance "
            f"{tolerance:.1e}\n{error}"
        )


def choose_group(
    arguments: Any, *, inputs: Any, output: Any, parts: dict[str, bool]
) -> groups.Group | None:
    """Return the group of the features in the arguments; None for plain arrays of given kinds.

    Args:
      arguments: what a function is tested at.
      inputs: their kinds, if given.
      output: the kind of the output, if given.
      parts: which parts of E(d) x S(N) to test.

    Raises:
      ValueError: if kinds or parts are given for features, or no kinds for plain arrays.
    """
    group = typed_features.find_group(arguments)
    missing = [name for name, kinds in (("inputs", inputs), ("output", output)) if kinds is None]
    if group is None and missing:
        raise ValueError(
            "expected kinds of the plain arrays as inputs=... and output=..., or arguments that "
            f"are reps.RepArray, which need none; got no RepArray and no {' and no '.join(missing)}"
        )
    if group is not None and len(missing) < 2:
        raise ValueError(
            f"expected reps.RepArray, or plain arrays with kinds of E(d) x S(N), got features of "
            f"{group!r} together with kinds: leave out inputs and output"
        )
    left_out = [f"{name}=False" for name, wanted in parts.items() if not wanted]
    if group is not None and left_out:
        raise ValueError(
            f"expected no choice of parts of E(d) x S(N), got {' and '.join(left_out)} with "
            f"features of {group!r}, all of which is tested: take features of a smaller group"
        )
    return group


def _measure_kinds(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    inputs: Any,
    output: Any,
    parts: dict[str, bool],
    num_samples: int,
    key: jax.Array,
    dtype: DTypeLike | None,
) -> measurement.EquivarianceError:
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    typed = actions.assign(inputs, list(arguments), name="arguments")
    sizes = actions.fit(typed, {})
    measurement.check_arguments(typed)
    precision = measurement.find_precision(dtype, typed)
    kinds = (*typed.kinds, *map(actions.parse_kind, jax.tree.leaves(output)))
    drawn = elements.draw_elements(
        key,
        nodes=sizes.get("N", 0),
        dimension=sizes.get("d", 0),
        radius=_radius(typed),
        parts=_choose_parts(actions.acting_parts(kinds, sizes), parts),
        num_samples=num_samples,
    )

    def read_output(result: Any) -> pieces.Typed[actions.Kind]:
        read = actions.assign(output, result, name="output")
        actions.fit(read, sizes)
        return read

    return measurement.measure_error(
        function, typed, read_output, drawn, dtype=precision, num_samples=num_samples
    )


def _choose_parts(acting: tuple[str, ...], wanted: dict[str, bool]) -> tuple[str, ...]:
    parts = tuple(name for name in acting if wanted.get(name, True))
    if not parts:
        raise ValueError(
            f"nothing to test: of rotations, reflections, translations and permutations, "
            f"{' and '.join(acting) or 'nothing'} would act on arguments of these kinds"
            f"{' but is left out' * bool(acting)}"
        )
    return parts


def _radius(typed: pieces.Typed[actions.Kind]) -> float:
    points = [value.astype(np.float64) for kind, value, _ in typed.moving if kind.shifted]
    squares = [np.square(x).sum(-1).ravel() for x in points]
    # Where all points lie on the origin there is no scale to go by: one unit.
    return float(np.sqrt(np.concatenate(squares).mean())) or 1.0 if squares else 1.0
