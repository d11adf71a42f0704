"""Finite groups as tables: which element a matrix is, and what is known of every element."""

import abc
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from symjax_models.groups.base import Group
from symjax_models.reps import base, matrices

# Tables of more entries than this are refused: 64 MB.
MAX_TABLE = 16_000_000
# What differs more from every element is none of them; elements in half precision differ less.
_FAR = 1e-2


class Tabulated(base.Rep):
    """State a representation of a finite group that is looked up element by element.

    A subclass gives `matrices` and `characters`. Elements are recognised by their matrices: a NumPy
    array must hold elements, of a JAX array the nearest ones are taken. `rho` is constant around
    every element, so its derivative along `g` is zero, and `drho` is empty.
    """

    @property
    @abc.abstractmethod
    def characters(self) -> np.ndarray:
        """The traces of `rho`, `[order]`, in the order of `group.elements`."""

    @abc.abstractmethod
    def matrices(self, index: Any, dtype: Any) -> Any:
        """Return `rho` of the elements at places `[...]` of `group.elements`."""

    def _rho(self, g: Any) -> Any:
        xp = matrices.namespace(g)
        dtype = g.dtype if xp.issubdtype(g.dtype, xp.inexact) else xp.result_type(float)
        if self.is_complex:
            dtype = xp.promote_types(dtype, np.complex64)
        return self.matrices(index_of(self.group, g), dtype)

    def _drho(self, a: Any) -> Any:
        return matrices.namespace(a).zeros((*a.shape[:-2], self.dim, self.dim), a.dtype)


def index_of(group: Group, g: Any) -> Any:
    """Find elements in the list `group.elements`.

    Args:
        group: A finite group.
        g: Elements `[..., n, n]`, NumPy or JAX.

    Returns:
        Their places `[...]`.

    Raises:
        ValueError: If a matrix in a NumPy array is not in the group. Of a JAX array, whose values
            may be unknown yet, the nearest elements are taken.
    """
    if isinstance(g, np.ndarray):
        return _search(group, g)
    elements = group.elements.reshape(len(group.elements), -1)
    # |e - g|^2 is smallest where Re<e, g> - |e|^2 / 2 is largest.
    half = jnp.asarray(0.5 * (np.abs(elements) ** 2).sum(axis=-1))
    dtype = jnp.promote_types(g.dtype, jnp.float32)
    flat = g.reshape(*g.shape[:-2], -1).astype(dtype)
    known = jnp.asarray(elements.conj(), jnp.promote_types(dtype, jnp.asarray(elements).dtype))
    overlap = jnp.matmul(flat, known.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.argmax(overlap.real - half.astype(overlap.real.dtype), axis=-1)


def _search(group: Group, g: np.ndarray) -> np.ndarray:
    if not g.size:
        return np.zeros(g.shape[:-2], np.intp)
    flat = _as_real(g.reshape(-1, group.n**2), group)
    distance, place = _tree(group).query(flat, p=np.inf)
    worst = int(distance.argmax())
    if not distance[worst] < _FAR:
        raise ValueError(
            f"expected elements of {group!r}, got a matrix whose entries differ from those of "
            f"every element by up to {distance[worst]:.1e}"
        )
    return np.reshape(place, g.shape[:-2])


@functools.lru_cache(maxsize=16)
def _tree(group: Group) -> scipy.spatial.KDTree:
    return scipy.spatial.KDTree(_as_real(group.elements.reshape(-1, group.n**2), group))


def _as_real(rows: np.ndarray, group: Group) -> np.ndarray:
    if not group.is_complex:
        return rows.astype(np.float64)
    return np.concatenate([np.real(rows), np.imag(rows)], axis=-1).astype(np.float64)


def check_index(group: Group, subgroup: Group) -> None:
    """Raise `ValueError` unless a table of cosets by elements may be kept."""
    index = len(group.elements) // len(subgroup.elements)
    if index * len(subgroup.elements) != len(group.elements):
        raise ValueError(
            f"expected a subgroup of {group!r} of order {group.order}, got {subgroup!r}, whose "
            f"order {subgroup.order} does not divide it"
        )
    if len(group.elements) * index > MAX_TABLE:
        raise ValueError(
            f"expected a table of at most {MAX_TABLE} cosets by elements, got {index} x "
            f"{group.order} for {group!r} and {subgroup!r}; take a larger subgroup"
        )


def extend(
    group: Group,
    of_generators: np.ndarray,
    identity: np.ndarray,
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Extend a homomorphism from the generators to all elements, one product for each.

    Args:
        group: A finite group.
        of_generators: Images of `group.discrete_generators`, `[M, ...]`.
        identity: The image of the identity, `[...]`.
        multiply: The product of two images.

    Returns:
        Images of `group.elements`, `[order, ...]`, read-only.
    """
    left = left_products(group)
    values = np.empty((len(group.elements), *identity.shape), identity.dtype)
    values[0] = identity
    known, is_known = [0], np.zeros(len(values), bool)
    is_known[0] = True
    for place in known:
        for generator, image in zip(of_generators, left[:, place].tolist(), strict=True):
            if not is_known[image]:
                values[image] = multiply(generator, values[place])
                is_known[image] = True
                known.append(image)
    values.setflags(write=False)
    return values


@functools.lru_cache(maxsize=16)
def left_products(group: Group) -> np.ndarray:
    """Return the places of `s g` for generators s and elements g, `[M, order]`."""
    return index_of(group, group.discrete_generators[:, None] @ group.elements)


@functools.lru_cache(maxsize=16)
def squares(group: Group) -> np.ndarray:
    """Return the places of `g g` for elements g, `[order]`."""
    return index_of(group, group.elements @ group.elements)


@functools.lru_cache(maxsize=64)
def cosets(group: Group, subgroup: Group) -> tuple[np.ndarray, np.ndarray]:
    """Divide a finite group into the cosets g H of a subgroup H.

    Args:
        group: The group.
        subgroup: H, of matrices of the same size, contained in it.

    Returns:
        The first element of each coset `[index]`, and the coset of each element `[order]`. Cosets
        are numbered by their first elements.
    """
    elements = group.elements
    label = np.full(len(elements), -1)
    first = []
    for place in range(len(elements)):
        if label[place] < 0:
            label[index_of(group, elements[place] @ subgroup.elements)] = len(first)
            first.append(place)
    return np.array(first), label
