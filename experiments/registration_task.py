"""The task of the registration table: pairs of views, losses, closed forms and errors of a pose."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments.clouds_task import mean_and_error
from symjax_models import audit
from symjax_models.data.cloud_poses import rotations_of
from symjax_models.data.registration_pairs import RegistrationPairs, make_pairs
from symjax_models.models import registration_network, registry
from symjax_models.ops import geometric_moments, registration, safe
from symjax_models.ops.registration import RigidMotion
from symjax_models.typing import Array, PRNGKey, PyTree

# Angles of the test pairs, in degrees; overlap and noise vary at the largest one.
ANGLES = (0, 15, 45, 90, 180)
OVERLAPS = (1.0, 0.9, 0.7, 0.5)
NOISES = (0.0, 0.01, 0.03)
HARDEST = f"rotation_{ANGLES[-1]}"
_AXES_STREAM = 29
_AUDITED = 4  # test pairs on which equivariance is measured
_SHELLS = 8

Examples = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """The pairs of a run.

    Attributes:
        train: Training pairs; see `as_examples`.
        valid: Validation pairs, turned as the training pairs are.
        tests: Test sets by name, `rotation_45`, `overlap_0.7`, `noise_0.01`, ..., of the same
            scenes.
    """

    train: Examples
    valid: Examples
    tests: dict[str, Examples]


def load(data: ml_collections.ConfigDict) -> Problem:
    """Make the pairs that `config.data` describes.

    Args:
        data: Fields `rotation_degrees`, `num_points`, `num_pairs` (of training, validation and
            test), `overlap` (lowest and highest), `noise`, `same_points`, `radius`, `seed`.

    Returns:
        The problem.

    Raises:
        ValueError: If a field is wrong.
    """
    for name, count, what in (
        ("num_pairs", 3, "numbers of training, validation and test pairs"),
        ("overlap", 2, "the lowest and the highest share"),
    ):
        if len(data[name]) != count:
            raise ValueError(f"expected {what} in config.data.{name}, got {data[name]}")
    if data.num_pairs[2] < 2:
        raise ValueError(f"expected at least 2 test pairs, got {data.num_pairs[2]}")
    train, valid = (
        as_examples(_draw(data, split, rotation_degrees=data.rotation_degrees)) for split in (0, 1)
    )
    unturned = _draw(data, 2)
    tests = {f"rotation_{angle}": turned(unturned, angle) for angle in ANGLES}
    for overlap in OVERLAPS:
        pairs = _draw(data, 2, overlap=(overlap, overlap))
        tests[f"overlap_{overlap}"] = turned(pairs, ANGLES[-1])
    for noise in NOISES:
        tests[f"noise_{noise}"] = turned(_draw(data, 2, noise=noise), ANGLES[-1])
    return Problem(train, valid, {name: as_examples(pairs) for name, pairs in tests.items()})


def _draw(data: ml_collections.ConfigDict, split: int, **changes: Any) -> RegistrationPairs:
    fields = {"overlap": tuple(data.overlap), "noise": data.noise, "rotation_degrees": 0.0}
    return make_pairs(
        num_pairs=data.num_pairs[split],
        num_points=data.num_points,
        seed=3 * data.seed + split,
        radius=data.radius,
        same_points=data.same_points,
        **(fields | changes),
    )


def turned(pairs: RegistrationPairs, angle: float) -> RegistrationPairs:
    """Turn all targets by an angle in degrees about random axes, the same for every angle."""
    axes = np.random.default_rng(_AXES_STREAM).standard_normal((len(pairs), 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    half = np.radians(angle) / 2
    turns = rotations_of(
        np.concatenate([np.full((len(pairs), 1), np.cos(half)), np.sin(half) * axes], axis=1)
    )
    return dataclasses.replace(
        pairs,
        targets=pairs.targets @ turns.swapaxes(1, 2),
        target_normals=pairs.target_normals @ turns.swapaxes(1, 2),
        rotations=turns @ pairs.rotations,
        translations=(turns @ pairs.translations[..., None])[..., 0],
    )


def as_examples(pairs: RegistrationPairs) -> Examples:
    """Return `source`, `target`, `rotation`, `translation` and `partners` of all pairs."""
    arrays = {
        "source": pairs.sources,
        "target": pairs.targets,
        "rotation": pairs.rotations,
        "translation": pairs.translations,
    }
    single = {name: values.astype(np.float32) for name, values in arrays.items()}
    return single | {"partners": pairs.correspondences}


def true_motion(batch: Examples) -> RigidMotion:
    """Return the motions of a batch from source to target."""
    return RigidMotion(batch["rotation"], batch["translation"])


def losses(
    model: registry.Model,
    params: PyTree,
    batch: Examples,
    key: PRNGKey | None,
    *,
    radius: float,
) -> Array:
    """Compute the loss of every pair of a batch; see `registration_loss`.

    Args:
        model: A registration network.
        params: Its variables.
        batch: Examples.
        key: Not read; nothing is random.
        radius: Largest distance of true pairs.

    Returns:
        `[B]`.
    """
    del key
    source, target = batch["source"], batch["target"]
    return registration_network.registration_loss(
        model.apply(params, source, target), source, target, true_motion(batch), radius=radius
    )


# Maps parameters and a batch to motions from source to target.
Estimate = Callable[[PyTree, Examples], RigidMotion]


def make_estimate(model: registry.Model) -> Estimate:
    """Make the estimate of a registration network."""
    return lambda params, batch: model.apply(params, batch["source"], batch["target"]).motion


def motion_of_partners(params: PyTree, batch: Examples) -> RigidMotion:
    """Fit the motion to the true partners (`kabsch`): what a perfect matching would reach."""
    del params
    partners = jnp.maximum(batch["partners"], 0)[..., None]
    target = jnp.take_along_axis(batch["target"], partners, axis=-2)
    weights = (batch["partners"] >= 0).astype(target.dtype)
    return registration.kabsch(batch["source"], target, weights=weights)


def motion_of_moments(params: PyTree, batch: Examples) -> RigidMotion:
    """Find the motion from moments of soft shells about the centroids, without matches.

    The feature c of a point is exp(-(4 d / s - c)^2), c = 0, ..., 7, with d its distance from the
    centroid and s the root mean square of d: invariant, so `pose_from_embeddings` is exact where
    both views hold the same points. In partial overlap the centroids differ, and it fails.
    """
    del params
    embeddings = []
    for points in (batch["source"], batch["target"]):
        distances = safe.norm(points - jnp.mean(points, axis=-2, keepdims=True))
        size = safe.sqrt(jnp.mean(jnp.square(distances), axis=-1, keepdims=True))
        shells = jnp.arange(_SHELLS, dtype=points.dtype)
        scaled = 4 * safe.divide(distances, size)[..., None]
        features = jnp.exp(-jnp.square(scaled - shells))
        embeddings.append(geometric_moments.manifold_embedding(points, features))
    return geometric_moments.pose_from_embeddings(*embeddings)


CLOSED_FORMS: dict[str, Estimate] = {"kabsch": motion_of_partners, "moments": motion_of_moments}


def errors(motion: RigidMotion, batch: Examples) -> Array:
    """Compute error in degrees, error of the translation, and success of every pair, `[B, 3]`."""
    truth = true_motion(batch)
    parts = (
        registration.rotation_error(motion.rotation, truth.rotation),
        registration.translation_error(motion.translation, truth.translation),
        registration.is_registered(motion, truth),
    )
    return jnp.stack([part.astype(motion.translation.dtype) for part in parts], axis=-1)


def summarize(found: dict[str, np.ndarray]) -> dict[str, float]:
    """Return recalls with standard errors of all test sets, and medians at the hardest rotation.

    Args:
        found: `errors` of all pairs by test set, `[M, 3]`.
    """
    metrics = {}
    for name, values in found.items():
        metrics[f"recall_{name}"], metrics[f"recall_{name}_se"] = mean_and_error(values[:, 2])
    metrics["rre_median"], metrics["rte_median"] = np.median(found[HARDEST][:, :2], axis=0).tolist()
    return metrics


def equivariance_errors(estimate: Estimate, params: PyTree, batch: Examples) -> dict[str, float]:
    """Measure how far the pose is from following the target under SE(3).

    The source, moved by the estimate, must follow when the target alone is moved.

    Args:
        estimate: The estimate.
        params: Its variables.
        batch: Examples, of which the first few are taken.

    Returns:
        The largest relative errors, `equivariance_error` in float32 and
        `equivariance_error_float64`; definition in `audit.equivariance_error`.
    """
    some = {name: values[:_AUDITED] for name, values in batch.items()}

    def moved_source(params: PyTree, source: Array, target: Array) -> Array:
        pair = {"source": source, "target": target, "partners": some["partners"]}
        return registration.apply_rigid(source, estimate(params, pair))

    found = {}
    for suffix, dtype in (("", jnp.float32), ("_float64", jnp.float64)):
        found[f"equivariance_error{suffix}"] = audit.equivariance_error(
            moved_source,
            jax.tree.map(np.asarray, params),
            some["source"],
            some["target"],
            inputs=["invariant", "invariant", "point"],
            output="point",
            reflections=False,
            permutations=False,
            dtype=dtype,
        ).max
    return found


def exact_error(estimate: Estimate, data: ml_collections.ConfigDict) -> float:
    """Measure a closed form in float64 on pairs without noise in full overlap.

    Args:
        estimate: The closed form.
        data: As of `load`.

    Returns:
        The largest deviation of any entry of a rotation or translation from the truth.
    """
    pairs = make_pairs(
        num_pairs=data.num_pairs[2],
        num_points=data.num_points,
        seed=3 * data.seed + 2,
        overlap=(1.0, 1.0),
        same_points=True,
    )
    with jax.enable_x64(True):
        batch = {
            "source": jnp.asarray(pairs.sources),
            "target": jnp.asarray(pairs.targets),
            "partners": jnp.asarray(pairs.correspondences),
        }
        motion = jax.jit(estimate)({}, batch)
        return max(
            float(np.abs(np.asarray(ours) - truth).max())
            for ours, truth in zip(motion, (pairs.rotations, pairs.translations), strict=True)
        )
