"""Steered linear maps against loops over components and channels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups, reps
from symjax_models.ops.tensor_products import couple_projected, find_paths, project
from symjax_models.reps.rotation import clebsch_gordan

# Scalars first, second and third, cross products, and couplings of three vectors and more.
REP1 = reps.parse_irreps("2x0e+3x1o+1x2e")
REP2 = reps.parse_irreps("0e+1o+2e")
REP_OUT = reps.parse_irreps("2x0e+1x1o+2x1e+1x2e")
PATHS = find_paths(REP1, REP2, REP_OUT)
BATCH = 3


def draw_kernels(rng, paths, rep1, rep_out):
    shapes = [(rep1.terms[p.index1][0], rep_out.terms[p.index_out][0]) for p in paths]
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def draw(rep, seed, batch=(BATCH,)):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(*batch, term.dim, m)).astype(np.float32) for m, term in rep.terms]


KERNELS = draw_kernels(np.random.default_rng(0), PATHS, REP1, REP_OUT)


@functools.partial(jax.jit, static_argnums=0)
def multiply(paths, blocks, factors, kernels):
    projected = [None] * len(paths)
    for index, block in enumerate(blocks):
        leaving = [p for p, path in enumerate(paths) if path.index1 == index]
        mixed = project(block, [kernels[p] for p in leaving])
        for p, value in zip(leaving, mixed, strict=True):
            projected[p] = value
    return couple_projected(paths, projected, factors)


def multiply_by_loops(paths, blocks, factors, kernels, rep_out):
    """Sum over paths, components and channels, one number after the other."""
    results = [np.zeros((BATCH, term.dim, m)) for m, term in rep_out.terms]
    for path, kernel in zip(paths, kernels, strict=True):
        x, a, z = blocks[path.index1], factors[path.index2], results[path.index_out]
        tensor = path.normalization * clebsch_gordan(*path.degrees)
        for b in range(BATCH):
            for m1, m2, m3 in np.argwhere(tensor):
                for c in range(kernel.shape[1]):
                    mixed = sum(float(x[b, m1, d]) * kernel[d, c] for d in range(len(kernel)))
                    z[b, m3, c] += tensor[m1, m2, m3] * mixed * a[b, m2]
    return results


@pytest.fixture(scope="module")
def inputs():
    return draw(REP1, 1), [block[..., 0] for block in draw(REP2, 2)]


def test_equals_loops(inputs):
    assert {(0 in path.degrees[:2], path.degrees[2] == 0) for path in PATHS} == {
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    }
    found = multiply(PATHS, *inputs, KERNELS)
    expected = multiply_by_loops(PATHS, *inputs, KERNELS, REP_OUT)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


# Every path by itself, so that none can make up for another, and those with scalars above all.
@pytest.mark.parametrize(
    "degrees", [(0, 0, 0), (0, 2, 2), (2, 0, 2), (2, 2, 0), (1, 1, 0), (1, 1, 1), (1, 2, 3)]
)
def test_each_coupling_is_the_clebsch_gordan_tensor(degrees):
    names = [f"{l}" for l in degrees]
    rep1, rep2, rep_out = (reps.parse_irreps(n, group=groups.SO(3)) for n in names)
    (path,) = find_paths(rep1, rep2, rep_out)
    l1, l2, l3 = degrees
    with jax.enable_x64(True):
        # One entry of the batch for every pair of components.
        x = np.repeat(np.eye(2 * l1 + 1), 2 * l2 + 1, axis=0)[..., None]
        a = np.tile(np.eye(2 * l2 + 1), (2 * l1 + 1, 1))
        (z,) = couple_projected((path,), [jnp.asarray(x)], [jnp.asarray(a)])
        assert z.dtype == np.float64
    found = z.reshape(2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1)
    expected = np.sqrt(2 * l3 + 1) * clebsch_gordan(*degrees)
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-13)])
def test_rotations_and_reflections(dtype, tolerance):
    # A sign on one component of the attributes is what a wrong tensor would be.
    def evaluate(x, attributes, kernels, sign):
        factors = [block[..., 0] for block in attributes.blocks]
        factors[1] = factors[1].at[..., 0].multiply(sign)
        return reps.RepArray(REP_OUT, multiply(PATHS, x.blocks, factors, kernels))

    x, a = (reps.RepArray(rep, draw(rep, seed)) for rep, seed in ((REP1, 1), (REP2, 2)))
    errors = [
        audit.equivariance_error(
            evaluate, x, a, KERNELS, np.float32(sign), dtype=dtype, num_samples=3
        )
        for sign in (1, -1)
    ]
    assert errors[0].max < tolerance, errors[0]
    assert errors[1].max > 1e-2


def test_attributes_of_the_whole_batch_and_whole_numbers(inputs):
    blocks, factors = [inputs[0][1]], [np.round(3 * factor[:1]) for factor in inputs[1][:2]]
    paths = find_paths(*(reps.parse_irreps(name) for name in ("3x1o", "0e+1o", "1o+2e")))
    kernels = [np.ones((3, 1), np.float32)] * len(paths)
    expected = multiply(paths, blocks, [np.repeat(a, BATCH, axis=0) for a in factors], kernels)
    one = multiply(paths, blocks, [a[0] for a in factors], kernels)
    whole = multiply(paths, blocks, [a.astype(np.int32) for a in factors], kernels)
    for reference, *others in zip(expected, one, whole, strict=True):
        assert np.abs(reference).max() > 1
        for found in others:
            np.testing.assert_allclose(found, reference, rtol=1e-5, atol=1e-5)


def test_constants_have_the_precision_of_features():
    # Tensors rounded to the precision of attributes would make features worse than they are.
    (path,) = find_paths(*(reps.parse_irreps(name) for name in ("1o", "1o", "2e")))
    x = np.random.default_rng(0).normal(size=(3, 1))
    a = np.array([0.5, 1.0, -2.0])
    with jax.enable_x64(True):
        (z,) = couple_projected((path,), [jnp.asarray(x)], [jnp.asarray(a, np.float32)])
    expected = np.einsum("ijk,ic,j->kc", np.sqrt(5) * clebsch_gordan(1, 1, 2), x, a)
    np.testing.assert_allclose(z, expected, rtol=1e-14)


def test_no_path_leaves_no_features():
    assert project(jnp.ones((2, 3, 4)), []) == []
    assert couple_projected((), [], []) == []
