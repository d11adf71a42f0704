"""Indefinite orthogonal groups O(p, q), SO(p, q) and the Lorentz group SO(1, 3)+."""

import abc
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base, orthogonal


class _Indefinite(base.Group):
    """Share what does not depend on the components: ``g^T m g = m`` with ``m`` of signature p, q.

    Samples are ``r k b k'``: ``k``, ``k'`` Haar distributed over SO(p) x SO(q), ``b`` boosts of the
    planes of axes ``i`` and ``p + i`` by rapidities uniform in ``[-1, 1]``, ``r`` reflections.
    """

    @property
    @abc.abstractmethod
    def signature(self) -> tuple[int, int]:
        """The numbers ``p`` and ``q`` of plus and minus signs of the metric."""

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return sum(self.signature)

    @property
    def metric(self) -> np.ndarray:
        """The form that elements preserve, ``diag(+1 p times, -1 q times)``, ``[n, n]`` float64."""
        p, q = self.signature
        return np.diag(np.concatenate([np.ones(p), -np.ones(q)]))

    def _make_lie_algebra(self) -> np.ndarray:
        rotations = orthogonal.SO(self.n).lie_algebra
        # Both halves have one sign where the metric's signs differ: a boost.
        return np.tril(rotations) + self.metric @ np.triu(rotations) @ self.metric

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        p, q = self.signature
        rotation_key, boost_key, sign_key = jax.random.split(key, 3)
        rapidity = jax.random.uniform(boost_key, (*shape, min(p, q)), dtype, -1.0, 1.0)
        i = np.arange(min(p, q))
        boost = jnp.broadcast_to(jnp.eye(self.n, dtype=dtype), (*shape, self.n, self.n))
        for row, column in ((i, i), (p + i, p + i)):
            boost = boost.at[..., row, column].set(jnp.cosh(rapidity))
        for row, column in ((i, p + i), (p + i, i)):
            boost = boost.at[..., row, column].set(jnp.sinh(rapidity))
        after, before = self._rotation(rotation_key, (2, *shape), dtype)
        signs = self._signs(sign_key, shape, dtype)
        reflection = jnp.ones((*shape, self.n), dtype)
        reflection = reflection.at[..., 0].set(signs[..., 0]).at[..., p].set(signs[..., 1])
        return reflection[..., None] * (after @ boost @ before)

    def _rotation(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        p = self.signature[0]
        g = jnp.broadcast_to(jnp.eye(self.n, dtype=dtype), (*shape, self.n, self.n))
        keys = jax.random.split(key)
        for size, part, part_key in zip(
            self.signature, (slice(p), slice(p, None)), keys, strict=True
        ):
            if size > 1:
                rotation = orthogonal.SO(size)._sample(part_key, shape, dtype)
                g = g.at[..., part, part].set(rotation)
        return g

    @abc.abstractmethod
    def _signs(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        """Draw the signs ``[*shape, 2]`` of the reflections of the first axis of each kind."""

    def _reflections(self, *axes: tuple[int, ...]) -> np.ndarray:
        matrices = np.broadcast_to(np.eye(self.n), (len(axes), self.n, self.n)).copy()
        for matrix, reversed_axes in zip(matrices, axes, strict=True):
            matrix[reversed_axes, reversed_axes] = -1.0
        return matrices

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        moved = matrix.swapaxes(-2, -1) @ self.metric @ matrix
        return np.abs(moved - self.metric).max(axis=(-2, -1))


@dataclasses.dataclass(frozen=True, repr=False)
class IndefiniteO(_Indefinite):
    """State the indefinite orthogonal group O(p, q): ``g^T m g = m``.

    The metric ``m`` has ``p`` signs +1 and then ``q`` signs -1; ``IndefiniteO(1, 3)`` is the full
    Lorentz group on columns ``(t, x, y, z)``. The Lie algebra has for each pair of axes, in
    lexicographic order, a rotation (like signs) or a boost (unlike signs). There are four
    components; the discrete generators are the reflections of the first axis of each sign.

    The group is not compact. Samples are products of a rotation of each kind of axes, Haar
    distributed, boosts of planes ``(i, p + i)`` by rapidities uniform in ``[-1, 1]``, another such
    rotation, and each of the two reflections with probability 1/2.

    Args:
      plus: ``p``, the number of axes of sign +1.
      minus: ``q``, the number of axes of sign -1.

    Raises:
      ValueError: if ``plus`` or ``minus`` is not a whole number of at least 1.

    >>> IndefiniteO(1, 3), np.diag(IndefiniteO(1, 3).metric)
    (IndefiniteO(1, 3), array([ 1., -1., -1., -1.]))
    """

    plus: int
    minus: int

    def __post_init__(self) -> None:
        _check_signature(self)

    @property
    def signature(self) -> tuple[int, int]:
        """The numbers ``p`` and ``q`` of plus and minus signs of the metric."""
        return self.plus, self.minus

    def _make_discrete_generators(self) -> np.ndarray:
        return self._reflections((0,), (self.plus,))

    def _signs(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return jax.random.rademacher(key, (*shape, 2), dtype)


@dataclasses.dataclass(frozen=True, repr=False)
class IndefiniteSO(_Indefinite):
    """State the special indefinite orthogonal group SO(p, q): ``g^T m g = m`` and ``det g = 1``.

    Metric, Lie algebra and law of samples are those of ``IndefiniteO``, but the two reflections
    come together or not at all: there are two components, and the discrete generator reverses the
    first axis of each sign.

    Args:
      plus: ``p``, the number of axes of sign +1.
      minus: ``q``, the number of axes of sign -1.

    Raises:
      ValueError: if ``plus`` or ``minus`` is not a whole number of at least 1.

    >>> mirror = np.diag([1.0, -1.0, 1.0])
    >>> IndefiniteSO(1, 2).contains(mirror), IndefiniteO(1, 2).contains(mirror)
    (array(False), array(True))
    """

    plus: int
    minus: int

    def __post_init__(self) -> None:
        _check_signature(self)

    @property
    def signature(self) -> tuple[int, int]:
        """The numbers ``p`` and ``q`` of plus and minus signs of the metric."""
        return self.plus, self.minus

    def _make_discrete_generators(self) -> np.ndarray:
        return self._reflections((0, self.plus))

    def _signs(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        sign = jax.random.rademacher(key, (*shape, 1), dtype)
        return jnp.concatenate([sign, sign], axis=-1)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return np.maximum(super()._residual(matrix), np.abs(np.linalg.det(matrix) - 1.0))


@dataclasses.dataclass(frozen=True, repr=False)
class Lorentz(_Indefinite):
    """State the proper orthochronous Lorentz group SO(1, 3)+, on columns ``(t, x, y, z)``.

    It preserves ``m = diag(1, -1, -1, -1)``, the orientation of space (``det g = 1``) and the
    direction of time (``g_tt >= 1``). The Lie algebra is the boosts along x, y and z, and the
    rotations of the planes xy, xz and yz. The group is connected, so it has no discrete generators;
    the full Lorentz group is ``IndefiniteO(1, 3)``. It is not compact: samples are ``k b k'`` with
    Haar rotations ``k``, ``k'`` of space and a boost ``b`` of rapidity at most 1.

    >>> Lorentz(), Lorentz().lie_algebra.shape
    (Lorentz(), (6, 4, 4))
    """

    @property
    def signature(self) -> tuple[int, int]:
        """The numbers of axes of time and of space."""
        return 1, 3

    def _signs(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        del key
        return jnp.ones((*shape, 2), dtype)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        volume = np.abs(np.linalg.det(matrix) - 1.0)
        time = np.maximum(0.0, 1.0 - matrix[..., 0, 0])
        return np.maximum(super()._residual(matrix), np.maximum(volume, time))


def _check_signature(group: IndefiniteO | IndefiniteSO) -> None:
    name = f"{type(group).__name__}(p, q)"
    for field in ("plus", "minus"):
        object.__setattr__(group, field, base.check_size(getattr(group, field), name=name))
