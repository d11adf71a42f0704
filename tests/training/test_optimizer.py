import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models.training import OptimizerSettings, make_optimizer


def test_schedule_warms_up_and_falls_to_zero():
    settings = OptimizerSettings(learning_rate=2.0, schedule="cosine", warmup_steps=4)
    _, schedule = make_optimizer(settings, num_steps=12)
    np.testing.assert_allclose(schedule(jnp.array([0, 2, 4, 8, 12])), [0, 1, 2, 1, 0], atol=1e-6)
    _, constant = make_optimizer(OptimizerSettings(learning_rate=2.0), num_steps=12)
    assert constant(0) == constant(11) == 2.0


def first_update(gradient, **fields):
    """Return the first update of a parameter of value 10."""
    optimizer, _ = make_optimizer(OptimizerSettings(learning_rate=0.1, **fields), num_steps=5)
    params = jnp.array([10.0])
    updates, _ = optimizer.update(jnp.array([gradient]), optimizer.init(params), params)
    return float(updates[0])


def test_adam_adds_the_decay_to_the_gradient_and_adamw_does_not():
    # Adam's first step is the sign of what it sees, whatever the size.
    assert first_update(-1e-3) == pytest.approx(0.1, rel=1e-3)
    assert first_update(-1e-3, weight_decay=0.01) == pytest.approx(-0.1, rel=1e-3)
    assert first_update(-1e-3, weight_decay=0.01, name="adamw") == pytest.approx(0.09, rel=1e-3)


def test_clipping_bounds_the_gradient_before_adam():
    optimizer, _ = make_optimizer(OptimizerSettings(clip_norm=0.5), num_steps=5)
    params = jnp.zeros(2)
    _, state = optimizer.update(jnp.array([30.0, 40.0]), optimizer.init(params), params)
    first_moment = next(
        part.mu
        for part in jax.tree.leaves(state, is_leaf=lambda s: hasattr(s, "mu"))
        if hasattr(part, "mu")
    )
    np.testing.assert_allclose(first_moment, 0.1 * np.array([0.3, 0.4]), rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "lion"}, "optimizer.name must be one of"),
        ({"schedule": "cosin"}, "optimizer.schedule must be one of"),
        ({"learning_rate": -1.0}, "learning_rate must be >= 0"),
        ({"clip_norm": 0.0}, "clip_norm must be > 0 or None"),
        ({"ema_decay": 1.0}, r"ema_decay must be in \(0, 1\)"),
    ],
)
def test_bad_settings_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        OptimizerSettings(**fields)


def test_warmup_longer_than_the_run_is_refused():
    with pytest.raises(ValueError, match="warmup_steps .* below"):
        make_optimizer(OptimizerSettings(warmup_steps=5), num_steps=5)


def test_sgd_has_momentum_and_adds_the_decay_to_the_gradient():
    assert first_update(2.0, name="sgd") == pytest.approx(-0.2)
    assert first_update(2.0, weight_decay=0.01, name="sgd") == pytest.approx(-0.21)
    settings = OptimizerSettings(name="sgd", learning_rate=0.1)
    optimizer, _ = make_optimizer(settings, num_steps=5)
    params = jnp.array([10.0])
    state, moves = optimizer.init(params), []
    for _ in range(3):
        updates, state = optimizer.update(jnp.array([1.0]), state, params)
        moves.append(float(updates[0]))
    np.testing.assert_allclose(moves, [-0.1, -0.19, -0.271], rtol=1e-6)
