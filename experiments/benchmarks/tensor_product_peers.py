"""The convolution in e3nn-jax, cuequivariance-jax and e3x; each is imported in its function only.

Their conventions are e3nn's, or are brought to them: real harmonics of polar axis y in the
normalization "component", couplings with the norm sqrt(2 l3 + 1). All release the same licence,
Apache 2.0.
"""

import importlib.metadata
import importlib.util
import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import tensor_product_setting
from experiments.benchmarks.tensor_product_setting import Convolution, Problem
from symjax_models.typing import Array


def make_e3nn(problem: Problem) -> Convolution:
    """Use `e3nn_jax.tensor_product` on features `[N, sum of C (2 l + 1)]`, copies before orders.

    The paths into an irrep come out as copies of it; they are weighted and summed, then scattered.
    With the copies on an axis of their own the product took 1.6 times longer, and
    `tensor_product_with_spherical_harmonics`, which turns to the frame of an edge too, took four
    times longer and a minute to compile (degree 2, 32 channels, on a CPU): both are left out.
    """
    import e3nn_jax as e3nn

    case, counts = problem.case, problem.paths_into
    degrees = range(case.max_degree + 1)
    irreps = e3nn.Irreps([(case.channels, (l, (-1) ** l)) for l in degrees])
    wanted = [e3nn.Irrep(l, (-1) ** l) for l in degrees]
    starts = np.cumsum([0, *counts])

    def function(
        features: Array, weights: Array, displacements: Array, senders: Array, receivers: Array
    ) -> Array:
        sent = e3nn.IrrepsArray(irreps, features)[senders]
        vectors = e3nn.IrrepsArray("1o", displacements)
        y = e3nn.spherical_harmonics(list(degrees), vectors, True, "component")
        products = e3nn.tensor_product(sent, y, filter_ir_out=wanted)
        chunks = []
        for l, chunk in enumerate(products.chunks):
            copies = chunk.reshape(len(chunk), counts[l], case.channels, 2 * l + 1)
            scaled = weights[:, starts[l] : starts[l + 1], :, None] * counts[l] ** -0.5
            chunks.append(jnp.sum(copies * scaled, axis=1))
        messages = e3nn.from_chunks(irreps, chunks, senders.shape, features.dtype)
        return e3nn.scatter_sum(messages, dst=receivers, output_size=case.num_nodes).array

    features = [block.swapaxes(1, 2).reshape(case.num_nodes, -1) for block in problem.blocks]

    def read(features: Array) -> np.ndarray:
        shapes = [(case.num_nodes, case.channels, 2 * l + 1) for l in degrees]
        blocks = _cut(np.asarray(features), shapes)
        return np.concatenate([block.swapaxes(1, 2) for block in blocks], axis=1)

    return Convolution(
        _named("e3nn-jax"),
        function,
        np.concatenate(features, axis=1),
        problem.weights,
        read,
        tensor_product_setting.SAME,
        problem.weights,
    )


def make_cuequivariance(problem: Problem) -> Convolution:
    """Use a segmented polynomial of cuequivariance-jax, which gathers and scatters too.

    It is the channelwise product of its descriptors, with the paths into one irrep summed at once.
    Its own kernels run where they are installed, on GPUs; else the method "naive".
    """
    import cuequivariance as cue
    import cuequivariance_jax as cuex

    _accept_current_jax()
    has_kernels = jax.default_backend() == "gpu" and _is_installed("cuequivariance_ops_jax")
    method = "uniform_1d" if has_kernels else "naive"
    case, counts = problem.case, problem.paths_into
    irreps = [cue.O3(l, (-1) ** l) for l in range(case.max_degree + 1)]
    product = cue.SegmentedTensorProduct.from_subscripts("u,iu,j,ku+ijk")
    for irrep in irreps:
        product.add_segment(1, (irrep.dim, case.channels))
        product.add_segment(2, (irrep.dim,))
        product.add_segment(3, (irrep.dim, case.channels))
    for path in problem.plan.paths:
        weight = product.add_segment(0, (case.channels,))
        [coupling] = cue.clebsch_gordan(*(irreps[l] for l in path.degrees))
        scaled = coupling * counts[path.degrees[2]] ** -0.5
        product.add_path(weight, path.index1, path.index2, path.index_out, c=scaled)
    if has_kernels:
        product = product.flatten_coefficient_modes()  # its kernels take only channels as an axis
    polynomial = cue.SegmentedPolynomial.eval_last_operand(product)

    def function(
        features: Array, weights: Array, displacements: Array, senders: Array, receivers: Array
    ) -> Array:
        vectors = cuex.RepArray(cue.Irreps("O3", "1o"), displacements, cue.ir_mul)
        y = cuex.spherical_harmonics(list(range(case.max_degree + 1)), vectors).array
        [z] = cuex.segmented_polynomial(
            polynomial,
            [weights, features, y],
            [jax.ShapeDtypeStruct(features.shape, features.dtype)],
            [None, senders, None, receivers],
            method=method,
        )
        return z

    def read(features: Array) -> np.ndarray:
        shapes = [(case.num_nodes, irrep.dim, case.channels) for irrep in irreps]
        return np.concatenate(_cut(np.asarray(features), shapes), axis=1)

    return Convolution(
        f"{_named('cuequivariance-jax')} {method}",
        function,
        np.concatenate([block.reshape(case.num_nodes, -1) for block in problem.blocks], axis=1),
        problem.weights.reshape(case.num_edges, -1),
        read,
        tensor_product_setting.SAME,
        problem.weights,
    )


def make_e3x(problem: Problem) -> Convolution:
    """Use `e3x.nn.Tensor`, whose weights of paths all edges share.

    Edges have weights per degree of the harmonics and channel, fewer than ours. With weights of
    ours that are products of both kinds the result is the same.
    """
    import e3x

    layer = e3x.nn.Tensor(
        max_degree=problem.case.max_degree, include_pseudotensors=False, cartesian_order=False
    )
    params, of_edges, function, features, read = _e3x_parts(problem, layer)
    kernel = np.asarray(params["params"]["kernel"])[0, :, 0, :, 0]
    equal_weights = np.empty_like(problem.weights)
    for position, path in enumerate(problem.plan.paths):
        l1, l2, l3 = path.degrees
        scale = problem.paths_into[l3] ** 0.5
        equal_weights[:, position] = scale * of_edges[:, l2] * kernel[l1, l2, l3]
    return Convolution(
        f"{_named('e3x')} Tensor",
        function,
        features,
        of_edges,
        read,
        tensor_product_setting.FACTORED,
        equal_weights,
    )


def make_e3x_fused(problem: Problem) -> Convolution:
    """Use `e3x.nn.FusedTensor`, quicker for high degrees, with still fewer weights of paths."""
    import e3x

    layer = e3x.nn.FusedTensor(
        max_degree=problem.case.max_degree, include_pseudotensors=False, cartesian_order=False
    )
    _, of_edges, function, features, read = _e3x_parts(problem, layer)
    name, agreement = f"{_named('e3x')} FusedTensor", tensor_product_setting.OTHER
    return Convolution(name, function, features, of_edges, read, agreement, None)


def _e3x_parts(problem: Problem, layer) -> tuple:
    """Return parameters, weights of edges, function, features and how to read these."""
    import e3x

    case = problem.case
    degree_of_row = np.repeat(
        np.arange(case.max_degree + 1), 2 * np.arange(case.max_degree + 1) + 1
    )
    features = tensor_product_setting.join_blocks(problem.blocks)[:, None]
    shape = (case.num_edges, case.max_degree + 1, case.channels)
    of_edges = np.random.default_rng(1).standard_normal(shape, np.float32)
    params = jax.jit(layer.init)(jax.random.key(0), features[:1], features[:1])

    def function(
        features: Array, weights: Array, displacements: Array, senders: Array, receivers: Array
    ) -> Array:
        # Its polar axis is z; ours is y.
        y = e3x.so3.spherical_harmonics(
            jnp.roll(displacements, 1, axis=-1), case.max_degree, cartesian_order=False,
            normalization="orthonormal",
        )  # fmt: skip
        filters = (4 * np.pi) ** 0.5 * y[:, :, None] * weights[:, degree_of_row]
        products = layer.apply(params, features[senders], filters[:, None])
        return e3x.ops.indexed_sum(products, dst_idx=receivers, num_segments=case.num_nodes)

    return params, of_edges, function, features, lambda z: np.asarray(z)[:, 0]


MAKERS: dict[str, Callable[[Problem], Convolution]] = {
    "e3nn-jax": make_e3nn,
    "cuequivariance-jax": make_cuequivariance,
    "e3x Tensor": make_e3x,
    "e3x FusedTensor": make_e3x_fused,
}


def _accept_current_jax() -> None:
    """Let JAX call the rule by which cuequivariance-jax <= 0.13 removes what nobody uses.

    JAX 0.12 calls such rules with one argument more, and no compiled program with a segmented
    polynomial can be made without this.
    """
    from jax.interpreters import partial_eval

    for primitive, rule in list(partial_eval.dce_rules.items()):
        is_theirs = rule.__module__.startswith("cuequivariance_jax")
        if is_theirs and len(inspect.signature(rule).parameters) == 2:
            partial_eval.dce_rules[primitive] = lambda used, _, eqn, rule=rule: rule(used, eqn)


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _named(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"


def _cut(flat: np.ndarray, shapes: list[tuple[int, int, int]]) -> list[np.ndarray]:
    ends = np.cumsum([rows * columns for _, rows, columns in shapes])
    return [
        part.reshape(shape)
        for part, shape in zip(np.split(flat, ends[:-1], axis=1), shapes, strict=True)
    ]
