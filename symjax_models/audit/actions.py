"""Kinds of arrays, and how an element of E(d) x S(N) acts on each."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.audit import elements, pieces
from symjax_models.suggestion import nearest_of


@dataclasses.dataclass(frozen=True)
class Kind:
    """Say how an array transforms.

    Args:
      name: what users call it.
      axes: what its last axes are: ``"N"`` nodes, permuted; ``"d"`` space, rotated; ``"C"``
        channels, left alone. None: a pytree of anything, left alone.
      shifted: whether translations move it.
    """

    name: str
    axes: tuple[str, ...] | None
    shifted: bool = False

    @property
    def is_invariant(self) -> bool:
        """Whether it is a pytree of anything, left alone."""
        return self.axes is None

    @property
    def cotangent(self) -> "Kind":
        """Kind of the gradient with respect to an array of this kind."""
        return KINDS["vector"] if self.shifted else self

    def act(self, element: elements.Element, value: Any) -> Any:
        """Transform a value of this kind.

        Args:
          element: what acts, on every batch entry alike.
          value: an array that fits ``axes``, or for ``axes=None`` anything.

        Returns:
          The transformed value in the dtype it came in, computed in float64.
        """
        if self.axes is None:
            return value
        # On the host in float64: no accelerator's matmul precision can blur the measurement, and
        # nothing is compiled.
        moved = np.asarray(value)
        for axis, letter in enumerate(self.axes, start=-len(self.axes)):
            if letter == "N":
                moved = np.take(moved, element.order, axis=axis)
        if self.axes[-1] == "d":
            moved = np.einsum("ij,...j->...i", element.linear, moved.astype(np.float64))
        if self.shifted:
            moved = moved + element.shift
        return moved.astype(value.dtype)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("point", ("N", "d"), shifted=True),
        Kind("vector", ("N", "d")),
        Kind("scalar", ("N", "C")),
        Kind("pair", ("N", "N")),
        Kind("invariant", None),
    )
}


def parse_kind(name: str) -> Kind:
    """Return the kind of a name, or raise ``ValueError`` naming the nearest one there is."""
    if isinstance(name, str) and name in KINDS:
        return KINDS[name]
    raise ValueError(f"unknown kind {name!r}; {nearest_of(name, KINDS)}")


def acting_parts(kinds: Iterable[Kind], sizes: dict[str, int]) -> tuple[str, ...]:
    """Return the parts of E(d) x S(N), of ``elements.PARTS``, that move anything of these kinds.

    Args:
      kinds: kinds of the input and output.
      sizes: ``N`` and ``d`` as far as the input has them.

    Raises:
      ValueError: if a kind has an axis without a size.
    """
    shifted = False
    for kind in kinds:
        shifted |= kind.shifted
        missing = sorted({"N", "d"}.intersection(kind.axes or ()).difference(sizes))
        if missing:
            raise ValueError(
                f"the output kind {kind.name!r} needs {' and '.join(missing)}, which no argument "
                "has: give one of them a kind that does"
            )
    acts = {
        "rotations": sizes.get("d", 0) > 1,
        "reflections": sizes.get("d", 0) > 0,
        "translations": shifted,
        "permutations": sizes.get("N", 0) > 1,
    }
    return tuple(name for name in elements.PARTS if acts[name])


def assign(kinds: Any, values: Any, *, name: str) -> pieces.Typed[Kind]:
    """Give each piece of a pytree its kind.

    Args:
      kinds: a pytree of names of kinds, a prefix of ``values``: where it has a name, ``values``
        has an array, or for "invariant" any pytree.
      values: the pytree.
      name: what messages call ``values``.

    Returns:
      The pieces with their kinds; those that are not "invariant" as NumPy arrays.

    Raises:
      ValueError: if a kind is unknown, the two structures do not fit, or a piece is not an array
        of numbers.
    """
    named, treedef = jax.tree_util.tree_flatten_with_path(kinds)
    parsed = tuple(parse_kind(kind) for _, kind in named)
    try:
        cut = treedef.flatten_up_to(values)
    except ValueError:
        # JAX's own message would print the arrays.
        raise ValueError(
            f"{name} with structure {jax.tree.structure(values)} (* is an array) "
            f"cannot have the kinds {kinds!r}: the structures differ"
        ) from None
    labels = tuple(name + jax.tree_util.keystr(path) for path, _ in named)
    values = (
        _as_value(kind, piece, label)
        for kind, piece, label in zip(parsed, cut, labels, strict=True)
    )
    return pieces.Typed(treedef=treedef, kinds=parsed, values=tuple(values), labels=labels)


def fit(typed: pieces.Typed[Kind], sizes: dict[str, int]) -> dict[str, int]:
    """Check every shape against its kind.

    Args:
      typed: pieces with their kinds.
      sizes: what is already known of ``N`` and ``d``.

    Returns:
      ``sizes`` with what the shapes here add.

    Raises:
      ValueError: if a shape does not fit its kind or another piece.
    """
    for kind, value, label in typed.moving:
        sizes = _fit(kind, value, label, sizes)
    return sizes


def _as_value(kind: Kind, piece: Any, label: str) -> Any:
    if kind.axes is None:
        return piece
    if not jax.tree_util.all_leaves([piece]):
        raise ValueError(
            f"{label} has kind {kind.name!r}, which needs one array, got {type(piece).__name__}: "
            "give a kind for each of its parts"
        )
    array = np.asarray(piece)
    real = jnp.issubdtype(array.dtype, jnp.floating)
    if not real and ("d" in kind.axes or array.dtype.kind not in "biuc"):
        wanted = "floating-point" if "d" in kind.axes else "numeric"
        raise ValueError(
            f"{label} has kind {kind.name!r}, which needs {wanted} values, got {array.dtype}"
        )
    return array


def _fit(kind: Kind, value: np.ndarray, label: str, sizes: dict[str, int]) -> dict[str, int]:
    axes = kind.axes or ()
    found = dict(sizes)
    fits = value.ndim >= len(axes)
    for letter, size in zip(axes, value.shape[-len(axes) :], strict=False):
        fits &= size > 0 and (letter == "C" or found.setdefault(letter, size) == size)
    if not fits:
        known = " and ".join(f"{k} = {size}" for k, size in sizes.items() if k in axes)
        raise ValueError(
            f"{label} has kind {kind.name!r}, which needs shape [..., {', '.join(axes)}]"
            f"{' with ' * bool(known)}{known}, got {value.shape}"
        )
    return found
