"""Equivariance of a function and of its gradient, in both precisions, as one table."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups
from symjax_models.audit import actions, equivariance, measurement, pieces, typed_features


@dataclasses.dataclass(frozen=True)
class EquivarianceReport:
    """Hold the rows that `equivariance_report` measured; ``print`` shows them as a table.

    Args:
      rows: pairs of a quantity, ``"value"`` or ``"gradient"``, and its errors in one precision.
    """

    rows: tuple[tuple[str, measurement.EquivarianceError], ...]

    def __str__(self) -> str:
        parts = self.rows[0][1].parts
        table = [["quantity", "dtype", "max", "mean", *parts]]
        for quantity, error in self.rows:
            numbers = (error.max, error.mean, *(error.parts[part] for part in parts))
            table.append([quantity, error.dtype.name, *(f"{number:.1e}" for number in numbers)])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table
        )


def equivariance_report(
    function: Callable[..., Any],
    *arguments: Any,
    inputs: Any = None,
    output: Any = None,
    gradient: bool = False,
    reflections: bool = True,
    translations: bool = True,
    permutations: bool = True,
    num_samples: int = 8,
    key: jax.Array | None = None,
) -> EquivarianceReport:
    """Measure equivariance in float32 and float64, of the value and if asked of the gradient.

    The gradient is the pullback ``J(x)^T c`` of a random cotangent ``c`` along every floating
    argument that is not "invariant": for an energy, the forces up to a factor. It transforms by the
    dual: ``f(rho_in(g) x) = rho_out(g) f(x)`` implies ``J(g x)^T (rho_out(g)^-T c) =
    rho_in(g)^-T (J(x)^T c)``. Rotations and permutations are orthogonal, their own duals; positions
    and their gradients differ in that translations leave gradients alone.

    The same elements are used throughout. Errors of a correct function are rounding, so that those
    of float32 are some ``1e8`` times those of float64.

    Args:
      function: what to test; for this and all that is not listed see
        `equivariance.equivariance_error`.
      *arguments: what to test it at.
      inputs: a kind for each argument; None for typed features.
      output: the kind of the output; None for typed features.
      gradient: whether to test the gradient too; outputs must then be floating.
      reflections: whether to test improper rotations.
      translations: whether to test translations.
      permutations: whether to test permutations of the nodes.
      num_samples: number of elements to draw.
      key: typed key to draw them with.

    Returns:
      One row for each quantity and precision.

    Raises:
      ValueError: as `equivariance.equivariance_error`; or if a gradient is asked of an output, or
        with respect to arguments, that have none.
    """
    key = jax.random.key(0) if key is None else key
    parts = {
        "reflections": reflections,
        "translations": translations,
        "permutations": permutations,
    }
    group = equivariance.choose_group(arguments, inputs=inputs, output=output, parts=parts)
    options = {"num_samples": num_samples, "key": key}
    measure_kinds = functools.partial(equivariance.equivariance_error, **parts, **options)
    measured = {
        "value": functools.partial(
            measure_kinds, function, *arguments, inputs=inputs, output=output
        )
    }
    if gradient and group is None:
        pulled, at, kinds, result = _gradient(function, arguments, inputs, output, key)
        measured["gradient"] = functools.partial(
            measure_kinds, pulled, *at, inputs=kinds, output=result
        )
    elif gradient and group is not None:
        measured["gradient"] = functools.partial(
            typed_features.measure_error,
            *_gradient_of_features(function, arguments, group, key),
            group=group,
            **options,
        )
    return EquivarianceReport(
        tuple(
            (name, measure(dtype=dtype))
            for name, measure in measured.items()
            for dtype in (np.float32, np.float64)
        )
    )


def _gradient(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    inputs: Any,
    output: Any,
    key: jax.Array,
) -> tuple[Callable[..., Any], tuple[Any, ...], list[Any], list[str]]:
    """Return the pullback of ``function``, its arguments and the kinds of its input and output."""
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    typed = actions.assign(inputs, list(arguments), name="arguments")
    chosen = [
        i
        for i, (kind, value) in enumerate(zip(typed.kinds, typed.values, strict=True))
        if not kind.is_invariant and jnp.issubdtype(value.dtype, jnp.floating)
    ]
    if not chosen:
        raise ValueError("no gradient: every argument is 'invariant' or has integer values")
    return (
        _pullback(function, typed, chosen),
        (*arguments, _random_cotangent(jax.eval_shape(function, *arguments), key)),
        [*inputs, jax.tree.map(_cotangent_kind, output)],
        [typed.kinds[i].cotangent.name for i in chosen],
    )


def _gradient_of_features(
    function: Callable[..., Any], arguments: tuple[Any, ...], group: groups.Group, key: jax.Array
) -> tuple[Callable[..., Any], typed_features.Kinds, Callable[[Any], typed_features.Kinds]]:
    """Return the pullback of ``function``, its typed arguments and what types its output."""
    assign = functools.partial(typed_features.assign, group=group)
    typed = assign(list(arguments), name="arguments")
    chosen = [i for i, kind in enumerate(typed.kinds) if not kind.is_invariant]
    cotangent = _random_cotangent(jax.eval_shape(function, *arguments), key)
    joint = assign([*arguments, cotangent], name="arguments")
    return (
        _pullback(function, typed, chosen),
        typed_features.as_cotangents(joint, start=len(typed.kinds)),
        lambda result: typed_features.as_cotangents(assign(result, name="gradient")),
    )


def _pullback(
    function: Callable[..., Any], typed: pieces.Typed, chosen: list[int]
) -> Callable[..., list[Any]]:
    """Return the function of arguments and a cotangent that pulls it back to chosen pieces."""

    def pullback(*arguments_and_cotangent: Any) -> list[Any]:
        *primals, cotangent = arguments_and_cotangent
        cut = typed.treedef.flatten_up_to(primals)

        def of_chosen(values: list[Any]) -> Any:
            replaced = dict(zip(chosen, values, strict=True))
            every = [replaced.get(i, piece) for i, piece in enumerate(cut)]
            return function(*jax.tree.unflatten(typed.treedef, every))

        _, transpose = jax.vjp(of_chosen, [cut[i] for i in chosen])
        return transpose(cotangent)[0]

    return pullback


def _cotangent_kind(name: str) -> str:
    return actions.parse_kind(name).cotangent.name


def _random_cotangent(output: Any, key: jax.Array) -> Any:
    leaves, treedef = jax.tree.flatten(output)
    for leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise ValueError(f"no gradient: outputs must be floating-point, got {leaf.dtype}")
    keys = jax.random.split(key, len(leaves))
    drawn = [
        jax.random.normal(k, leaf.shape, complex if jnp.iscomplexobj(leaf) else float)
        for k, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(treedef, drawn)
