"""Batches of rows, of strata of sizes, and of several shapes in turns."""

import itertools

import jax
import numpy as np
import pytest

from symjax_models.training.batches import Rows, SizeStrata, take_turns

KEY = jax.random.key(7)


def strata(count, batch_size):
    members = np.random.default_rng(0).permutation(count)
    return SizeStrata(members, batch_size, gather=lambda data, indices: data[indices])


@pytest.mark.parametrize("chunk", [1, 4, 10, 20])
def test_order_does_not_depend_on_the_cut(chunk):
    batches = strata(17, 3)
    whole = batches.shuffled(KEY, 0, num_steps=20)
    parts = [batches.shuffled(KEY, start, num_steps=chunk) for start in range(0, 20, chunk)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(("count", "batch_size"), [(12, 3), (17, 3), (5, 5)])
def test_an_epoch_holds_examples_once_and_one_of_every_stratum(count, batch_size):
    batches = strata(count, batch_size)
    rank = np.argsort(batches.members)
    per_epoch = count // batch_size
    epochs = np.asarray(batches.shuffled(KEY, 0, num_steps=3 * per_epoch))
    epochs = epochs.reshape(3, per_epoch, batch_size)
    for epoch in epochs:
        assert len(np.unique(epoch)) == per_epoch * batch_size
        kept = np.sort(rank[epoch].ravel()).reshape(batch_size, per_epoch)
        for stratum, expected in zip(rank[epoch].T, kept, strict=True):
            np.testing.assert_array_equal(np.sort(stratum), expected)
    if per_epoch > 1:
        assert (epochs[0] != epochs[1]).any()
    assert (epochs != np.asarray(batches.shuffled(jax.random.key(8), 0, num_steps=3 * per_epoch))
            .reshape(epochs.shape)).any() or per_epoch == 1  # fmt: skip


@pytest.mark.parametrize("batches", [Rows(17, 3), strata(17, 3), Rows(2, 5)])
def test_every_example_is_listed_once(batches):
    listed = batches.every_example()
    real = listed[listed >= 0]
    np.testing.assert_array_equal(np.sort(real), np.arange(batches.num_examples))
    assert listed.size - real.size < batches.batch_size


def test_shapes_take_turns_by_their_share():
    batches = [Rows(60, 2), Rows(10, 2), Rows(30, 2)]
    turns = list(itertools.islice(take_turns(batches, num_steps=20), 100))
    chosen = np.array([choice for choice, _ in turns])
    np.testing.assert_array_equal(np.bincount(chosen), [60, 10, 30])
    for choice in range(3):
        counts = [count for one, count in turns if one == choice]
        assert counts == list(range(0, 20 * len(counts), 20))
        # Spread evenly: in every ten chunks about a tenth of its own.
        share = np.convolve(chosen == choice, np.ones(10), mode="valid")
        assert np.ptp(share) <= 2


def test_steps_per_call_do_not_change_the_turns():
    batches = [Rows(60, 2), Rows(30, 2)]

    def steps(num_steps):
        calls = itertools.islice(take_turns(batches, num_steps=num_steps), 1000 // num_steps)
        return [(shape, start + i) for shape, start in calls for i in range(num_steps)]

    assert steps(1) == steps(4) == steps(20)
    with pytest.raises(ValueError, match="2 shapes take turns of 20 steps, .* of 30 steps do not"):
        next(take_turns(batches, num_steps=30))
    alone = itertools.islice(take_turns(batches[:1], num_steps=30), 3)
    assert list(alone) == [(0, 0), (0, 30), (0, 60)]


def test_batches_larger_than_their_examples_are_refused():
    with pytest.raises(ValueError, match=r"batch_size \(6\) must be at most"):
        next(take_turns([Rows(20, 6), Rows(5, 6)], num_steps=1))
