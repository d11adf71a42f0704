"""Types, losses and budgets of the synthetic tasks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import synthetic_task, tables
from symjax_models import groups, layers, reps
from symjax_models.data import synthetic_labels


def make_config(row="mlp", preset="smoke", **data):
    config = tables.load_config("synthetic", row, preset)
    config.data.update(data)
    return config


@pytest.mark.parametrize(
    ("task", "label"),
    [
        ("o5", synthetic_labels.o5_label),
        ("inertia", synthetic_labels.inertia_label),
        ("lorentz", synthetic_labels.lorentz_label),
    ],
)
def test_labels_transform_as_their_type_says(task, label):
    rep_in, rep_out = synthetic_task.representations(task)
    g = np.asarray(rep_in.group.sample(jax.random.key(0)), np.float64)
    inputs = np.asarray(make_problem(task).splits["test"]["inputs"], np.float64)
    moved = label(inputs @ rep_in.rho(g).T)
    np.testing.assert_allclose(moved, label(inputs) @ rep_out.rho(g).T, rtol=1e-4, atol=1e-4)


def test_modified_inertia_breaks_its_type():
    rep_in, rep_out = synthetic_task.representations("modified_inertia")
    g = np.asarray(groups.O(3).sample(jax.random.key(0)), np.float64)
    inputs = np.asarray(make_problem("inertia").splits["test"]["inputs"], np.float64)
    label = synthetic_labels.modified_inertia_label
    error = label(inputs @ rep_in.rho(g).T) - label(inputs) @ rep_out.rho(g).T
    assert np.abs(error).max() > 0.1


def make_problem(task, row="mlp", **data):
    return synthetic_task.load(make_config(row, task=task, **data).data)


def test_points_of_a_set_are_one_permutation_axis():
    problem = make_problem("rank1", "set_mlp")
    x = problem.features(problem.splits["test"]["inputs"])
    (block,) = x.blocks
    assert block.shape == (20, 4, 32)
    assert x.rep == 32 * reps.vector(groups.S(4))
    # One number for all coordinates keeps the points what they are.
    scale = np.unique(problem.normalization.input_scale)
    assert scale.shape == (1,)
    targets = problem.splits["train"]["targets"]
    assert problem.normalization.target_mean == pytest.approx(targets.mean(), rel=1e-5)


class Identity:
    """A model that returns what it gets, moved by a constant."""

    def __init__(self, shift):
        self.shift = shift

    def apply(self, params, x):
        return reps.RepArray.from_flat(reps.scalar(x.rep.group), x.flat[..., :1] + self.shift)


def losses(problem, model, key, *, augment=False):
    return synthetic_task.squared_errors(
        problem, model, {}, problem.splits["test"], key, augment=augment, residual_penalty=0.0
    )


def test_loss_is_in_raw_units():
    problem = make_problem("o5")
    constants = problem.normalization
    inputs, targets = (problem.splits["test"][name] for name in ("inputs", "targets"))
    outputs = inputs[:, :1] / constants.input_scale[:1] + 0.5
    expected = (constants.target_mean + constants.target_scale * outputs - targets)[:, 0] ** 2
    np.testing.assert_allclose(losses(problem, Identity(0.5), None), expected, rtol=1e-4)


def test_augmentation_changes_training_alone():
    problem = make_problem("o5")
    plain = losses(problem, Identity(0.0), None)
    key = jax.random.key(0)
    np.testing.assert_array_equal(losses(problem, Identity(0.0), None, augment=True), plain)
    np.testing.assert_array_equal(losses(problem, Identity(0.0), key), plain)
    moved = losses(problem, Identity(0.0), key, augment=True)
    assert np.abs(moved - plain).min() > 0
    assert np.abs(losses(problem, Identity(0.0), jax.random.key(1), augment=True) - moved).min() > 0


@pytest.mark.parametrize("task", ["inertia", "lorentz"])
def test_augmentation_leaves_an_equivariant_model_alone(task):
    problem = make_problem(task)
    model = synthetic_task.make_model(make_config("gram", task=task))
    params = jax.jit(lambda key: synthetic_task.init_params(problem, model, key))(jax.random.key(0))

    @jax.jit
    def both(key):
        return [
            synthetic_task.squared_errors(
                problem,
                model,
                params,
                problem.splits["test"],
                key,
                augment=augment,
                residual_penalty=0.0,
            )
            for augment in (False, True)
        ]

    plain, moved = both(jax.random.key(0))
    np.testing.assert_allclose(plain, moved, rtol=1e-3, atol=1e-5)


def test_penalty_counts_in_training_alone():
    problem = make_problem("o5")
    model = layers.Linear(problem.rep_out, soft=layers.Soft())
    params = synthetic_task.init_params(problem, model, jax.random.key(0))
    assert set(params) == {"params"}
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    residual = sum(
        jnp.sum(jnp.square(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
        if "residual" in jax.tree_util.keystr(path)
    )

    def loss(key, weight):
        return synthetic_task.squared_errors(
            problem,
            model,
            params,
            problem.splits["valid"],
            key,
            augment=False,
            residual_penalty=weight,
        )

    np.testing.assert_array_equal(loss(None, 100.0), loss(None, 0.0))
    extra = loss(jax.random.key(0), 100.0) - loss(None, 0.0)
    np.testing.assert_allclose(extra, 100.0 * residual, rtol=1e-3)


def test_penalty_makes_the_layers_of_the_row_soft():
    soft, strict = (
        synthetic_task.make_model(make_config(row)) for row in ("residual_emlp", "emlp")
    )
    assert soft.soft == layers.Soft() and strict.soft is None


@pytest.mark.parametrize(
    ("preset", "num_train", "batch_size", "num_steps"),
    [
        ("full", 30, 30, 1000),
        ("full", 100, 100, 1000),
        ("full", 300, 300, 1000),
        ("full", 1000, 500, 1800),
        ("full", 3000, 500, 1800),
        ("full", 30_000, 500, 1800),
        ("quick", 30, 30, 300),
        ("quick", 300, 100, 300),
        ("quick", 3000, 100, 300),
    ],
)
def test_budget_is_the_published_one(preset, num_train, batch_size, num_steps):
    config = make_config(preset=preset, num_train=num_train)
    filled = synthetic_task.with_budget(config)
    assert (filled.batch_size, filled.num_steps) == (batch_size, num_steps)
    assert "num_steps" not in config
