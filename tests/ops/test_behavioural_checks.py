"""What has been seen to fail in libraries of operations of O(3), on ours.

===  =========================================  ===================================================
no.  check                                      where
===  =========================================  ===================================================
1    zero vector: finite to second derivatives  here; test_harmonics, test_safe, test_rotations
2    |r| of 1e-3 and 1e3                        here; test_harmonics::test_length_has_no_influence
3    magnitudes 1e25 and 1 in one batch         here; test_harmonics, test_safe
4    options change results                     no global settings to fail; normalizations in
                                                test_harmonics and test_sphere
5    even functions of odd signals are even     here; that layers refuse them where they have no
                                                label: layers/test_activations
6    force Jacobians, finite differences        here; test_convolution::test_forces_...
7    edges along the axes; the roll             here; test_rotations, test_backends
8    sizes of what is traced                    test_convolution, test_harmonics
9    same parameters, every backend             test_backends
10   float32 over float64                       here; audit/test_report_degree_six
11   rotations, reflections, generators         here
12   debug_nans, half precision                 here; versions of JAX are the CI's
===  =========================================  ===================================================
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import reps
from symjax_models.ops import gaunt_products, harmonics, quadrature, safe, sphere
from symjax_models.ops.rotations import matrix_from_rotation_vector
from symjax_models.ops.symmetric_contraction import SymmetricContraction
from symjax_models.ops.tensor_products import (
    TensorProductPlan,
    convolution,
    edge_harmonics,
    frames,
)
from symjax_models.reps.rotation import wigner_ds

BACKENDS = ("dense", "sparse", "so2")
RULE = quadrature.make_quadrature(4)
SIGNALS = reps.harmonic_irreps(1)
PLAN = TensorProductPlan(2 * SIGNALS, SIGNALS, reps.parse_irreps("2x0e+2x1o+2x1e"))
CONTRACTION = SymmetricContraction(SIGNALS, reps.parse_irreps("0e+2e"), 2)
EDGES = 6
AXES = np.concatenate([np.eye(3), -np.eye(3)])
NEARLY = AXES + 1e-8 * np.array([0.3, -0.7, 0.5]) * (1 - np.abs(AXES))


def multiply(x, r, weights, backend):
    if backend == "so2":
        return PLAN.apply_so2(x, r, weights)
    return PLAN.apply(x, edge_harmonics(PLAN, r), weights, backend=backend)


def everything(x, y, r, weights):
    """Evaluate one operation after the other."""
    f, g = (jnp.concatenate(features.blocks, axis=-2) for features in (x, y))
    product = gaunt_products.gaunt_product
    square = jnp.square(sphere.to_sphere(f, RULE))
    arrays = {
        "norm": ("0e", safe.norm(r)[..., None, None]),
        "harmonics": ("0e+1o+2e", harmonics.spherical_harmonics(r, max_degree=2)[..., None]),
        "gaunt": ("2x0e+2x1o+2x2e", product(f, g, max_degree=2)),
        "fourier": ("2x0e+2x1o+2x2e", product(f, g, max_degree=2, method="fourier")),
        # Of degree 0 it is zero, but for rounding.
        "vector": ("2x1e", gaunt_products.vector_gaunt_product(f, g, max_degree=1)[..., 1:, :]),
        "sphere": ("2x0e+2x1o+2x2e", sphere.from_sphere(square, RULE, max_degree=2)),
        "contraction": ("2x0e+2x2e", CONTRACTION.apply(f, weights[..., : CONTRACTION.size, :])),
    }
    results = {name: multiply(x, r, weights, name) for name in BACKENDS}
    for name, (irreps, array) in arrays.items():
        rep = reps.parse_irreps(irreps)
        ends = np.cumsum([term.dim for _, term in rep.terms])[:-1]
        results[name] = reps.RepArray(rep, jnp.split(array, ends, axis=-2))
    return results


evaluate = jax.jit(everything)


def draw(dtype, count=EDGES, seed=0):
    rng = np.random.default_rng(seed)
    x, y = ([rng.normal(size=(count, term.dim, 2)) for _, term in SIGNALS.terms] for _ in range(2))
    r = rng.normal(size=(count, 3))
    weights = rng.normal(size=(count, PLAN.num_paths, 2))
    x, y = (reps.RepArray(PLAN.rep1, blocks) for blocks in (x, y))
    return jax.tree.map(lambda a: a.astype(dtype), (x, y, r, weights))


def act(x, matrix_of):
    """Multiply the blocks of features by matrices of their irreps, in NumPy."""
    pairs = zip(x.rep.terms, x.blocks, strict=True)
    return reps.RepArray(
        x.rep, [(matrix_of(term) @ np.asarray(b, float)).astype(b.dtype) for (_, term), b in pairs]
    )


def transform(inputs, g, *, turn_r=True):
    x, y, r, weights = inputs
    moved = (np.asarray(r, float) @ g.T).astype(r.dtype) if turn_r else r
    return act(x, lambda rep: rep.rho(g)), act(y, lambda rep: rep.rho(g)), moved, weights


def relative_error(found, expected):
    errors = []
    for a, b in zip(found.blocks, expected.blocks, strict=True):
        a, b = np.asarray(a, float), np.asarray(b, float)
        errors.append(np.abs(a - b).max() / (np.sqrt(np.mean(b**2)) or 1))
    return max(errors)


def equivariance_errors(dtype, **options):
    inputs = draw(dtype)
    with jax.enable_x64(dtype == np.float64):
        values = evaluate(*inputs)
        errors = dict.fromkeys(values, 0.0)
        some = np.linalg.qr(np.random.default_rng(1).normal(size=(2, 3, 3)))[0]
        for g in (*some, *-some):
            moved = evaluate(*transform(inputs, g, **options))
            for name, value in values.items():
                error = relative_error(moved[name], act(value, lambda rep, g=g: rep.rho(g)))
                errors[name] = max(errors[name], error)
    return errors


def test_ratio_of_errors_is_that_of_the_precisions():
    single, double = (equivariance_errors(dtype) for dtype in (np.float32, np.float64))
    for name, error in single.items():
        assert error < 1e-5 and 1e7 < error / double[name] < 1e11, (name, error, double[name])
    broken = equivariance_errors(np.float32, turn_r=False)
    assert min(broken[name] for name in (*BACKENDS, "harmonics")) > 0.1


@pytest.mark.slow
def test_generators():
    inputs, algebra = draw(np.float64), np.random.default_rng(3).normal(size=(3, 3))
    algebra -= algebra.T
    x, y, r, weights = inputs
    turned = act(x, lambda rep: rep.drho(algebra)), act(y, lambda rep: rep.drho(algebra))
    tangents = (*turned, r @ algebra.T, np.zeros_like(weights))
    with jax.enable_x64(True):
        push = jax.jit(lambda *pair: jax.jvp(everything, *pair))
        values, changes = push(inputs, tangents)
        _, partial = push(inputs, (turned[0], *jax.tree.map(np.zeros_like, tangents[1:])))
    for name, value in values.items():
        expected = act(value, lambda rep: rep.drho(algebra))
        assert relative_error(changes[name], expected) < 1e-13, name
    # With only one argument turned the others do not follow.
    for name in set(values) - {"norm", "sphere", "contraction"}:
        expected = act(values[name], lambda rep: rep.drho(algebra))
        assert relative_error(partial[name], expected) > 0.1, name


def number(*inputs):
    results = everything(*inputs)
    chosen = [results[name] for name in ("norm", "harmonics", "dense", "so2", "vector")]
    return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(chosen))


@pytest.mark.slow
def test_nothing_is_nan_on_the_way():
    inputs = draw(np.float32)
    for array in jax.tree.leaves(inputs):
        array[::2] = 0
    with jax.debug_nans(True):
        value, gradient = jax.jit(jax.value_and_grad(number, argnums=(0, 1, 2)))(*inputs)
        leaves = jax.tree.leaves((value, gradient))
        assert all(np.isfinite(leaf).all() for leaf in leaves)
        assert any(np.abs(leaf).max() > 0.1 for leaf in leaves)
        with pytest.raises(FloatingPointError):
            jax.jit(jax.grad(lambda r: jnp.linalg.norm(r)))(jnp.zeros(3))


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision_stays(dtype):
    for name, value in jax.eval_shape(everything, *draw(dtype)).items():
        assert {block.dtype for block in value.blocks} == {jnp.dtype(dtype)}, name
    some, inputs = ("harmonics", "dense", "sphere"), draw(dtype)
    exact = evaluate(*jax.tree.map(lambda a: a.astype(np.float32), inputs))
    found = jax.jit(lambda *a: {name: everything(*a)[name] for name in some})(*inputs)
    for name in some:
        assert relative_error(found[name], exact[name]) < 30 * float(jnp.finfo(dtype).eps), name


@pytest.mark.parametrize("name", ["dense", "so2", "harmonics"])
@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e25])
def test_lengths_of_edges_do_not_matter(name, scale):
    x, y, r, weights = draw(np.float32)
    scales = np.where(np.arange(EDGES) % 2, scale, 1.0).astype(np.float32)
    expected = evaluate(x, y, r, weights)[name]
    found = evaluate(x, y, r * scales[:, None], weights)[name]
    assert relative_error(found, expected) < 3e-6
    lengths = np.asarray(evaluate(x, y, r * scales[:, None], weights)["norm"].blocks[0])[:, 0, 0]
    np.testing.assert_allclose(lengths, np.linalg.norm(r, axis=-1) * scales, rtol=1e-6)


@pytest.mark.parametrize("name", [*BACKENDS, "gaunt", "fourier", "vector"])
@pytest.mark.parametrize("scale", [1e-3, 1e3, 1e25])
def test_large_rows_leave_small_rows_alone(name, scale):
    x, y, r, weights = draw(np.float32)
    scales = np.where(np.arange(EDGES) % 2, scale, 1.0).astype(np.float32)[:, None, None]
    expected = evaluate(x, y, r, weights)[name]
    found = evaluate(x.map(lambda block: block * scales), y, r, weights)[name]
    assert relative_error(found.map(lambda block: block / scales), expected) < 3e-6


def curvature(backend, dtype):
    """Return gradient and Hessian by the direction, at special directions."""
    special = np.concatenate([AXES, NEARLY, 0.7 * NEARLY, np.zeros((1, 3)), [[0.3, -0.5, 0.9]]])
    x, _, _, weights = jax.tree.map(lambda a: a[0], draw(dtype))

    def energy(r):
        return sum(jnp.sum(jnp.sin(block)) for block in multiply(x, r, weights, backend).blocks)

    def twice(r):
        force = jax.grad(energy)(r)
        return force, force

    compiled = jax.jit(jax.vmap(jax.jacfwd(twice, has_aux=True)))
    with jax.enable_x64(dtype == np.float64):
        hessian, gradient = compiled(special.astype(dtype))
    return np.asarray(gradient), np.asarray(hessian)


def test_edges_along_the_axes_and_of_length_zero():
    exact, found = curvature("dense", np.float64), curvature("so2", np.float32)
    for a, b in zip(exact, found, strict=True):
        assert np.isfinite(a).all() and np.isfinite(b).all()
        np.testing.assert_allclose(b, a, atol=1e-4)
        np.testing.assert_array_equal(b[-2], 0)
        assert np.abs(a[:6]).reshape(6, -1).max(-1).min() > 0.01
        # Within 1e-8 of an axis it is what it is on the axis.
        np.testing.assert_allclose(b[6:12], b[:6], atol=1e-5)


def test_the_roll_of_frames_does_not_matter(monkeypatch):
    x, _, _, weights = draw(np.float64, count=12)
    directions = np.concatenate([AXES, NEARLY])
    align = frames.frame_matrices

    def energy(r):
        return jnp.sum(jnp.sin(PLAN.apply_so2(x, r, weights).flat))

    def with_turned_frames(function, vector):
        turns = wigner_ds(matrix_from_rotation_vector(jnp.array(vector)), max_degree=1)

        def turned(d, max_degree):
            # The matrix of degree 0, and that of degree 1 with rows of the orders 0, 1, -1.
            entries, orders = align(d, max_degree)[..., 0], np.array([1, 2, 0])
            matrix = turns[1][orders][:, orders] @ entries[..., 1:].reshape(*d.shape[:-1], 3, 3)
            return entries.at[..., 1:].set(matrix.reshape(*d.shape[:-1], 9))[..., None]

        monkeypatch.setattr(frames, "frame_matrices", turned)
        # A new function: what is traced before has the former frames.
        return jax.jit(lambda r: function(r))(directions)

    with jax.enable_x64(True):
        expected = jax.jit(jax.value_and_grad(energy))(directions)
        found = with_turned_frames(jax.value_and_grad(energy), [0, 1.3, 0])
        broken = with_turned_frames(energy, [0.3, 0, 0])
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)
    assert np.abs(broken - expected[0]) > 0.01


@pytest.mark.parametrize("parity", ["even", "odd"])
def test_functions_of_odd_signals(parity):
    rule = quadrature.make_quadrature(8)
    degrees = np.repeat(np.arange(4), 2 * np.arange(4) + 1)
    odd = np.random.default_rng(0).normal(size=(16, 2)) * (degrees % 2 == 1)[:, None]
    function = {"even": jnp.abs, "odd": jnp.tanh}[parity]
    values = function(sphere.to_sphere(odd.astype(np.float32), rule))
    found = np.asarray(sphere.from_sphere(values, rule, max_degree=3))
    other = degrees % 2 == (parity == "even")
    np.testing.assert_allclose(found[other], 0, atol=1e-6)
    assert np.abs(found[~other]).max() > 0.1


@pytest.mark.parametrize(
    ("max_degree", "backend"),
    [
        # Only the derivatives of so2 are written by hand.
        (1, "so2"),
        *(
            pytest.param(degree, backend, marks=pytest.mark.slow)
            for degree in (1, 2, 3, 4)
            for backend in BACKENDS
            if (degree, backend) != (1, "so2")
        ),
    ],
)
def test_forces_have_a_potential(max_degree, backend):
    top = reps.parse_irreps(f"{max_degree}{'eo'[max_degree % 2]}")
    plan = TensorProductPlan(reps.parse_irreps("0e+1o"), reps.harmonic_irreps(max_degree), top)
    senders, receivers = (jnp.array(index, np.int32) for index in ([1, 2, 0, 2], [0, 0, 1, 1]))
    rng = np.random.default_rng(0)
    positions, change = rng.normal(size=(2, 3, 3))
    x = reps.RepArray(plan.rep1, [rng.normal(size=(3, term.dim, 1)) for _, term in plan.rep1.terms])
    weights = rng.normal(size=(4, plan.num_paths, 1))

    def energy(positions):
        r = positions[receivers] - positions[senders]
        edges = {"senders": senders, "receivers": receivers, "num_nodes": 3}
        z = convolution(plan, x, r, weights, **edges, backend=backend)
        return jnp.sum(jnp.sin(z.blocks[0])) + jnp.sum(jnp.square(safe.norm(r)))

    with jax.enable_x64(True):
        both = jax.jit(jax.value_and_grad(energy))
        jacobian = np.asarray(jax.jit(jax.jacfwd(jax.grad(energy)))(positions)).reshape(9, 9)
        (ahead, behind) = (both(positions + sign * 1e-5 * change) for sign in (1, -1))
        slope, bend = jax.tree.map(lambda a, b: (a - b) / 2e-5, ahead, behind)
        np.testing.assert_allclose(jnp.vdot(both(positions)[1], change), slope, rtol=1e-7)
    np.testing.assert_allclose(jacobian @ change.ravel(), np.ravel(bend), atol=1e-7)
    np.testing.assert_allclose(jacobian, jacobian.T, atol=1e-11)
    assert np.abs(jacobian).max() > 0.1
