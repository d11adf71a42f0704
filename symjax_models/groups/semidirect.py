"""Semidirect products: a normal subgroup and a group that acts on it by conjugation."""

import dataclasses

import jax
import numpy as np
import scipy.linalg

from symjax_models.groups import base, enumeration, products, translation


@dataclasses.dataclass(frozen=True, repr=False)
class SemidirectProduct(base.Group):
    """State the semidirect product of two groups of matrices of one size: all ``g = n h``.

    ``n`` is in the normal group and ``h`` in the acting one, which satisfy ``h n h^-1`` in the
    normal group and have no more than the identity in common, so ``g`` determines ``n`` and ``h``.
    Generators are those of the normal group and then those of the acting one. Samples are products
    of independent samples of the two: Haar distributed if both are.

    Args:
      normal: the normal subgroup.
      acting: the group that acts on it.

    Raises:
      ValueError: if the sizes differ; if conjugation with a generator of ``acting`` takes a
        generator of ``normal`` out of it; or if the two are seen to share more than the identity
        (their Lie algebras, the generators, and the elements where ``acting`` can be listed).
        ``residual`` raises it unless one of the two can be listed or ``normal`` is translations.

    >>> from symjax_models import groups
    >>> rotations = groups.DirectProduct(groups.C(4), groups.Trivial(1))
    >>> wallpaper = SemidirectProduct(groups.T(2), rotations)
    >>> wallpaper.contains([[0.0, -1.0, 0.5], [1.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    array(True)
    """

    normal: base.Group
    acting: base.Group

    def __post_init__(self) -> None:
        for name in ("normal", "acting"):
            if not isinstance(getattr(self, name), base.Group):
                raise ValueError(
                    f"SemidirectProduct needs a group as {name}, got {getattr(self, name)!r}"
                )
        if self.normal.n != self.acting.n:
            raise ValueError(
                "SemidirectProduct needs matrices of one size, got "
                f"{self.normal!r} with n = {self.normal.n} and {self.acting!r} with "
                f"n = {self.acting.n}"
            )
        self._check_conjugates()
        self._check_intersection()

    @property
    def is_complex(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the matrices of either group are complex."""
        return self.normal.is_complex or self.acting.is_complex

    @property
    def tolerance(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the factor whose generators are less exact."""
        return max(self.normal.tolerance, self.acting.tolerance)

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return self.normal.n

    @property
    def order(self) -> int | float:
        """The number of elements, the product of the orders."""
        return products.product_of_orders(self.normal.order, self.acting.order)

    def _make_lie_algebra(self) -> np.ndarray:
        return np.concatenate([self.normal.lie_algebra, self.acting.lie_algebra])

    def _make_discrete_generators(self) -> np.ndarray:
        return np.concatenate([self.normal.discrete_generators, self.acting.discrete_generators])

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        normal_key, acting_key = jax.random.split(key)
        h = self.acting._sample(acting_key, shape, dtype)
        return self.normal._sample(normal_key, shape, dtype) @ h

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        smallest = np.full(matrix.shape[:-2], np.inf)
        singular = np.linalg.cond(matrix) > 1e12
        matrix = np.where(singular[..., None, None], np.eye(self.n), matrix)
        for normal, acting in self._factorizations(matrix):
            both = np.maximum(_residual(self.normal, normal), _residual(self.acting, acting))
            smallest = np.minimum(smallest, both)
        return np.where(singular, np.inf, smallest)

    def _factorizations(self, matrix: np.ndarray):
        """Yield the pairs ``n``, ``h`` of product ``g`` that can be the one of an element."""
        if self.acting.order <= enumeration.LIMIT:
            for h in self.acting.elements:
                yield matrix @ np.linalg.inv(h), h
        elif self.normal.order <= enumeration.LIMIT:
            for n in self.normal.elements:
                yield n, np.linalg.inv(n) @ matrix
        elif isinstance(self.normal, translation.T):
            h = matrix.copy()
            h[..., :-1, -1] = 0.0
            yield matrix @ np.linalg.inv(h), h
        else:
            raise ValueError(
                f"membership of {self!r} is known only where one group has at most "
                f"{enumeration.LIMIT} elements or the normal one is translations"
            )

    def _check_conjugates(self) -> None:
        for h in _generating_elements(self.acting):
            conjugates = h @ _generating_elements(self.normal) @ np.linalg.inv(h)
            if not (_residual(self.normal, conjugates) <= 1e-5).all():
                raise ValueError(
                    f"SemidirectProduct needs {self.acting!r} to normalize {self.normal!r}, but "
                    "conjugation with a generator of the first leads out of the second"
                )

    def _check_intersection(self) -> None:
        algebra = np.concatenate([self.normal.lie_algebra, self.acting.lie_algebra])
        # The Lie algebra is a real space, also that of complex matrices.
        parts = np.concatenate([np.real(algebra), np.imag(algebra)], axis=-1)
        rows = parts.reshape(len(algebra), 2 * self.n**2)
        is_small = self.acting.order <= enumeration.LIMIT
        shared = self.acting.elements if is_small else self.acting.discrete_generators
        is_one = np.abs(shared - np.eye(self.n)).max(axis=(-2, -1)) < 1e-9
        if (len(rows) and np.linalg.matrix_rank(rows) < len(rows)) or (
            (_residual(self.normal, shared) <= 1e-5) & ~is_one
        ).any():
            raise ValueError(
                "SemidirectProduct needs groups that share the identity alone, but "
                f"{self.normal!r} and {self.acting!r} share more"
            )


def _generating_elements(group: base.Group) -> np.ndarray:
    """Return the discrete generators, and ``exp(0.7 a)`` for each ``a`` of the Lie algebra."""
    moved = [scipy.linalg.expm(0.7 * a) for a in group.lie_algebra]
    return np.concatenate([group.discrete_generators, np.reshape(moved, (-1, group.n, group.n))])


def _residual(group: base.Group, matrix: np.ndarray) -> np.ndarray:
    if not np.iscomplexobj(matrix) or group.is_complex:
        return group.residual(matrix)
    return np.maximum(group.residual(np.real(matrix)), np.abs(np.imag(matrix)).max(axis=(-2, -1)))
