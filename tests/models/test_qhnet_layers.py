"""The layers of QHNet against loops over atoms, pairs and paths in NumPy."""

import jax
import numpy as np
import pytest

from symjax_models import reps
from symjax_models.layers import Linear
from symjax_models.models import qhnet_layers
from symjax_models.ops import cutoffs, graph, radial
from symjax_models.ops.matrix_blocks import block_irreps, blocks_from_irreps
from symjax_models.ops.tensor_products import TensorProductPlan
from symjax_models.reps import RepArray
from symjax_models.reps.rotation import clebsch_gordan

NUM_ATOMS = 3
REP = reps.parse_irreps("2x0e+2x1o")
OUT = reps.parse_irreps("2x0e+2x1e+2x1o+2x2e")
SETTINGS = qhnet_layers.WeightSettings(cutoff=5.0, num_radial=3, hidden=4)
POSITIONS = np.random.default_rng(0).normal(size=(NUM_ATOMS, 3))
# Every entry of the dense layout: the receiver i, the place k, and the sender j.
EDGES = [(i, k, (i + k + 1) % NUM_ATOMS) for i in range(NUM_ATOMS) for k in range(NUM_ATOMS - 1)]
MOLECULE = graph.complete({"positions": POSITIONS})
TOLERANCE = {"rtol": 1e-11, "atol": 1e-12}


def draw_features(rep, *, seed, batch=(NUM_ATOMS,)):
    rng = np.random.default_rng(seed)
    return RepArray(rep, [rng.normal(size=(*batch, term.dim, count)) for count, term in rep.terms])


def on_edges(function, *shape):
    """Return an array in the edge layout, from its values at i and j."""
    result = np.zeros((NUM_ATOMS, NUM_ATOMS - 1, *shape))
    for i, k, j in EDGES:
        result[i, k] = function(i, j)
    return result


DISPLACEMENTS = on_edges(lambda i, j: POSITIONS[i] - POSITIONS[j], 3)
DISTANCES = np.linalg.norm(DISPLACEMENTS, axis=-1)


def evaluate(layer, *inputs):
    """Return random parameters of a layer, biases too, and its value in float64."""
    with jax.enable_x64(True):
        shapes = jax.eval_shape(layer.init, jax.random.key(0), *inputs)
        rng = np.random.default_rng(1)
        params = jax.tree.map(
            lambda leaf: rng.normal(size=leaf.shape) / np.sqrt(leaf.shape[0]), shapes
        )
        return params["params"], jax.tree.map(np.asarray, jax.jit(layer.apply)(params, *inputs))


def apply(layer, params, *inputs):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, layer.apply({"params": params}, *inputs))


def silu(values):
    return values / (1 + np.exp(-values))


def mlp(params, values):
    first, second = params["Dense_0"], params["Dense_1"]
    hidden = silu(values @ first["kernel"] + first["bias"])
    return hidden @ second["kernel"] + second["bias"]


def gate(params, x):
    """Return the gated features: scalars plus, norms of others times functions of all."""
    count = x.blocks[0].shape[-1]
    seen = [
        block[..., 0, :] if term == reps.parse_irreps("0e") else np.linalg.norm(block, axis=-2)
        for (_, term), block in zip(x.rep.terms, x.blocks, strict=True)
    ]
    gates = mlp(params["gates"], np.concatenate(seen, axis=-1))[..., None, :]
    blocks = []
    for index, ((_, term), block) in enumerate(zip(x.rep.terms, x.blocks, strict=True)):
        part = gates[..., index * count : (index + 1) * count]
        is_scalar = term == reps.parse_irreps("0e")
        blocks.append(block + part if is_scalar else block * (1 + part))
    return RepArray(x.rep, blocks)


def product(plan, left, right, weights):
    """Multiply one entry of the batch path by path; `right` may be shared by all channels."""
    count = weights.shape[-1]
    result = [np.zeros((term.dim, count)) for _, term in plan.rep_out.terms]
    for weight, path in zip(weights, plan.paths, strict=True):
        y = np.broadcast_to(right[path.index2], (2 * path.degrees[1] + 1, count))
        coupled = np.einsum("ijk,ic,jc->kc", clebsch_gordan(*path.degrees), left[path.index1], y)
        result[path.index_out] += weight * path.normalization * coupled
    return result


def assert_equal(found, expected):
    assert found.rep == expected.rep
    for block, other in zip(found.blocks, expected.blocks, strict=True):
        assert block.shape == other.shape
        np.testing.assert_allclose(block, other, **TOLERANCE)


def test_norm_gate_is_the_formula():
    x = draw_features(reps.parse_irreps("2x1o+2x0e+2x2e"), seed=2)
    params, found = evaluate(qhnet_layers.NormGate(), x)
    assert_equal(found, gate(params, x))


def test_weights_of_a_pair_see_the_receiver_first():
    plan = qhnet_layers.product_plan(REP, OUT)
    x = draw_features(REP, seed=2)
    layer = qhnet_layers.PairWeights(plan, SETTINGS)
    params, found = evaluate(layer, MOLECULE, x, DISTANCES)
    scalars, vectors = x.blocks
    with jax.enable_x64(True):
        functions = np.asarray(
            radial.exponential_bernstein(DISTANCES, num_functions=3, gamma=0.5 / 0.529177210903)
        )
        envelope = np.asarray(cutoffs.smooth_cutoff(DISTANCES, cutoff=5.0))
    of_distance = params["radial"]
    hidden = np.sqrt(30) * functions @ of_distance["kernel_0"] + of_distance["bias_0"]
    hidden = silu(hidden) * 1.67653247 * envelope[..., None]
    for i, k, j in EDGES:
        seen = np.concatenate(
            [scalars[i, 0], scalars[j, 0], (vectors[i] * vectors[j]).mean(axis=0)]
        )
        invariants = mlp(params["invariants"], seen)
        expected = (hidden[i, k] @ of_distance["kernel_out"]) * (1 + invariants)
        np.testing.assert_allclose(found[i, k], expected.reshape(plan.num_paths, 2), **TOLERANCE)


@pytest.mark.parametrize("rep", [REP, reps.parse_irreps("2x0e")])
def test_convolution_sums_over_the_senders_of_every_receiver(rep):
    layer = qhnet_layers.NodeLayer(REP, 1, SETTINGS)
    x = draw_features(rep, seed=2)
    params, found = evaluate(layer, MOLECULE, x, DISPLACEMENTS, DISTANCES)
    plan = TensorProductPlan(rep, reps.parse_irreps("0e+1o"), REP)
    h = apply(Linear(rep), params["linear_in"], gate(params["gate"], x))
    before = apply(Linear(rep), params["linear_weights"], x)
    weights = apply(
        qhnet_layers.PairWeights(plan, SETTINGS), params["weights"], MOLECULE, before, DISTANCES
    )
    sums = [np.zeros((NUM_ATOMS, term.dim, 2)) for _, term in REP.terms]
    for i, k, j in EDGES:
        direction = (POSITIONS[i] - POSITIONS[j]) / np.linalg.norm(POSITIONS[i] - POSITIONS[j])
        harmonics = [np.ones((1, 1)), np.sqrt(3) * direction[:, None]]
        message = product(plan, [block[j] for block in h.blocks], harmonics, weights[i, k])
        for total, part in zip(sums, message, strict=True):
            total[i] += part / np.sqrt(NUM_ATOMS - 1)
    z = RepArray(REP, sums)
    if rep == REP:
        z = jax.tree.map(np.add, z, h)
        expected = jax.tree.map(np.add, apply(Linear(REP), params["linear_out"], z), x)
    else:
        expected = apply(Linear(REP), params["linear_out"], z)
    assert_equal(found, expected)


def test_self_layer_multiplies_every_atom_by_itself():
    x = draw_features(REP, seed=2)
    params, found = evaluate(qhnet_layers.SelfLayer(OUT), x)
    plan = qhnet_layers.product_plan(REP, OUT)
    left, right = (
        apply(Linear(REP), params[side], gate(params[f"gate_{side}"], x))
        for side in ("left", "right")
    )
    atoms = [
        product(plan, *([block[i] for block in z.blocks] for z in (left, right)), params["weights"])
        for i in range(NUM_ATOMS)
    ]
    z = RepArray(OUT, [np.stack(blocks) for blocks in zip(*atoms, strict=True)])
    z = apply(Linear(OUT), params["linear_out"], gate(params["gate"], z))
    residual = apply(Linear(OUT, use_bias=False), params["residual"], x)
    assert_equal(found, jax.tree.map(np.add, z, residual))


def test_pair_layer_multiplies_the_receiver_by_the_sender():
    x = draw_features(REP, seed=2)
    params, found = evaluate(qhnet_layers.PairLayer(OUT, SETTINGS), MOLECULE, x, DISTANCES)
    plan = qhnet_layers.product_plan(REP, OUT)
    before = apply(Linear(REP), params["linear_weights"], x)
    weights = apply(
        qhnet_layers.PairWeights(plan, SETTINGS), params["weights"], MOLECULE, before, DISTANCES
    )
    h = apply(Linear(REP), params["linear_in"], gate(params["gate_in"], x))
    blocks = [np.zeros((NUM_ATOMS, NUM_ATOMS - 1, term.dim, 2)) for _, term in OUT.terms]
    for i, k, j in EDGES:
        parts = product(plan, *([block[a] for block in h.blocks] for a in (i, j)), weights[i, k])
        for block, part in zip(blocks, parts, strict=True):
            block[i, k] = part
    z = gate(params["gate"], RepArray(OUT, blocks))
    assert_equal(found, apply(Linear(OUT), params["linear_out"], z))


def test_expansion_takes_the_kernels_of_the_ordered_pair_of_species():
    orbitals = reps.parse_irreps("2x0e+1x1o")
    species = (1, 0, 0)
    kinds = on_edges(lambda i, j: 2 * species[i] + species[j]).astype(int)
    embeddings = np.random.default_rng(3).normal(size=(4, 3))
    rep = block_irreps(orbitals, orbitals)
    copies = 2
    features = reps.base.direct_sum([(copies, term) for _, term in rep.terms], group=rep.group)
    x = draw_features(features, seed=2, batch=kinds.shape)
    params, found = evaluate(qhnet_layers.Expansion(orbitals), x, embeddings, kinds)
    total = sum(count for count, _ in rep.terms)
    by_pair = {}
    for i, k, j in EDGES:
        kind = 2 * species[i] + species[j]
        kernels = mlp(params["kernels"], embeddings[kind]).reshape(copies, total) / np.sqrt(copies)
        blocks, start = [], 0
        for (count, term), block in zip(rep.terms, x.blocks, strict=True):
            blocks.append(block[i, k] @ kernels[:, start : start + count])
            start += count
            if term == reps.parse_irreps("0e"):
                blocks[-1] = blocks[-1] + mlp(params["biases"], embeddings[kind])
        with jax.enable_x64(True):
            expected = blocks_from_irreps(RepArray(rep, blocks), left=orbitals, right=orbitals)
        np.testing.assert_allclose(found[i, k], expected, **TOLERANCE)
        by_pair[species[i], species[j]] = kernels
    # The two orders of two species are two kinds.
    assert np.abs(by_pair[0, 1] - by_pair[1, 0]).max() > 0.1
