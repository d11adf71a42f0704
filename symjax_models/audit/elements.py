"""Elements of E(d) x S(N), drawn from the groups, and the parts they are made of."""

import dataclasses
import functools
from collections.abc import Collection

import jax
import jax.numpy as jnp
import numpy as np

from symjax_models import groups

PARTS = ("rotations", "reflections", "translations", "permutations")


@dataclasses.dataclass(frozen=True)
class Element:
    """Hold one element of E(d) x S(N), in float64 on the host.

    Args:
      linear: rotation or improper rotation ``[d, d]``; it acts on columns.
      shift: translation ``[d]``, applied after ``linear``.
      order: permutation ``[N]``; row ``i`` of the permuted array is row ``order[i]``.
    """

    linear: np.ndarray
    shift: np.ndarray
    order: np.ndarray


def draw_elements(
    key: jax.Array,
    *,
    nodes: int,
    dimension: int,
    radius: float,
    parts: Collection[str],
    num_samples: int,
) -> dict[str, tuple[Element, ...]]:
    """Draw elements of the group that some parts generate, and take each apart.

    Rotations are Haar on SO(d). With reflections every second element, the first included, is
    improper, hence Haar on the other half of O(d). Translations are uniform in a ball,
    permutations uniform. Elements are drawn in float64 whatever the precision under test, so that
    both precisions are tested with the same ones.

    Args:
      key: a typed key.
      nodes: ``N``.
      dimension: ``d``; 0 when nothing has a dimension.
      radius: radius of the ball of translations, in the units of the positions.
      parts: those of ``PARTS`` that the group has.
      num_samples: number of elements.

    Returns:
      Elements under ``"together"``, and under each of ``parts`` what that part contributes to
      them with everything else left out. Those of ``"reflections"`` are all improper.

    Raises:
      ValueError: if ``num_samples`` is less than 1, or the key is not typed.
    """
    check_num_samples(num_samples)
    with jax.enable_x64(True):
        rotations, shifts, orders = jax.tree.map(
            np.asarray, _draw(key, nodes=nodes, dimension=dimension, num_samples=num_samples)
        )
    mirror = np.diag([-1.0] + [1.0] * (dimension - 1)) if dimension else np.eye(0)
    still = Element(np.eye(dimension), np.zeros(dimension), np.arange(nodes))
    elements: dict[str, list[Element]] = {name: [] for name in ("together", *parts)}
    for i, rotation in enumerate(rotations):
        improper = rotation @ mirror
        contribution = {
            "rotations": {"linear": rotation},
            "reflections": {"linear": improper},
            "translations": {"shift": radius * shifts[i]},
            "permutations": {"order": orders[i]},
        }
        together = {}
        for name in parts:
            elements[name].append(dataclasses.replace(still, **contribution[name]))
            if name != "reflections" or i % 2 == 0:
                together |= contribution[name]
        elements["together"].append(dataclasses.replace(still, **together))
    return {name: tuple(drawn) for name, drawn in elements.items()}


def check_num_samples(num_samples: int) -> None:
    """Raise ``ValueError`` unless a number of elements to draw is at least 1."""
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}")


@functools.partial(jax.jit, static_argnames=("nodes", "dimension", "num_samples"))
def _draw(
    key: jax.Array, *, nodes: int, dimension: int, num_samples: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    rotation_key, shift_key, order_key = jax.random.split(key, 3)
    shape, dtype = (num_samples,), np.float64
    orders = groups.S(nodes).sample(order_key, shape, dtype=dtype).argmax(-1)
    if not dimension:
        return jnp.zeros((num_samples, 0, 0)), jnp.zeros((num_samples, 0)), orders
    rotations = groups.SO(dimension).sample(rotation_key, shape, dtype=dtype)
    shifts = groups.T(dimension).sample(shift_key, shape, dtype=dtype)[..., :-1, -1]
    return rotations, shifts, orders
