"""Symmetry groups of the cube and of the icosahedron."""

import dataclasses

import jax
import numpy as np
import scipy.linalg

from symjax_models.groups import base, enumeration

# One third of a turn about (1, 1, 1): the axes move in a cycle.
_AXES_CYCLE = np.roll(np.eye(3), 1, axis=0)


class _Polyhedral(base.Group):
    """Share what does not depend on the solid."""

    inversion: bool

    def __post_init__(self) -> None:
        if not isinstance(self.inversion, bool):
            raise ValueError(
                f"{type(self).__name__} needs inversion to be True or False, got {self.inversion!r}"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'inversion=True' if self.inversion else ''})"

    @property
    def n(self) -> int:
        """Size of the defining matrices."""
        return 3

    def _with_inversion(self, *rotations: np.ndarray) -> np.ndarray:
        return np.stack([*rotations, -np.eye(3)] if self.inversion else rotations)

    def _sample(self, key: jax.Array, shape: tuple[int, ...], dtype: np.dtype) -> jax.Array:
        return enumeration.draw(self.elements, key, shape, dtype)

    def _residual(self, matrix: np.ndarray) -> np.ndarray:
        return enumeration.distance_to_nearest(self.elements, matrix)


@dataclasses.dataclass(frozen=True, repr=False)
class Octahedral(_Polyhedral):
    """State the 24 rotations of the cube with faces across the axes, or its 48 symmetries.

    The discrete generators are a quarter turn from the first axis towards the second, the cycle of
    the three axes and, with ``inversion``, the inversion. Samples are uniform.

    Args:
      inversion: whether reflections belong to the group; it is ``B(3)`` then.

    Raises:
      ValueError: if ``inversion`` is not a bool.

    >>> Octahedral(), Octahedral().order, Octahedral(inversion=True).order
    (Octahedral(), 24, 48)
    """

    inversion: bool = False

    @property
    def order(self) -> int:
        """The number of elements."""
        return 48 if self.inversion else 24

    def _make_discrete_generators(self) -> np.ndarray:
        quarter_turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        return self._with_inversion(quarter_turn, _AXES_CYCLE)


@dataclasses.dataclass(frozen=True, repr=False)
class Icosahedral(_Polyhedral):
    """State the 60 rotations of the icosahedron, or its 120 symmetries.

    The vertices are the cyclic permutations of ``(0, +-1, +-(1 + sqrt 5) / 2)``. The discrete
    generators are a fifth of a turn about the vertex with plus signs, the cycle of the three axes
    and, with ``inversion``, the inversion. Samples are uniform.

    Args:
      inversion: whether reflections belong to the group.

    Raises:
      ValueError: if ``inversion`` is not a bool.

    >>> Icosahedral().order, Icosahedral(inversion=True)
    (60, Icosahedral(inversion=True))
    """

    inversion: bool = False

    @property
    def order(self) -> int:
        """The number of elements."""
        return 120 if self.inversion else 60

    def _make_discrete_generators(self) -> np.ndarray:
        vertex = np.array([0.0, 1.0, (1 + np.sqrt(5)) / 2])
        x, y, z = 2 * np.pi / 5 * vertex / np.linalg.norm(vertex)
        fifth_turn = scipy.linalg.expm(np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]))
        return self._with_inversion(fifth_turn, _AXES_CYCLE)
