"""Products channel by channel: against the plain product of one channel, and their symmetry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import reps
from symjax_models.ops.channelwise_products import multiply_channels
from symjax_models.ops.tensor_products import TensorProductPlan
from symjax_models.reps import RepArray

CHANNELS, SINGLE, OUT = 3, "0e+1o+2e", "3x0e+3x1e+3x1o+3x2o"
REP = reps.parse_irreps("3x0e+3x1o+3x2e")
PLAN = TensorProductPlan(REP, reps.parse_irreps(SINGLE), reps.parse_irreps(OUT))


def draw(shape, seed):
    rng = np.random.default_rng(seed)
    blocks = [rng.normal(size=(*shape, term.dim, count)) for count, term in REP.terms]
    return RepArray(REP, blocks)


X, Y = draw((4, 1), 0), draw((1, 2), 1)
WEIGHTS = np.random.default_rng(2).normal(size=(4, 2, PLAN.num_paths, CHANNELS))
_multiply = jax.jit(multiply_channels, static_argnums=0)


def multiply(x, y, dtype=np.float64):
    with jax.enable_x64(dtype == np.float64):
        x, y = (z.map(lambda block: jnp.asarray(block, dtype)) for z in (x, y))
        return _multiply(PLAN, x, y, jnp.asarray(WEIGHTS, dtype)).map(np.asarray)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 1e-5), (np.float64, 1e-13)])
def test_every_channel_is_the_product_of_the_plan(dtype, atol):
    found = multiply(X, Y, dtype)
    assert found.shape == (4, 2)
    one = TensorProductPlan(
        reps.parse_irreps(SINGLE), reps.parse_irreps(SINGLE), reps.parse_irreps("0e+1e+1o+2o")
    )
    assert [path.degrees for path in one.paths] == [path.degrees for path in PLAN.paths]
    for c in range(CHANNELS):
        with jax.enable_x64(True):
            x, y = (
                RepArray(one.rep1, [jnp.broadcast_to(b[..., c : c + 1], (4, 2, b.shape[-2], 1))
                                    for b in z.blocks])
                for z in (X, Y)
            )  # fmt: skip
            expected = one.apply(x, y, jnp.asarray(WEIGHTS[..., c : c + 1]))
        for block, other in zip(found.blocks, expected.blocks, strict=True):
            np.testing.assert_allclose(block[..., c], other[..., 0], atol=atol)


def test_rotations_and_reflections_go_through():
    matrix, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    for g in (matrix, -matrix):
        with jax.enable_x64(True):
            turned = X.transform(g), Y.transform(g)
            expected = multiply(X, Y).transform(g)
            wrong = multiply(X, turned[1])
            found = multiply(*turned)
        for one, other in zip(found.blocks, expected.blocks, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)
        # One factor alone must not turn.
        assert np.abs(wrong["1o"] - np.asarray(expected["1o"])).max() > 1e-2


@pytest.mark.parametrize(
    ("left", "right", "out", "used"),
    [
        ("3x0e", "0e+1o+2e", "3x2e", ("0e", "2e")),
        ("3x0o+3x0e+3x3o", "3e+2e+0o+1o", "3x2e", ("0e+3o", "2e+1o")),
    ],
)
def test_summands_that_no_path_uses_are_left_out(left, right, out, used):
    rng = np.random.default_rng(4)
    plan = TensorProductPlan(*(reps.parse_irreps(rep) for rep in (left, right, out)))
    x, y = (
        RepArray(rep, [rng.normal(size=(4, term.dim, 3)) for _, term in rep.terms])
        for rep in (plan.rep1, reps.parse_irreps("+".join("3x" + t for t in right.split("+"))))
    )
    weights = rng.normal(size=(plan.num_paths, 3))
    fewer = [reps.parse_irreps("+".join("3x" + t for t in names.split("+"))) for names in used]
    small = TensorProductPlan(fewer[0], reps.parse_irreps(used[1]), plan.rep_out)
    kept = [RepArray(rep, [z[term] for _, term in rep.terms])
            for rep, z in zip(fewer, (x, y), strict=True)]  # fmt: skip
    with jax.enable_x64(True):
        found = multiply_channels(plan, x, y, weights)
        expected = multiply_channels(small, *kept, weights)
        # One channel of the plain product, which has its own code.
        single = TensorProductPlan(
            reps.parse_irreps(left.replace("3x", "")), plan.rep2, reps.parse_irreps(out[2:])
        )
        plain = single.apply(
            *(RepArray(rep, [block[..., :1] for block in z.blocks])
              for rep, z in ((single.rep1, x), (single.rep2, y))),
            weights[:, :1],
        )  # fmt: skip
    np.testing.assert_allclose(found["2e"], expected["2e"], atol=1e-13)
    np.testing.assert_allclose(found["2e"][..., :1], plain["2e"], atol=1e-13)


def test_integers_are_multiplied_as_floating_point_numbers():
    rng = np.random.default_rng(5)
    x, y = (
        RepArray(REP, [rng.integers(-3, 4, size=(4, t.dim, 3)) for _, t in REP.terms])
        for _ in range(2)
    )
    weights = rng.integers(-3, 4, size=(PLAN.num_paths, 3))
    found = multiply_channels(PLAN, x, y, weights)
    expected = multiply_channels(PLAN, *(z.map(np.float32) for z in (x, y)), np.float32(weights))
    for block, other in zip(found.blocks, expected.blocks, strict=True):
        assert block.dtype == np.float32
        np.testing.assert_array_equal(block, other)


@pytest.mark.parametrize(
    ("y", "weights", "words"),
    [
        (RepArray(reps.parse_irreps("3x0e"), [np.ones((4, 1, 3))]), WEIGHTS, "y of 3 copies of"),
        (Y, WEIGHTS[..., :2], r"weights have shape \[..., 11, 3\], one per path and channel"),
    ],
)
def test_what_does_not_fit_is_refused(y, weights, words):
    with pytest.raises(ValueError, match=words):
        multiply_channels(PLAN, X, y, weights)
