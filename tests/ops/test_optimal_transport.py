"""Sinkhorn with a dustbin: marginals, masks, permutations and derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit
from symjax_models.ops.optimal_transport import matching_loss, sinkhorn

match = jax.jit(functools.partial(sinkhorn, num_iterations=100))
loss = jax.jit(matching_loss)


def scores(m=4, n=6):
    return 3 * np.random.default_rng(0).normal(size=(m, n)).astype(np.float32)


def test_every_member_has_mass_one():
    with jax.enable_x64(True):
        plan = np.exp(match(scores().astype(float), 0.5))
    assert plan.shape == (5, 7)
    np.testing.assert_allclose(plan.sum(1), [1, 1, 1, 1, 6], rtol=1e-6)
    np.testing.assert_allclose(plan.sum(0), [1, 1, 1, 1, 1, 1, 4], rtol=1e-6)


def test_a_plan_is_a_rescaling_of_the_scores():
    log_plan = np.asarray(match(scores(), 0.5))
    bordered = np.pad(scores(), ((0, 1), (0, 1)), constant_values=0.5)
    rest = log_plan - bordered
    # A sum of a function of the row and one of the column.
    rest = rest - rest[:1] - rest[:, :1] + rest[0, 0]
    np.testing.assert_allclose(rest, 0, atol=1e-4)


def test_padding_changes_nothing_and_is_not_read():
    padded = np.full((6, 7), np.nan, np.float32)
    padded[:4, :6] = scores()
    masks = {"source_mask": np.arange(6) < 4, "target_mask": np.arange(7) < 6}
    found = np.asarray(match(padded, 0.5, **masks))
    expected = np.asarray(match(scores(), 0.5))
    np.testing.assert_allclose(found[:4, :6], expected[:4, :6], atol=1e-4)
    np.testing.assert_allclose(found[-1, -1], expected[-1, -1], atol=1e-4)
    assert np.isfinite(found).all() and not np.exp(found[4:6]).any()
    matches = np.eye(6, 7, dtype=bool) & (np.arange(6) < 3)[:, None]
    np.testing.assert_allclose(loss(found, matches), loss(expected, matches[:4, :6]), rtol=1e-4)

    def total(scores):
        return matching_loss(sinkhorn(scores, 0.5, **masks, num_iterations=5), matches)

    gradient = np.asarray(jax.jit(jax.grad(total))(padded))
    assert np.isfinite(gradient).all() and gradient[:4, :6].all()
    assert not gradient[4:].any() and not gradient[:, 6:].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_members_may_be_permuted(dtype):
    features = np.random.default_rng(1).normal(size=(2, 5, 3))

    def soft(x, y):
        plan = jnp.exp(sinkhorn(x @ y.T, 0.5, num_iterations=10))[:-1, :-1]
        return plan @ y + plan.T @ x

    kinds = {"inputs": ["scalar", "scalar"], "output": "scalar", "dtype": dtype}
    audit.assert_equivariant(soft, *features, **kinds)
    # One set stays in its order.
    kinds["inputs"][1] = "invariant"
    assert audit.equivariance_error(soft, *features, **kinds).max > 1e-2


def test_scores_of_any_size_and_empty_sets_stay_finite():
    huge = match(1e4 * scores(), 0.5)
    assert np.isfinite(huge).all()
    none = match(scores(), 0.5, source_mask=np.zeros(4, bool), target_mask=np.zeros(6, bool))
    assert np.isfinite(none).all()
    gradient = jax.jit(jax.grad(lambda s: sinkhorn(s, 0.5, num_iterations=5)[:4, :6].sum()))
    assert np.isfinite(gradient(1e4 * scores())).all()


def test_likely_matches_cost_less_and_members_without_partner_belong_in_the_bin():
    matches = np.zeros((3, 3), bool)
    matches[0, 1] = True
    wanted = np.full((4, 4), -9.0)
    wanted[0, 1] = wanted[1, 3] = wanted[2, 3] = wanted[3, 0] = wanted[3, 2] = -0.5
    assert loss(wanted, matches) == 0.5
    wanted[0, 1] = -5.5
    assert loss(wanted, matches) == 1.5
