"""Paths, normalization, what a plan says about itself, and what it refuses."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops.tensor_products import Path, TensorProductPlan


def plan_of(rep1, rep2, rep_out):
    return TensorProductPlan(*(reps.parse_irreps(text) for text in (rep1, rep2, rep_out)))


def harmonic_plan(max_degree):
    harmonics = reps.harmonic_irreps(max_degree)
    return TensorProductPlan(harmonics, harmonics, harmonics)


# Of the triples with degrees at most L: those of even sum, as parity allows no others.
@pytest.mark.parametrize(("max_degree", "count"), [(1, 4), (2, 11), (3, 23), (4, 42), (6, 106)])
def test_number_of_paths_of_harmonics(max_degree, count):
    assert harmonic_plan(max_degree).num_paths == count


# Without parity all triples are paths.
@pytest.mark.parametrize(("max_degree", "count"), [(1, 5), (2, 15), (3, 34), (4, 65)])
def test_number_of_paths_without_parity(max_degree, count):
    harmonics = reps.harmonic_irreps(max_degree, group=groups.SO(3))
    assert TensorProductPlan(harmonics, harmonics, harmonics).num_paths == count


def test_paths_and_their_order():
    plan = plan_of("4x0e+4x1o", "0e+1o", "4x1o+4x0e+4x1e")
    assert [(p.index1, p.index2, p.index_out) for p in plan.paths] == [
        (0, 1, 0),
        (1, 0, 0),
        (0, 0, 1),
        (1, 1, 1),
        (1, 1, 2),
    ]
    assert plan.paths[0] == Path(0, 1, 0, (0, 1, 1), np.sqrt(3 / 2))
    assert plan.num_channels == 4
    assert [path.is_even for path in plan.paths] == [True, True, True, True, False]


def test_a_plan_is_a_value():
    assert plan_of("2x1o", "1o", "2x0e") == plan_of("2x1o", "1o", "2x0e")
    assert len({harmonic_plan(2), harmonic_plan(2), harmonic_plan(1)}) == 2


def test_unit_variance():
    plan = plan_of("8x0e+8x1o", "0e+1o", "8x0e+8x1o+8x2e")
    keys = jax.random.split(jax.random.key(0), 3)
    x = reps.normal(keys[0], plan.rep1, (2000,))
    y = reps.normal(keys[1], plan.rep2, (2000,))
    z = jax.jit(plan.apply)(x, y, jax.random.normal(keys[2], (2000, plan.num_paths, 8)))
    for block in z.blocks:
        np.testing.assert_allclose(np.mean(np.square(block), axis=(0, 2)), 1, atol=0.15)


def test_made_in_milliseconds():
    harmonic_plan(6)
    harmonics = reps.harmonic_irreps(6)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        assert TensorProductPlan(harmonics, harmonics, harmonics).num_paths == 106
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.1


def test_explain_names_paths_and_backends():
    text = harmonic_plan(6).explain(num_edges=100)
    assert "106 paths" in text and "  6e x 2e -> 4e" in text
    costs = {line.split()[0]: int(line.split()[1]) for line in text.splitlines()[108:111]}
    assert list(costs) == ["dense", "sparse", "so2"] and costs["so2"] * 2 < costs["dense"]
    assert "auto: so2" in text
    # Axial vectors are no harmonics: there is no direction whose frame could be used.
    text = plan_of("2x1o", "1e", "2x1o").explain()
    assert "so2" not in text and "auto: dense" in text


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("4x0e+2x1o", "1o", "4x1o"), "same number of copies, got 4x0e"),
        (("4x1o", "2x1o", "4x0e"), "rep2 has 1 of every irrep, got 2x1o; 1x1o fits"),
        (("4x1o", "1o", "2x0e"), "4 of every irrep, got 2x0e; 4x0e fits"),
        (("4x1o", "1o", "4x1o"), "no path leads to 1x1o .* paths to 0e, 1e, 2e"),
        (("4x1o", "", "4x1o"), "at least one irrep each"),
    ],
)
def test_types_that_do_not_fit(texts, message):
    with pytest.raises(ValueError, match=message):
        plan_of(*texts)


def test_other_representations_are_refused():
    vector = reps.vector(groups.SO(3))
    with pytest.raises(ValueError, match="one group"):
        TensorProductPlan(vector, reps.parse_irreps("1o"), vector)
    with pytest.raises(ValueError, match="decompose splits it"):
        TensorProductPlan(vector * vector, vector, vector)


def test_arguments_that_do_not_fit():
    plan = plan_of("2x1o", "1o", "2x0e+2x1e")
    x, y, w = reps.normal(jax.random.key(0), plan.rep1, (3,)), jnp.ones((3, 3)), jnp.ones((3, 2, 2))
    with pytest.raises(ValueError, match="did you mean 'dense'"):
        plan.apply(x, y, w, backend="dens")
    with pytest.raises(ValueError, match="use apply_so2"):
        plan.apply(x, y, w, backend="so2")
    with pytest.raises(ValueError, match=r"weights have shape \[..., 2, 2\]"):
        plan.apply(x, y, w[:, :1])
    with pytest.raises(ValueError, match="expected x of"):
        plan.apply(reps.normal(jax.random.key(0), plan.rep_out, (3,)), y, w)
    with pytest.raises(ValueError, match="expected y of"):
        plan.apply(x, x, w)
    with pytest.raises(ValueError, match=r"shape \[..., 3\]"):
        plan.apply_so2(x, jnp.ones((3, 2)), w)
    with pytest.raises(ValueError, match="harmonics of degree l and parity"):
        plan_of("2x1o", "1e", "2x1o").apply_so2(x, y, w[:, :1])
