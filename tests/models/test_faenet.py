"""FAENet: which choices of frames are exact, true forces, and what the wrong sign rule costs."""

import dataclasses
import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups
from symjax_models.models.faenet import FAENet, FrameNetwork, average_over_frames, pose_errors
from symjax_models.ops.frames import PCAFrames
from symjax_models.ops.graph import Graph
from tests.models.atom_networks import (
    REAL,
    SPECIES,
    as_graph,
    evaluate,
    make_structure,
    orthogonal_matrices,
)  # fmt: skip

SIZES = {
    "species": SPECIES,
    "num_neighbours": 4.0,
    "features": 4,
    "filters": 6,
    "num_layers": 1,
    "cutoff": 3.0,
    "num_radial": 3,
}
MODEL = FAENet(**SIZES)
POSITIONS = make_structure()[0][:5] * np.array([0.6, 1.0, 1.4])
NUMBERS = np.array([[6], [1], [8], [1], [6]], np.int32)
RECEIVERS, SENDERS = np.nonzero(~np.eye(5, dtype=bool))


@dataclasses.dataclass(frozen=True)
class ComponentSums:
    """Choose the signs of the axes by the sums of their components, which depend on the pose."""

    def __call__(self, x, *, key=None):
        frame = PCAFrames(groups.O(3), is_differentiable=True)(x)
        axes = frame.elements[:1]
        axes = axes * jnp.sign(jnp.sum(axes, axis=-2, keepdims=True))
        weights = jnp.ones_like(frame.weights[:1])
        return dataclasses.replace(
            frame, elements=axes, inverses=jnp.swapaxes(axes, -1, -2), weights=weights
        )


def draw_params():
    rng = np.random.default_rng(0)
    structure = make_structure()
    structure = (structure[0].astype(np.float32), *structure[1:])
    shapes = jax.eval_shape(MODEL.init, jax.random.key(0), as_graph(structure))

    def draw(path, leaf):
        width = leaf.shape[-2] ** -0.5 if leaf.ndim > 1 else 0.3
        # So that directions matter beside distances.
        width *= 3 if "edge_vector" in jax.tree_util.keystr(path) else 1.3
        return width * rng.normal(size=leaf.shape)

    return jax.tree_util.tree_map_with_path(draw, shapes)


# One network, whatever the frames: parameters do not depend on them.
PARAMS = draw_params()


def molecule(positions, numbers=NUMBERS):
    return Graph(
        nodes={"numbers": jnp.asarray(numbers)[:, 0]},
        edges={"displacements": positions[RECEIVERS] - positions[SENDERS]},
        senders=jnp.asarray(SENDERS),
        receivers=jnp.asarray(RECEIVERS),
        n_node=jnp.array([5]),
        n_edge=jnp.array([20]),
    )


def predict(model, params, positions, numbers=NUMBERS, key=None):
    """Return the energies of the atoms and the forces."""
    rngs = None if key is None else {"frames": key}

    def total(positions):
        sites = model.apply(params, molecule(positions, numbers), rngs=rngs)
        return jnp.sum(sites), sites

    slopes, sites = jax.grad(total, has_aux=True)(positions)
    return sites, -slopes


def measure(model, dtype, **parts):
    return audit.equivariance_error(
        functools.partial(predict, model),
        PARAMS,
        POSITIONS,
        NUMBERS,
        inputs=["invariant", "point", "scalar"],
        output=("scalar", "vector"),
        dtype=dtype,
        num_samples=4,
        **parts,
    )


@pytest.mark.parametrize(
    ("changes", "dtype", "tolerance"),
    [
        ({}, "float32", 5e-6),
        ({}, "float64", 1e-12),
        ({"frames": "moment"}, "float64", 1e-12),
        pytest.param({"frames": "moment"}, "float32", 5e-6, marks=pytest.mark.slow),
    ],
)
def test_energies_and_forces_are_equivariant(changes, dtype, tolerance):
    error = measure(MODEL.clone(**changes), dtype)
    assert {"rotations", "reflections", "translations", "permutations"} < set(error.parts)
    assert error.max < tolerance, error


def test_without_frames_rotations_are_broken():
    error = measure(MODEL.clone(frames="none"), "float64")
    assert error.parts["rotations"] > 1e-2 and error.parts["reflections"] > 1e-2
    assert error.parts["translations"] < 1e-12 and error.parts["permutations"] < 1e-12


def report(model):
    """Return the errors of poses, relative to energy and forces."""

    def energy_and_forces(positions, key):
        sites, forces = predict(
            model, PARAMS, positions, key=key if model.frames == "random" else None
        )
        return jnp.sum(sites), forces

    with jax.enable_x64(True):
        found = pose_errors(
            energy_and_forces, jnp.asarray(POSITIONS), key=jax.random.key(1), num_samples=4
        )
        found = {name: float(value) for name, value in found.items()}
    energies, forces = evaluate(MODEL, make_structure(), params=PARAMS)
    scales = {"energy": abs(energies.sum()), "force": np.linalg.norm(forces, axis=-1).mean()}
    return {name: value / scales[name.split("_")[0]] for name, value in found.items()}


class SignsByComponentSums(FAENet):
    """FAENet with the deterministic signs of the paper."""

    @nn.compact
    def __call__(self, graph):
        network = FrameNetwork(**SIZES, name="network")
        averaged = average_over_frames(network, axes=ComponentSums())
        return averaged(graph.edges["displacements"], graph)


@pytest.mark.parametrize(
    ("model", "exact"),
    [
        pytest.param(MODEL, {"rotations", "reflections", "planar"}, marks=pytest.mark.slow),
        pytest.param(
            MODEL.clone(reflections=False), {"rotations", "planar"}, marks=pytest.mark.slow
        ),
        (MODEL.clone(keep_last_axis=True), {"planar"}),
        pytest.param(MODEL.clone(frames="random"), set(), marks=pytest.mark.slow),
        (SignsByComponentSums(**SIZES), set()),
    ],
    ids=["all", "se3", "planar", "random", "component_sums"],
)
def test_report_of_poses(model, exact):
    errors = report(model)
    for kind in ("rotations", "reflections", "planar"):
        largest = max(errors[f"energy_{kind}"], errors[f"force_{kind}"])
        assert largest < 1e-12 if kind in exact else largest > 1e-2, errors


def test_random_frames_are_right_in_the_mean():
    # Of 8 elements that are all equally likely, and known: no need to draw many.
    model = MODEL.clone(frames="random")

    @jax.jit
    def sample(params, positions, keys):
        def energy(rngs):
            return jnp.sum(model.apply(params, molecule(positions), rngs=rngs))

        return jax.vmap(lambda key: energy({"frames": key}))(keys), energy({})

    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), 64)
        found, expected = sample(PARAMS, POSITIONS, keys)
    found = np.unique(np.round(found, 10))
    assert len(found) == 8
    np.testing.assert_allclose(found.mean(), expected, rtol=1e-8)


def test_forces_are_slopes_where_frames_are_differentiable():
    structure = make_structure()
    direction = np.random.default_rng(2).normal(size=structure[0].shape)
    direction[REAL:] = 0

    def total(step):
        moved = structure[0] + step * direction
        return evaluate(MODEL, (moved, *structure[1:]), params=PARAMS)[0].sum()

    h = 1e-3
    slope = (8 * (total(h) - total(-h)) - (total(2 * h) - total(-2 * h))) / (12 * h)
    _, forces = evaluate(MODEL, structure, params=PARAMS)
    np.testing.assert_allclose(-np.sum(forces * direction), slope, rtol=1e-6)
    torque = np.cross(structure[0], forces).sum(axis=0)
    np.testing.assert_allclose(torque, 0, atol=1e-12)
    frozen = MODEL.clone(is_differentiable=False)
    _, forces = evaluate(frozen, structure, params=PARAMS)
    assert abs(np.sum(forces * direction) / slope + 1) > 1e-2
    assert np.abs(np.cross(structure[0], forces).sum(axis=0)).max() > 1e-2


def test_padding_may_hold_anything():
    positions, numbers, *ends = make_structure()
    expected = evaluate(MODEL, (positions, numbers, *ends), params=PARAMS)
    positions, numbers = positions.copy(), numbers.copy()
    positions[REAL:], numbers[REAL:] = np.nan, 99
    energies, forces = evaluate(MODEL, (positions, numbers, *ends), params=PARAMS)
    assert np.array_equal(energies, expected[0])
    assert np.array_equal(forces[:REAL], expected[1][:REAL])


def test_every_structure_of_a_batch_has_frames_of_its_own():
    second = make_structure(seed=3)[0][:5] * np.array([1.2, 0.7, 1.0])
    first, other = orthogonal_matrices()
    together = np.stack([POSITIONS, second])
    turned = np.stack([POSITIONS @ first.T + 1.0, second @ other[::-1].T])

    @jax.jit
    def energies(params, positions):
        flat = positions.reshape(10, 3)
        ends = (np.concatenate([ends, ends + 5]) for ends in (SENDERS, RECEIVERS))
        senders, receivers = map(jnp.asarray, ends)
        graph = Graph(
            nodes={"numbers": jnp.tile(jnp.asarray(NUMBERS[:, 0]), 2)},
            edges={"displacements": flat[receivers] - flat[senders]},
            senders=senders,
            receivers=receivers,
            n_node=jnp.array([5, 5]),
            n_edge=jnp.array([20, 20]),
        )
        return MODEL.apply(params, graph).reshape(2, 5)

    with jax.enable_x64(True):
        found, swapped, moved = (
            np.asarray(energies(PARAMS, x)) for x in (together, together[::-1], turned)
        )
        alone = jax.jit(MODEL.apply)(PARAMS, molecule(jnp.asarray(POSITIONS)))
    assert np.abs(found[0] - found[1]).max() > 1e-3
    np.testing.assert_allclose(found[0], alone[:, 0], rtol=1e-12)
    np.testing.assert_allclose(swapped[::-1], found, rtol=1e-12)
    np.testing.assert_allclose(moved, found, rtol=1e-11)


def test_an_unknown_choice_of_frames_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'moment'"):
        MODEL.clone(frames="moments").init(jax.random.key(0), molecule(np.float32(POSITIONS)))
