"""SO3krates against its formula, written with loops, and what its Euclidean variables are for."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.models import so3krates
from symjax_models.models.so3krates import SO3krates
from symjax_models.ops import harmonics
from symjax_models.ops.graph import Graph

HEADS, DEGREES, WIDTH = 2, 3, 6
MODEL = SO3krates(
    species=(1, 8),
    num_neighbours=2.0,
    features=WIDTH,
    num_heads=HEADS,
    max_degree=DEGREES,
    num_layers=2,
    cutoff=3.0,
    num_radial=4,
)
APPLY = jax.jit(MODEL.apply)
RECEIVERS, SENDERS = np.nonzero(~np.eye(3, dtype=bool))


def make_graph(positions, receivers=RECEIVERS, senders=SENDERS):
    return Graph(
        nodes={"numbers": jnp.array([8, 1, 1])},
        edges={"displacements": jnp.asarray(positions[receivers] - positions[senders])},
        senders=jnp.asarray(senders),
        receivers=jnp.asarray(receivers),
        n_node=jnp.array([3]),
        n_edge=jnp.array([len(senders)]),
    )


def draw_params(seed=0):
    rng = np.random.default_rng(seed)
    graph = make_graph(np.float32(draw_positions()))
    shapes = jax.eval_shape(MODEL.init, jax.random.key(0), graph)
    return jax.tree.map(lambda leaf: 0.5 * rng.normal(size=leaf.shape), shapes)


def draw_positions():
    return 1.2 * np.random.default_rng(0).normal(size=(3, 3))


def silu(x):
    return x / (1 + np.exp(-x))


def dense(params, x):
    return x @ params["kernel"] + params["bias"]


def perceptron(params, x):
    return dense(params["Dense_1"], silu(dense(params["Dense_0"], x)))


def headwise(params, x):
    kernel = params["kernel"]
    return np.stack([part @ k for part, k in zip(np.split(x, len(kernel)), kernel, strict=True)])


def radial(r):
    u = 1 - math.exp(-0.5 * r / 0.529177210903)
    return np.array([math.comb(3, k) * u**k * (1 - u) ** (3 - k) for k in range(4)])


def envelope(r):
    d = r / 3
    return (1 - 28 * d**6 + 48 * d**7 - 21 * d**8) / math.sqrt(2) if d < 1 else 0.0


def angular(displacement):
    """Return the harmonics of a direction, an array per degree, of length one each."""
    direction = displacement / np.linalg.norm(displacement)
    values = harmonics.solid_harmonics(direction, max_degree=DEGREES, normalization="norm")
    return [values[l * l : (l + 1) ** 2] for l in range(1, DEGREES + 1)]


def squares(chi):
    return np.array([np.sum(part**2) for part in chi])


def weights(params, x, chi, i, j, r):
    """Return the numbers with which j acts on i, one per head."""
    difference = squares([mine - other for mine, other in zip(chi[i], chi[j], strict=True)])
    filters = perceptron(params["radial"], radial(r)) + perceptron(params["variables"], difference)
    queries = silu(headwise(params["queries"], x[i]))
    keys = silu(headwise(params["keys"], x[j]))
    products = queries * keys * filters.reshape(queries.shape)
    return envelope(r) * products.sum(axis=-1) / math.sqrt(queries.shape[-1])


def energies_by_loops(params, positions, indices):
    x = params["embedding"]["embedding"][indices]
    chi = [[np.zeros(2 * l + 1) for l in range(1, DEGREES + 1)] for _ in x]
    pairs = [(i, j) for i, j in np.ndindex(len(x), len(x)) if i != j]
    for i, j in pairs:
        r = np.linalg.norm(positions[i] - positions[j])
        for l, part in enumerate(angular(positions[i] - positions[j])):
            chi[i][l] = chi[i][l] + envelope(r) * part / math.sqrt(2)
    for layer in range(2):
        new_x, new_chi = x.copy(), [list(parts) for parts in chi]
        for i, j in pairs:
            displacement = positions[i] - positions[j]
            r = np.linalg.norm(displacement)
            a = weights(params[f"features_{layer}"], x, chi, i, j, r)
            b = weights(params[f"variables_{layer}"], x, chi, i, j, r)
            new_x[i] += (a[:, None] * headwise(params[f"values_{layer}"], x[j])).ravel()
            for l, part in enumerate(angular(displacement)):
                new_chi[i][l] = new_chi[i][l] + b[l] * part
        x, chi = new_x + perceptron(params[f"attended_{layer}"], silu(new_x)), new_chi
        for i in range(len(x)):
            inputs = np.concatenate([x[i], squares(chi[i])])
            p, s = np.split(dense(params[f"exchange_{layer}"], inputs), [WIDTH])
            x[i] = x[i] + p
            chi[i] = [part * (1 + scale) for part, scale in zip(chi[i], s, strict=True)]
        x = x + perceptron(params[f"exchanged_{layer}"], silu(x))
    return perceptron(params["readout"], x)


def test_is_the_formula():
    params, positions = draw_params(), draw_positions()
    expected = energies_by_loops(params["params"], positions, np.array([1, 0, 0]))
    for dtype, error in ((np.float32, 1e-4), (np.float64, 1e-13)):
        with jax.enable_x64(dtype == np.float64):
            single = jax.tree.map(dtype, params)
            found = APPLY(single, make_graph(dtype(positions)))
        np.testing.assert_allclose(found, expected, rtol=0, atol=error * np.abs(expected).max())


def turned_error(apply):
    """Return how much energies change as the molecule is turned and mirrored."""
    matrix, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    with jax.enable_x64(True):
        params, positions = draw_params(), draw_positions()
        one, other = (apply(params, make_graph(p)) for p in (positions, -positions @ matrix))
    return np.abs(one - other).max() / np.abs(one).max()


def test_degrees_that_mix_are_caught(monkeypatch):
    assert turned_error(APPLY) < 1e-13
    # The last component of degree 1 is counted to degree 2.
    owners = so3krates._owners(DEGREES).copy()
    owners[:, 2] = owners[:, 3]
    monkeypatch.setattr(so3krates, "_owners", lambda max_degree: owners)
    assert turned_error(jax.jit(MODEL.clone().apply)) > 1e-3


def test_energy_is_smooth_where_symmetry_makes_variables_vanish():
    with jax.enable_x64(True):
        # A linear molecule: odd degrees vanish at the atom in the middle.
        line = np.array([[0.0, 0, 0], [0, 0, 1.2], [0, 0, -1.2]])
        params = draw_params()

        def energy(step):
            moved = line + np.array([[0, 0, step], [0, 0, 0], [0, 0, 0]])
            return float(APPLY(params, make_graph(moved)).sum())

        # With the norm there would be a kink: a difference of the order of the step.
        h = 1e-3
        one, two = (energy(k * h) - 2 * energy(0) + energy(-k * h) for k in (1, 2))
    np.testing.assert_allclose(two, 4 * one, rtol=1e-3)


def test_first_energies_are_of_order_one_where_all_atoms_see_each_other():
    positions = np.float32(1.1 * np.stack(np.mgrid[:3, :3, :1], axis=-1).reshape(9, 3))
    receivers, senders = np.nonzero(~np.eye(9, dtype=bool))
    graph = make_graph(positions, receivers, senders)
    graph = graph.replace(nodes={"numbers": jnp.array([8, 1, 1] * 3)}, n_node=jnp.array([9]))
    model = MODEL.clone(num_neighbours=8.0, features=60, cutoff=5.0, num_layers=3)
    first, _ = jax.jit(model.init_with_output)(jax.random.key(0), graph)
    assert 1e-3 < jnp.abs(first).max() < 3


def test_an_atom_sees_the_angle_between_neighbours_that_do_not_see_each_other():
    # Atom 0 alone receives, so that distances say nothing of the angle.
    receivers, senders = np.array([0, 0]), np.array([1, 2])

    def energy(angle, params):
        ends = 2.5 * np.array([[1, 0, 0], [np.cos(angle), np.sin(angle), 0]])
        positions = np.float32(np.concatenate([np.zeros((1, 3)), ends]))
        return float(APPLY(params, make_graph(positions, receivers, senders))[0, 0])

    params = jax.tree.map(np.float32, draw_params())
    assert abs(energy(1.5, params) - energy(2.5, params)) > 1e-3
    # The same without the paths from chi to x.
    inner = params["params"]
    for layer in range(2):
        inner[f"exchange_{layer}"]["kernel"][WIDTH:] = 0
        for block in ("features", "variables"):
            inner[f"{block}_{layer}"]["variables"]["Dense_0"]["kernel"][:] = 0
    assert abs(energy(1.5, params) - energy(2.5, params)) < 1e-6


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"features": 100}, "num_heads=4 and of its max_degree=3.*100; the nearest that fit .* 96"),
        ({"features": 0}, "got features=0; the nearest that fit are 12"),
        ({"num_heads": 0}, "at least one head and one degree, got num_heads=0"),
        ({"max_degree": 0}, "at least one head and one degree, .* max_degree=0"),
    ],
)
def test_features_that_heads_do_not_divide_are_refused(fields, words):
    model = SO3krates(species=(1, 8), num_neighbours=2.0, **fields)
    with pytest.raises(ValueError, match=words):
        jax.eval_shape(model.init, jax.random.key(0), make_graph(np.float32(draw_positions())))
