import jax
import numpy as np
import pytest

from symjax_models.training import batches, evaluate


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_padding_never_changes_a_loss(toy, batch_size):
    params = toy.init(jax.random.key(0))
    expected = toy.loss(params, toy.valid, None)
    rows = batches.rows_of(toy.valid, batch_size=batch_size)
    losses = jax.jit(evaluate.make_evaluate(toy.loss, [rows]))(params, toy.valid)
    assert losses.shape == (12,)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
