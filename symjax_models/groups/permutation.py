"""Permutation groups from generators."""

import dataclasses
import operator

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models.groups import base, schreier_sims, symmetric


@dataclasses.dataclass(frozen=True, repr=False)
class PermutationGroup(base.Group):
    """State the group that some permutations of ``0, ..., n - 1`` generate, of any order.

    The matrix of a permutation ``p`` takes the basis column ``e_j`` to ``e_p(j)``. The discrete
    generators are the matrices of those given. Order, membership and samples come from a chain of
    stabilizers, so the elements are never listed; samples are uniform.

    Args:
      generators: permutations, each the sequence of the images of ``0, ..., n - 1``.

    Raises:
      ValueError: if there are no generators, or one is not a permutation of as many points as the
        first.

    >>> group = PermutationGroup(((1, 2, 3, 0), (0, 3, 2, 1)))
    >>> group.n, group.order
    (4, 8)
    """

    generators: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        generators = tuple(_images(g, index) for index, g in enumerate(self.generators))
        if not generators or not generators[0]:
            raise ValueError(
                "PermutationGroup needs at least one generator of at least one point, got none; "
                "the group of the identity is Trivial(n)"
            )
        for index, images in enumerate(generators):
            if len(images) != len(generators[0]):
                raise ValueError(
                    f"PermutationGroup needs generators of one length, got {len(generators[0])} "
                    f"images in generator 0 and {len(images)} in generator {index}"
                )
        object.__setattr__(self, "generators", generators)

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return len(self.generators[0])

    @property
    def order(self) -> int:
        """The number of elements."""
        return self._chain.order

    @property
    def _chain(self) -> schreier_sims.StabilizerChain:
        return schreier_sims.stabilizer_chain(self.n, self.generators)

    def _make_discrete_generators(self) -> np.ndarray:
        # Row j of the identity is the column e_j, which goes to row p(j).
        return np.eye(self.n)[np.argsort(self.generators, axis=-1)]

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        chain = self._chain
        identity = jnp.broadcast_to(jnp.arange(self.n, dtype=jnp.int32), (*shape, self.n))

        def compose(
            p: jax.Array, level: tuple[jax.Array, jax.Array, jax.Array]
        ) -> tuple[jax.Array, None]:
            table, size, level_key = level
            u = table[jax.random.randint(level_key, shape, 0, size, dtype=jnp.int32)]
            return jnp.take_along_axis(p, u, axis=-1), None

        keys = jax.random.split(key, len(chain.points))
        levels = (jnp.asarray(chain.representatives), jnp.asarray(chain.sizes), keys)
        images, _ = jax.lax.scan(compose, identity, levels)
        return jax.nn.one_hot(images, self.n, dtype=dtype, axis=-2)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        residual = symmetric.S(self.n)._residual(matrix)
        # The matrices of two permutations differ by 1 in some entry.
        is_permutation = residual < 0.5
        images = np.where(is_permutation[..., None], matrix.argmax(axis=-2), np.arange(self.n))
        return np.where(self._chain.contains(images), residual, np.maximum(residual, 1.0))


def _images(generator: object, index: int) -> tuple[int, ...]:
    try:
        images = tuple(operator.index(j) for j in generator)  # pyright: ignore
    except TypeError:
        images = None
    if images is None or sorted(images) != list(range(len(images))):
        raise ValueError(
            "PermutationGroup needs each generator to hold every one of 0, ..., n - 1 once, "
            f"got {generator!r} as generator {index}"
        )
    return images
