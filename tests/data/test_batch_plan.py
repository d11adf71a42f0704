"""The planner: no batch overflows, little padding, few shapes, and what is refused."""

import numpy as np
import pytest

from symjax_models.data.batch_plan import plan_batches


def molecules(count):
    """Draw sizes as those of small molecules: all pairs are edges."""
    nodes = np.random.default_rng(count).integers(2, 15, count)
    return nodes, nodes * (nodes - 1)


@pytest.mark.parametrize("batch_size", [1, 3, 8, 32])
@pytest.mark.parametrize("count", [33, 150, 1000])
def test_no_possible_batch_overflows(count, batch_size):
    nodes, edges = molecules(count)
    plan = plan_batches(nodes, edges, batch_size=batch_size)
    members = np.concatenate([c.members for c in plan.classes])
    np.testing.assert_array_equal(np.sort(members), np.arange(count))
    rng = np.random.default_rng(0)
    for c in plan.classes:
        per_stratum = len(c.members) // batch_size
        for _ in range(20):
            kept = np.sort(rng.permutation(len(c.members))[: per_stratum * batch_size])
            strata = c.members[kept].reshape(batch_size, per_stratum)
            # Of every stratum the worst, which is more than a batch can be.
            assert nodes[strata].max(axis=1).sum() <= c.num_nodes
            assert edges[strata].max(axis=1).sum() <= c.num_edges


def test_padding_is_what_is_left_over():
    nodes, edges = molecules(96)
    plan = plan_batches(nodes, edges, batch_size=8, max_compilations=1, max_padding=0)
    (only,) = plan.classes
    slots = only.steps_per_epoch * np.array([only.num_nodes, only.num_edges])
    expected = 1 - np.array([nodes.sum(), edges.sum()]) / slots
    np.testing.assert_allclose([plan.padding_nodes, plan.padding_edges], expected)


@pytest.mark.parametrize("batch_size", [2, 4, 16])
def test_mixed_sizes_need_few_shapes(batch_size):
    plan = plan_batches(*molecules(150), batch_size=batch_size, max_padding=0.15)
    assert len(plan.classes) <= 4
    assert max(plan.padding_nodes, plan.padding_edges) < 0.15
    # One shape for a batch of the largest graphs, which is what one would do without a plan.
    naive = plan_batches(*molecules(150), batch_size=1, max_compilations=1)
    assert naive.padding_edges > 0.5


def test_equal_sizes_need_one_shape_without_padding():
    plan = plan_batches([9] * 50, [72] * 50, batch_size=5)
    assert [(c.num_nodes, c.num_edges) for c in plan.classes] == [(45, 360)]
    assert plan.padding_nodes == plan.padding_edges == 0
    assert plan.classes[0].steps_per_epoch == 10


def test_graphs_without_edges():
    plan = plan_batches([1, 1, 1], [0, 0, 0], batch_size=2)
    assert (plan.classes[0].num_nodes, plan.classes[0].num_edges) == (2, 1)


def test_many_graphs_are_planned_by_a_sample_of_them():
    nodes, edges = molecules(20_000)
    plan = plan_batches(nodes, edges, batch_size=32)
    assert sum(len(c.members) for c in plan.classes) == 20_000
    assert max(plan.padding_nodes, plan.padding_edges) < 0.1


@pytest.mark.parametrize(
    ("sizes", "options", "sentence"),
    [
        (([3, 3], [6, 6]), {"batch_size": 3}, r"batch_size \(3\) must be at most .* \(2\)"),
        (([3, 0], [6, 0]), {"batch_size": 1}, "graph 1 has no nodes"),
        (([3], [6]), {"batch_size": 0}, "at least 1, got 0 and 4"),
    ],
)
def test_what_is_refused(sizes, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        plan_batches(*sizes, **options)


def test_the_molecules_of_the_g2_set_need_few_shapes_and_little_padding():
    build = pytest.importorskip("ase.build", reason="the extra [molecules]")
    pytest.importorskip("vesin", reason="the extra [molecules]")
    from ase.data.g2 import molecule_names

    from symjax_models.data.neighbours import neighbour_list

    positions = [build.molecule(name).positions for name in molecule_names]
    edges = [len(neighbour_list(x, cutoff=5.0).senders) for x in positions]
    for batch_size in (4, 8, 16):
        plan = plan_batches([len(x) for x in positions], edges, batch_size=batch_size)
        assert len(plan.classes) <= 4
        assert max(plan.padding_nodes, plan.padding_edges) < 0.15, plan.describe()
