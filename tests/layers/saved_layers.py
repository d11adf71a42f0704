"""All layers of typed features at once; run as a program, it repeats what another process did."""

import functools
import sys
from typing import Any

import jax
import numpy as np

from symjax_models import groups, layers, reps

OCTAHEDRAL, S4, LORENTZ, U2 = groups.Octahedral(), groups.S(4), groups.Lorentz(), groups.U(2)
PRODUCT = groups.DirectProduct(groups.O(3), groups.S(3))
SE2 = groups.SE(2)
KEY = jax.random.key(0)


def typical(group: groups.Group) -> reps.Rep:
    """Scalars and vectors."""
    return 3 * reps.scalar(group) + 2 * reps.vector(group)


def make_layers() -> dict[str, tuple[Any, reps.Rep, int]]:
    """Return layers by name, each with what it takes and how many of these."""
    square = reps.vector(S4) ** 2
    turned = reps.symmetric_power(reps.vector(OCTAHEDRAL), 2)
    half_turn = groups.MatrixGroup([np.diag([1.0, -1.0, -1.0, 1.0])], name="half turn")
    soft = layers.Soft((half_turn,), scale=0.1)
    return {
        "Linear, diagrams": (layers.Linear(square), square, 1),
        "Linear, orbits": (layers.Linear(turned), turned, 1),
        "Linear, solutions": (layers.Linear(typical(SE2)), typical(SE2), 1),
        "Linear, factors": (layers.Linear(typical(PRODUCT)), typical(PRODUCT), 1),
        "Linear, complex": (layers.Linear(typical(U2)), typical(U2), 1),
        "Linear, soft": (layers.Linear(typical(LORENTZ), soft=soft), typical(LORENTZ), 1),
        "Bilinear": (layers.Bilinear(typical(OCTAHEDRAL)), typical(OCTAHEDRAL), 2),
        "Gate": (layers.Gate(), typical(LORENTZ), 1),
        "NormActivation": (layers.NormActivation(), typical(LORENTZ), 1),
        "LayerNorm": (layers.LayerNorm(), typical(LORENTZ), 1),
        "SelfAttention": (layers.SelfAttention(typical(U2), num_heads=2), typical(U2), 1),
    }


@jax.jit
def apply_all(params: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    """Apply every layer."""
    return {
        name: module.apply(params[name], *inputs[name])
        for name, (module, _, _) in make_layers().items()
    }


def make_shapes() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the shapes of the parameters and inputs of every layer."""
    params, inputs = {}, {}
    for name, (module, rep, count) in make_layers().items():
        example = jax.eval_shape(functools.partial(reps.normal, rep=rep, shape=(3,)), KEY)
        inputs[name] = [example] * count
        params[name] = jax.eval_shape(module.init, KEY, *inputs[name])
    return params, inputs


def save(path: Any, params: Any, inputs: Any, outputs: Any) -> None:
    """Write arrays by their place in a pytree: nothing else is known of them."""
    named, _ = jax.tree_util.tree_flatten_with_path((params, inputs, outputs))
    arrays = {jax.tree_util.keystr(place): np.asarray(leaf) for place, leaf in named}
    assert len(arrays) == len(named)
    np.savez(path, **arrays)


def restore(path: str) -> tuple[Any, Any, Any]:
    """Read what `save` wrote, into the structure that this process gives it."""
    params, inputs = make_shapes()
    structure = (params, inputs, jax.eval_shape(apply_all, params, inputs))
    named, treedef = jax.tree_util.tree_flatten_with_path(structure)
    arrays = np.load(path)
    assert set(arrays) == {jax.tree_util.keystr(place) for place, _ in named}
    return jax.tree.unflatten(treedef, [arrays[jax.tree_util.keystr(place)] for place, _ in named])


if __name__ == "__main__":
    params, inputs, expected = restore(sys.argv[1])
    for name, outputs in apply_all(params, inputs).items():
        jax.tree.map(np.testing.assert_array_equal, outputs, expected[name])
    sys.stdout.write(f"{hash('PYTHONHASHSEED')} {len(expected)}")
