"""Elements of the group of typed features, on the host in float64."""

import functools
from collections.abc import Sequence

import jax
import numpy as np
import scipy.linalg

from symjax_models import groups
from symjax_models.audit import elements


def draw_elements(
    group: groups.Group, key: jax.Array, *, num_samples: int
) -> dict[str, np.ndarray]:
    """Draw elements of a group, and list those that generate it.

    A map that commutes with the generators commutes with the whole group if it is linear: with
    ``group.discrete_generators``, and with ``exp(A)`` for every ``A`` of the basis
    ``group.lie_algebra``. Where the largest singular value of ``A`` is above 1, ``A`` is divided by
    it, so that no element stretches by more than ``e``.

    Args:
      group: the group.
      key: a typed key.
      num_samples: number of elements to draw.

    Returns:
      Elements ``[..., n, n]`` by name: ``"sampled"``, and unless there are none ``"generators"``.

    Raises:
      ValueError: if ``num_samples`` is less than 1, or the key is not typed.
    """
    elements.check_num_samples(num_samples)
    # Whatever the precision under test, so that both are tested with the same elements.
    with jax.enable_x64(True):
        sampled = np.asarray(_sample(key, group=group, num_samples=num_samples))
    algebra = group.lie_algebra
    algebra = algebra / np.maximum(1.0, _largest_singular_values(algebra))
    generators = np.concatenate([group.discrete_generators, scipy.linalg.expm(algebra)])
    return {"sampled": sampled} | ({"generators": generators} if len(generators) else {})


def draw_along_directions(
    group: groups.Group, key: jax.Array, *, sizes: Sequence[float], num_directions: int
) -> list[np.ndarray]:
    """Draw directions ``A`` of the Lie algebra and follow each through elements ``exp(t A)``.

    The coordinates of ``A`` in the basis ``group.lie_algebra`` are standard normal, and ``A`` is
    then divided by its largest singular value: a rotation by ``exp(t A)`` has the angle ``t`` and a
    Lorentz boost the rapidity ``t``.

    Args:
      group: a group with a Lie algebra.
      key: a typed key.
      sizes: the sizes ``t``.
      num_directions: number of directions; the same ones for all sizes.

    Returns:
      For each size the elements ``[num_directions, n, n]``.

    Raises:
      ValueError: if the group is discrete, or ``num_directions`` is less than 1.
    """
    if not len(group.lie_algebra):
        raise ValueError(f"expected a group with a Lie algebra, got {group!r}, which is discrete")
    if num_directions < 1:
        raise ValueError(f"num_directions must be at least 1, got {num_directions}")
    with jax.enable_x64(True):
        shape = (num_directions, len(group.lie_algebra))
        coordinates = np.asarray(jax.random.normal(key, shape, np.float64))
    directions = np.einsum("kd,dij->kij", coordinates, group.lie_algebra)
    directions = directions / _largest_singular_values(directions)
    return [scipy.linalg.expm(size * directions) for size in sizes]


@functools.partial(jax.jit, static_argnames=("group", "num_samples"))
def _sample(key: jax.Array, *, group: groups.Group, num_samples: int) -> jax.Array:
    return group.sample(key, (num_samples,), dtype=np.float64)


def _largest_singular_values(matrices: np.ndarray) -> np.ndarray:
    return np.linalg.norm(matrices, ord=2, axis=(-2, -1), keepdims=True)
