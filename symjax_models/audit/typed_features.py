"""Typed features, which transform by representations of their own group."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from symjax_models import groups, reps
from symjax_models.audit import actions, group_elements, measurement, pieces


@dataclasses.dataclass(frozen=True)
class Features:
    """Say that a piece is a `reps.RepArray`, which transforms by its own representation.

    Args:
      is_dual: whether it transforms by the dual one instead, ``rho(g)^-T``, as gradients do.
    """

    is_dual: bool = False

    @property
    def is_invariant(self) -> bool:
        """False."""
        return False

    @property
    def cotangent(self) -> "Features":
        """The dual action."""
        return Features(not self.is_dual)

    def act(self, element: np.ndarray, value: reps.RepArray) -> reps.RepArray:
        """Transform features.

        Args:
          element: ``g``, ``[n, n]`` float64 or complex128; it acts on every batch entry alike.
          value: the features.

        Returns:
          ``rho(g) x`` in the dtypes of ``x``, computed on the host in float64.
        """
        terms = [term.dual if self.is_dual else term for _, term in value.rep.terms]
        moved = [
            _multiply(term.rho(element), np.asarray(block))
            for term, block in zip(terms, value.blocks, strict=True)
        ]
        # In the container of the features also where the dual acts: the order of its terms holds.
        return reps.RepArray(value.rep, moved)


Kinds = pieces.Typed[Features | actions.Kind]


def find_group(values: Any) -> groups.Group | None:
    """Return the group of the first `reps.RepArray` in a pytree; None where there is none."""
    leaves = jax.tree.leaves(values, is_leaf=_is_features)
    return next((leaf.rep.group for leaf in leaves if _is_features(leaf)), None)


def assign(values: Any, group: groups.Group, *, name: str) -> Kinds:
    """Cut a pytree into its features and what is between them, which is invariant.

    Args:
      values: the pytree.
      group: the group that its features must be of.
      name: what messages call ``values``.

    Returns:
      The pieces: every `reps.RepArray` and every other leaf.

    Raises:
      ValueError: if features are of another group, or their blocks cannot hold what acts on them.
    """
    named, treedef = jax.tree_util.tree_flatten_with_path(values, is_leaf=_is_features)
    labels = tuple(name + jax.tree_util.keystr(path) for path, _ in named)
    leaves = tuple(leaf for _, leaf in named)
    for leaf, label in zip(leaves, labels, strict=True):
        if _is_features(leaf):
            _check_features(leaf, group, label)
    invariant = actions.KINDS["invariant"]
    kinds = tuple(Features() if _is_features(leaf) else invariant for leaf in leaves)
    return pieces.Typed(treedef=treedef, kinds=kinds, values=leaves, labels=labels)


def as_cotangents(typed: Kinds, *, start: int = 0) -> Kinds:
    """Let the dual act on the features from piece number ``start`` on."""
    turned = (kind.cotangent for kind in typed.kinds[start:])
    return dataclasses.replace(typed, kinds=(*typed.kinds[:start], *turned))


def measure_error(
    function: Callable[..., Any],
    typed: Kinds,
    read_output: Callable[[Any], Kinds],
    *,
    group: groups.Group,
    num_samples: int,
    key: jax.Array,
    dtype: DTypeLike | None,
) -> measurement.EquivarianceError:
    """Measure the error of a function of typed features, see `equivariance_error`.

    Args:
      function: what to test.
      typed: its arguments, a list, with their actions.
      read_output: gives the pieces of an output their actions.
      group: the group that acts.
      num_samples: number of elements to draw beside the generators.
      key: typed key to draw them with.
      dtype: float32 or float64.

    Returns:
      The errors of sampled elements and of generators.
    """
    measurement.check_arguments(typed)
    return measurement.measure_error(
        function,
        typed,
        read_output,
        group_elements.draw_elements(group, key, num_samples=num_samples),
        dtype=measurement.find_precision(dtype, typed),
        num_samples=num_samples,
        group=group,
    )


def _is_features(value: Any) -> bool:
    return isinstance(value, reps.RepArray)


def _multiply(rho: np.ndarray, block: np.ndarray) -> np.ndarray:
    moved = np.einsum("...ij,...jc->...ic", rho, block)
    # Scalars of a complex group may be real: what acts on them is one.
    return (moved if np.iscomplexobj(block) else moved.real).astype(block.dtype)


def _check_features(features: reps.RepArray, group: groups.Group, label: str) -> None:
    if features.rep.group != group:
        raise ValueError(
            f"expected features of one group, got features of {group!r} and, in {label}, of "
            f"{features.rep.group!r}"
        )
    for (_, term), block in zip(features.rep.terms, features.blocks, strict=True):
        needs_complex = term.is_complex and bool(term.factors)
        wanted = jnp.complexfloating if needs_complex else jnp.inexact
        if not jnp.issubdtype(block.dtype, wanted):
            raise ValueError(
                f"{label} has features of {term!r}, which need "
                f"{'complex' if needs_complex else 'floating-point'} values, got {block.dtype}"
            )
