"""Equivariance of a function and of its gradient, in both precisions, as one table."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.audit import actions, equivariance


@dataclasses.dataclass(frozen=True)
class EquivarianceReport:
    """Hold the rows that `equivariance_report` measured; ``print`` shows them as a table.

    Args:
      rows: pairs of a quantity, ``"value"`` or ``"gradient"``, and its errors in one precision.
    """

    rows: tuple[tuple[str, equivariance.EquivarianceError], ...]

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
    inputs: Any,
    output: Any,
    gradient: bool = False,
    reflections: bool = True,
    translations: bool = True,
    permutations: bool = True,
    num_samples: int = 8,
    key: jax.Array | None = None,
) -> EquivarianceReport:
    """Measure equivariance in float32 and float64, of the value and if asked of the gradient.

    The gradient is the pullback ``J(x)^T c`` of a random cotangent ``c`` along every floating
    argument that is not "invariant": for an energy, the forces up to a factor. Since rotations and
    permutations are orthogonal, ``f(g x) = g f(x)`` implies ``J(g x)^T (g c) = g (J(x)^T c)``,
    where positions and their gradients differ in that translations leave gradients alone.

    The same elements are used throughout. Errors of a correct function are rounding, so that those
    of float32 are some ``1e8`` times those of float64.

    Args:
      function: what to test; for this and all that is not listed see
        `equivariance.equivariance_error`.
      *arguments: what to test it at.
      inputs: a kind for each argument.
      output: the kind of the output.
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
    inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
    quantities = {"value": (function, arguments, inputs, output)}
    if gradient:
        quantities["gradient"] = _gradient(function, arguments, inputs, output, key)
    return EquivarianceReport(
        tuple(
            (
                name,
                equivariance.equivariance_error(
                    tested,
                    *at,
                    inputs=kinds,
                    output=result,
                    reflections=reflections,
                    translations=translations,
                    permutations=permutations,
                    num_samples=num_samples,
                    key=key,
                    dtype=dtype,
                ),
            )
            for name, (tested, at, kinds, result) in quantities.items()
            for dtype in (np.float32, np.float64)
        )
    )


def _gradient(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    inputs: list[Any],
    output: Any,
    key: jax.Array,
) -> tuple[Callable[..., Any], tuple[Any, ...], list[Any], list[str]]:
    """Return the pullback of ``function``, its arguments and the kinds of its input and output."""
    typed = actions.assign(inputs, list(arguments), name="arguments")
    chosen = [
        i
        for i, (kind, value) in enumerate(zip(typed.kinds, typed.values, strict=True))
        if kind.axes is not None and jnp.issubdtype(value.dtype, jnp.floating)
    ]
    if not chosen:
        raise ValueError("no gradient: every argument is 'invariant' or has integer values")

    def pullback(*arguments_and_cotangent: Any) -> list[jax.Array]:
        *primals, cotangent = arguments_and_cotangent
        pieces = typed.treedef.flatten_up_to(primals)

        def of_chosen(values: list[jax.Array]) -> Any:
            replaced = dict(zip(chosen, values, strict=True))
            every = [replaced.get(i, piece) for i, piece in enumerate(pieces)]
            return function(*jax.tree.unflatten(typed.treedef, every))

        _, transpose = jax.vjp(of_chosen, [pieces[i] for i in chosen])
        return transpose(cotangent)[0]

    return (
        pullback,
        (*arguments, _random_cotangent(jax.eval_shape(function, *arguments), key)),
        [*inputs, jax.tree.map(_cotangent_kind, output)],
        [typed.kinds[i].cotangent.name for i in chosen],
    )


def _cotangent_kind(name: str) -> str:
    return actions.parse_kind(name).cotangent.name


def _random_cotangent(output: Any, key: jax.Array) -> Any:
    leaves, treedef = jax.tree.flatten(output)
    for leaf in leaves:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(f"no gradient: outputs must be floating-point, got {leaf.dtype}")
    keys = jax.random.split(key, len(leaves))
    drawn = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(treedef, drawn)
