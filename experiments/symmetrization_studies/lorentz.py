"""Regression of a Lorentz invariant, the scattering of electrons and muons, made symmetric."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments import statistics, synthetic_task
from experiments.symmetrization_studies.study import Study, Training
from symjax_models import audit, groups, layers, models, reps
from symjax_models.ops import frames, orbit_distance, symmetrization
from symjax_models.reps import RepArray
from symjax_models.suggestion import look_up
from symjax_models.training import batches, evaluate
from symjax_models.typing import Array, PRNGKey, PyTree

_GROUP = groups.IndefiniteO(1, 3)
_AUDITED = 100  # test examples on which invariance is measured
METHODS = ("mlp", "augmented", "frames", "generator", "gram")


class Regressor:
    """Predict the invariant: a network and what makes it symmetric, with their parameters."""

    def __init__(self, config: ml_collections.ConfigDict) -> None:
        self.method = look_up(config.method, {name: name for name in METHODS}, what="config.method")
        scalar, model = reps.scalar(_GROUP), config.model
        kind = models.GramMLP if self.method == "gram" else models.FlatMLP
        self.network = kind(scalar, features=model.features, num_layers=model.num_layers)
        # One coefficient for every column of the matrix and every vector of the input.
        self.mixer = models.GramMLP(
            16 * scalar, features=model.generator_features, num_layers=model.generator_layers
        )

    def init(self, key: PRNGKey, x: RepArray) -> PyTree:
        """Draw parameters for features such as these."""
        network_key, mixer_key = jax.random.split(key)
        params = {"network": self.network.init(network_key, x)}
        if self.method == "generator":
            params["mixer"] = self.mixer.init(mixer_key, x)
        return params

    def frame(self, params: PyTree, x: RepArray) -> symmetrization.Frame:
        """Return the frames of features `[B]`, K = 1."""
        if self.method == "frames":
            return frames.LorentzFrames(_GROUP)(jnp.swapaxes(x.blocks[0], -1, -2))

        def columns(x: RepArray) -> Array:
            mixing = self.mixer.apply(params["mixer"], x).flat.reshape(*x.shape, 4, 4)
            return jnp.einsum("...ni,...ij->...nj", x.blocks[0], mixing, precision="highest")

        return layers.GeneratorCanonicalizer(columns, group=_GROUP).apply({}, x)

    def apply(self, params: PyTree, x: RepArray) -> RepArray:
        """Map features `[B]` of four vectors to a scalar."""
        network = lambda x: self.network.apply(params["network"], x)  # noqa: E731
        if self.method not in ("frames", "generator"):
            return network(x)
        frame = self.frame(params, x)
        moved = symmetrization.pull_back(frame, (x,), "typed")
        return symmetrization.push_forward(frame, jax.vmap(network)(*moved), "invariant")

    def distance(self, params: PyTree, x: RepArray) -> Array:
        """Return how far the generated matrices are from the group, `[B]`, with their bound."""
        elements = self.frame(params, x).elements[0]
        distance = orbit_distance.orbit_distance(elements, group=_GROUP)
        return distance + orbit_distance.bound_penalty(elements)


def make_study(config: ml_collections.ConfigDict) -> Study:
    """Make the study: `config.data` is that of the task "lorentz" of the synthetic table."""
    regressor = Regressor(config)
    problem = synthetic_task.load(config.data)

    def errors(params: PyTree, batch: PyTree, key: PRNGKey | None) -> Array:
        return synthetic_task.squared_errors(
            problem,
            regressor,
            params,
            batch,
            key,
            augment=config.method == "augmented",
            residual_penalty=0.0,
        )

    def loss(params: PyTree, batch: PyTree, key: PRNGKey | None) -> Array:
        losses = errors(params, batch, key) / problem.normalization.target_scale**2
        if config.method == "generator":
            x = problem.features(batch["inputs"])
            losses += config.model.distance_weight * regressor.distance(params, x)
        return losses

    def measure(params: PyTree, report: Callable[[str], None]) -> list[dict[str, Any]]:
        del report
        test = jax.device_put(problem.splits["test"])
        rows = batches.rows_of(test, batch_size=min(250, len(test["inputs"])))
        tested = jax.jit(jax.vmap(evaluate.make_evaluate(errors, [rows]), in_axes=(0, None)))
        squares = np.asarray(tested(params, test), np.float64)
        x = problem.features(jnp.asarray(problem.splits["test"]["inputs"][:_AUDITED]))
        metrics = []
        for index, of_seed in enumerate(squares):
            own = jax.tree.map(lambda leaf, i=index: leaf[i], params)
            metrics.append(
                {
                    "test_mse": float(of_seed.mean()),
                    "test_mse_se": statistics.standard_error(of_seed),
                    "fraction_of_floor": float(of_seed.mean() / problem.floor),
                    "forward_passes": 1,
                    **_equivariance_errors(regressor, own, x),
                }
            )
            if config.method == "generator":
                distances = jax.jit(regressor.distance)(own, x)
                metrics[-1]["orbit_distance"] = float(distances.mean())
        return metrics

    example = problem.features(jnp.asarray(problem.splits["train"]["inputs"][:1]))
    return Study(
        measure,
        shown=("test_mse", "fraction_of_floor", "equivariance_error"),
        training=Training(
            lambda key: regressor.init(key, example),
            loss,
            problem.splits["train"],
            problem.splits["valid"],
        ),
    )


def _equivariance_errors(regressor: Regressor, params: PyTree, x: RepArray) -> dict[str, float]:
    errors = {}
    for suffix, dtype in (("", jnp.float32), ("_float64", jnp.float64)):
        measured = audit.equivariance_error(regressor.apply, params, x, dtype=dtype)
        errors[f"equivariance_error{suffix}"] = measured.max
    return errors
