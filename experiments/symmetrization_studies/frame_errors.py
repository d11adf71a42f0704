"""How exact the sources of group elements are: one random network, on generic and special inputs.

Invariance and equivariance errors are those of `audit.equivariance_error`, relative to the root
mean square of the output.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from experiments.symmetrization_studies.study import Study
from symjax_models import audit, groups, reps
from symjax_models.ops import (
    frames,
    multidimensional_scaling,
    orthogonalization,
    safe,
    symmetrization,
)
from symjax_models.ops.frames import affine
from symjax_models.suggestion import look_up
from symjax_models.typing import Array, PRNGKey

CASES = ("generic", "collinear", "planar", "symmetric")
_SYMMETRIES = 24  # of the symmetric clouds, which are tetrahedra
_WIDTH = 32
_EUCLIDEAN = groups.E(3)
_ROTATIONS = groups.O(3)
_TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)

Function = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Method:
    """Say what is measured: a source, or the network as it is, and under which group.

    Attributes:
        group: The group. Points move under E(3), vectors under O(3), graphs under S(n); elements of
            any other group act on vectors.
        source: Makes the frames of the group; None for none.
        is_random: Whether the source draws: the same key serves every call.
        has_coordinates: Whether the network sees coordinates made of distances, not the points.
    """

    group: groups.Group
    source: symmetrization.Source | None = None
    is_random: bool = False
    has_coordinates: bool = False


def component_sum_frames(x: Array, *, key: PRNGKey | None = None) -> symmetrization.Frame:
    """Make one frame of principal axes whose components have positive sums: a broken control."""
    del key
    shift = jnp.mean(x, axis=-2)
    centred = x - shift[..., None, :]
    covariance = jnp.einsum("...ni,...nj->...ij", centred, centred, precision="highest")
    axes = jnp.linalg.eigh(covariance)[1]
    signs = jnp.where(jnp.sum(axes, axis=-2, keepdims=True) < 0, -1, 1).astype(x.dtype)
    return _single_frame(axes * signs, shift)


def first_rows_frames(x: Array, *, key: PRNGKey | None = None) -> symmetrization.Frame:
    """Orthogonalize the first three points: a control that permutations of the points break."""
    del key
    shift = jnp.mean(x, axis=-2)
    rows = x[..., :3, :] - shift[..., None, :]
    return _single_frame(orthogonalization.gram_schmidt(jnp.swapaxes(rows, -1, -2)), shift)


METHODS = {
    "none": Method(_EUCLIDEAN),
    "pca_all": Method(_EUCLIDEAN, frames.PCAFrames(_EUCLIDEAN)),
    "pca_moment": Method(_EUCLIDEAN, frames.PCAFrames(_EUCLIDEAN, signs="moment")),
    "pca_random": Method(
        _EUCLIDEAN, frames.PCAFrames(_EUCLIDEAN, signs="random"), is_random=True
    ),
    "component_sum": Method(_EUCLIDEAN, component_sum_frames),
    "minimal": Method(_EUCLIDEAN, frames.MinimalFrames(_EUCLIDEAN, size=_SYMMETRIES)),
    "first_rows": Method(_EUCLIDEAN, first_rows_frames),
    "whole_group": Method(
        groups.Octahedral(inversion=True), frames.WholeGroup(groups.Octahedral(inversion=True))
    ),
    "haar": Method(_ROTATIONS, frames.Haar(_ROTATIONS, 64), is_random=True),
    "mds_frames": Method(
        _EUCLIDEAN, frames.MinimalFrames(_ROTATIONS, size=_SYMMETRIES), has_coordinates=True
    ),
    "lorentz": Method(
        groups.Lorentz(), frames.LorentzFrames(groups.Lorentz(), size=_SYMMETRIES)
    ),
    "laplacian": Method(groups.S(6), frames.LaplacianSort(size=_SYMMETRIES)),
}  # fmt: skip


def make_study(config: ml_collections.ConfigDict) -> Study:
    """Make the study: `config.data` has `cases`, `num_clouds`, `num_points` and `num_samples`."""
    method = look_up(config.method, METHODS, what="config.method")
    data = config.data
    for case in data.cases:
        look_up(case, {name: name for name in CASES}, what="case of config.data.cases")
    if data.num_points < 4 or data.num_points % 4:
        raise ValueError(f"expected num_points of 4, 8, 12, ..., got {data.num_points}")

    def measure(params: None, report: Callable[[str], None]) -> list[dict[str, Any]]:
        del params
        metrics = []
        for seed in config.seeds:
            values: dict[str, Any] = {}
            for case in cases_of(method, data):
                values |= measure_case(method, case, data, seed)
                report(f"{config.method}, seed {seed}: {case} inputs measured")
            metrics.append({**values, "forward_passes": forward_passes(method, data)})
        return metrics

    shown = [
        f"{kind}_{case}_float64"
        for case in cases_of(method, data)[:1]
        for kind in _measured_kinds(method)
    ]
    return Study(measure, shown=tuple(shown), params=_count_params(method))


def measure_case(
    method: Method, case: str, data: ml_collections.ConfigDict, seed: int
) -> dict[str, float]:
    """Return `error_CASE_DTYPE` and `permutation_error_CASE_DTYPE` of a method.

    The first is the largest error under single kinds of elements of the group, the second under
    permutations of the points or nodes.
    """
    x = make_inputs(method.group, case, data, seed)
    values = {}
    for dtype in ("float32", "float64"):
        options = {"num_samples": data.num_samples, "dtype": dtype, "key": jax.random.key(seed)}
        for name, error in _errors(make_function(method, seed), x, method, options).items():
            values[f"{name}_{case}_{dtype}"] = error
    return values


def cases_of(method: Method, data: ml_collections.ConfigDict) -> tuple[str, ...]:
    """Return the cases that there are for a method: graphs are generic or symmetric."""
    is_graph = isinstance(method.group, groups.S)
    return tuple(c for c in data.cases if not is_graph or c in ("generic", "symmetric"))


def forward_passes(method: Method, data: ml_collections.ConfigDict) -> int:
    """Return K, the number of elements that the network is evaluated at."""
    if method.source is None:
        return 1
    x = jnp.asarray(make_inputs(method.group, "generic", data, 0), jnp.float32)
    frame = jax.eval_shape(lambda x: method.source(x, key=jax.random.key(0)), x)
    return frame.weights.shape[0]


def make_function(method: Method, seed: int) -> Function:
    """Return the symmetrized network as a function of points, vectors or an adjacency matrix."""
    is_graph = isinstance(method.group, groups.S)
    rep_in = "pair" if is_graph else "vector" if method.has_coordinates else "point"
    has_invariants = is_graph or method.has_coordinates

    def network(x: Array) -> Array:
        if is_graph:
            return perceptron(x.reshape(*x.shape[:-2], -1), seed=seed)
        return point_set_network(x, seed=seed)

    if method.source is None:
        return network
    symmetric = symmetrization.symmetrize(
        network,
        source=method.source,
        rep_in=rep_in,
        rep_out="invariant" if has_invariants else rep_in,
    )
    key = jax.random.key(seed) if method.is_random else None

    def function(x: Array) -> Array:
        if method.has_coordinates:
            distances = safe.norm(x[..., :, None, :] - x[..., None, :, :])
            x = multidimensional_scaling.mds_coordinates(distances, d=x.shape[-1])
        return symmetric(x, key=key)

    return function


def point_set_network(x: Array, *, seed: int) -> Array:
    """Map points `[..., N, d]` to `[..., N, d]`; permutations of the points alone move with it.

    y_n = W_2 tanh(W_1 x_n + V mean_m tanh(U x_m + b) + c)
    """
    rng = np.random.default_rng([seed, x.shape[-1]])
    draw = lambda *shape: jnp.asarray(rng.normal(size=shape) / np.sqrt(shape[0]), x.dtype)  # noqa: E731
    d = x.shape[-1]
    hidden = jnp.tanh(_matmul(x, draw(d, _WIDTH)) + draw(_WIDTH))
    pooled = _matmul(jnp.mean(hidden, axis=-2, keepdims=True), draw(_WIDTH, _WIDTH))
    mixed = jnp.tanh(_matmul(x, draw(d, _WIDTH)) + pooled + draw(_WIDTH))
    return _matmul(mixed, draw(_WIDTH, d))


def perceptron(x: Array, *, seed: int) -> Array:
    """Map `[..., C]` to `[..., 4]`."""
    rng = np.random.default_rng([seed, x.shape[-1]])
    first, bias, second = (rng.normal(size=s) for s in ((x.shape[-1], _WIDTH), _WIDTH, (_WIDTH, 4)))
    hidden = jnp.tanh(_matmul(x, jnp.asarray(first, x.dtype)) + jnp.asarray(bias, x.dtype))
    return _matmul(hidden, jnp.asarray(second, x.dtype))


def make_inputs(
    group: groups.Group, case: str, data: ml_collections.ConfigDict, seed: int
) -> np.ndarray:
    """Draw clouds `[B, N, 3]`, four-vectors `[B, N, 4]` or graphs `[B, 6, 6]` of a case, float64.

    Clouds stand in a random pose away from the origin. Four-vectors have such a cloud, less its
    mean, as momenta, and masses of 1. Graphs of the symmetric case are cycles, else weighted ones.
    """
    rng = np.random.default_rng([seed, CASES.index(case)])
    shape = (data.num_clouds, data.num_points, 3)
    if isinstance(group, groups.S):
        upper = np.triu(rng.uniform(size=(data.num_clouds, group.n, group.n)), 1)
        cycle = np.roll(np.eye(group.n), 1, axis=0)
        weights = np.broadcast_to(cycle, upper.shape) if case == "symmetric" else upper
        return weights + weights.swapaxes(1, 2)
    if case == "symmetric":
        radii = rng.uniform(0.5, 1.5, size=(data.num_clouds, data.num_points // 4, 1, 1))
        clouds = (radii * _TETRAHEDRON).reshape(shape)
    else:
        rank = {"generic": 3, "planar": 2, "collinear": 1}[case]
        clouds = rng.normal(size=shape) * (np.arange(3) < rank) * [1.0, 0.7, 0.4]
    turns = np.linalg.qr(rng.normal(size=(data.num_clouds, 3, 3)))[0]
    clouds = clouds @ turns
    if isinstance(group, groups.Lorentz):
        momenta = clouds - clouds.mean(1, keepdims=True)
        energies = np.sqrt(1 + np.square(momenta).sum(-1, keepdims=True))
        return np.concatenate([energies, momenta], axis=-1)
    return clouds + rng.normal(size=(data.num_clouds, 1, 3))


def _errors(
    function: Function, x: np.ndarray, method: Method, options: dict[str, Any]
) -> dict[str, float]:
    """Return the errors under the group, and under permutations."""
    group = method.group
    if isinstance(group, groups.S):
        error = audit.equivariance_error(
            function, x, inputs=["pair"], output="invariant", **options
        )
        return {"permutation_error": error.parts["permutations"]}
    if isinstance(group, (groups.E, groups.O)):
        kind = "point" if isinstance(group, groups.E) else "vector"
        output = "scalar" if method.has_coordinates else kind
        parts = audit.equivariance_error(function, x, inputs=[kind], output=output, **options).parts
        moved = [parts[name] for name in ("rotations", "reflections", "translations")
                 if name in parts]  # fmt: skip
        return {"error": max(moved), "permutation_error": parts["permutations"]}
    rep = x.shape[-2] * reps.vector(group)

    def typed(features: reps.RepArray) -> reps.RepArray:
        moved = function(jnp.swapaxes(features.blocks[0], -1, -2))
        return reps.RepArray(rep, [jnp.swapaxes(moved, -1, -2)])

    features = reps.RepArray(rep, [x.swapaxes(-1, -2)])
    by_group = audit.equivariance_error(typed, features, **options)
    by_order = audit.equivariance_error(function, x, inputs=["scalar"], output="scalar", **options)
    return {"error": by_group.max, "permutation_error": by_order.parts["permutations"]}


def _count_params(method: Method) -> int:
    n = method.group.n
    if isinstance(method.group, groups.S):
        return (n**2 + 1 + 4) * _WIDTH
    d = n - isinstance(method.group, groups.E)
    return (3 * d + 2 + _WIDTH) * _WIDTH


def _measured_kinds(method: Method) -> tuple[str, ...]:
    is_graph = isinstance(method.group, groups.S)
    return ("permutation_error",) if is_graph else ("error", "permutation_error")


def _single_frame(linear: Array, shift: Array) -> symmetrization.Frame:
    elements, inverses = affine.make_elements(linear[None], shift, group=_EUCLIDEAN)
    return symmetrization.Frame(elements, inverses, jnp.ones(elements.shape[:-2], linear.dtype))


def _matmul(x: Array, kernel: Array) -> Array:
    return jnp.matmul(x, kernel, precision="highest")
