import jax
import numpy as np
import pytest

from symjax_models.training import order

KEY = jax.random.key(7)


def indices(start, num_steps, *, num_examples=20, batch_size=6, key=KEY):
    return np.asarray(
        order.batch_indices(
            key, start, num_steps=num_steps, num_examples=num_examples, batch_size=batch_size
        )
    )


@pytest.mark.parametrize("chunk", [1, 2, 4, 5, 10, 20])
def test_order_does_not_depend_on_the_cut(chunk):
    whole = indices(0, 20)
    parts = np.concatenate([indices(start, chunk) for start in range(0, 20, chunk)])
    np.testing.assert_array_equal(parts, whole)


def test_every_epoch_is_a_new_permutation():
    epochs = indices(0, 6).reshape(2, 18)  # 3 batches of 6 out of 20 per epoch
    for epoch in epochs:
        assert len(set(epoch.tolist())) == 18
    assert (epochs[0] != epochs[1]).any()
    assert (epochs[0] != indices(0, 3, key=jax.random.key(8)).reshape(-1)).any()


def test_one_batch_per_epoch():
    batches = indices(3, 4, num_examples=6)
    np.testing.assert_array_equal(np.sort(batches, axis=1), np.tile(np.arange(6), (4, 1)))


def test_batch_larger_than_the_data_is_refused():
    with pytest.raises(ValueError, match=r"batch_size \(6\) must be at most .* \(5\)"):
        indices(0, 1, num_examples=5)
