"""The matrix products of an EGNN training step: their count, and their bare speed."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import jax

from experiments.benchmarks import nbody_setting
from symjax_models.typing import Array

KINDS = ("forward", "input_gradient", "weight_gradient")
_MULTIPLY = {
    "forward": lambda x, weight: x @ weight,
    "input_gradient": lambda gradient, weight: gradient @ weight.T,
    "weight_gradient": lambda x, gradient: x.T @ gradient,
}
_EDGE_FEATURES = 3  # current and initial squared distance, interaction


@dataclasses.dataclass(frozen=True)
class Product:
    """Products `[rows, inputs] @ [inputs, outputs]` of the forward pass.

    Attributes:
        rows: Nodes or edges of the batch.
        inputs: Length of the contracted axis.
        outputs: Length of the result.
        count: How many of them a step has.
        reaches_data: Whether the left factor comes from the data alone; then it needs no gradient.
    """

    rows: int
    inputs: int
    outputs: int
    count: int
    reaches_data: bool = False

    def repeats(self, kind: str) -> int:
        """Return how often a product of a kind, one of `KINDS`, is needed."""
        return 0 if kind == "input_gradient" and self.reaches_data else self.count

    def flops(self, kind: str) -> int:
        """Return 2 rows inputs outputs for each of them; all three kinds cost the same."""
        return 2 * self.rows * self.inputs * self.outputs * self.repeats(kind)


def list_products(case: nbody_setting.Case) -> list[Product]:
    """List the products of the forward pass of EGNN on the dense neighbour axis.

    With M = B N nodes, E = B N (N - 1) edges, width C and L layers, a layer multiplies

    - phi_e: twice [M, C] [C, C] (receivers, senders), [E, 3] [3, C] and [E, C] [C, C];
    - phi_x: [E, C] [C, C] and [E, C] [C, 1]; phi_v: [M, C] [C, C] and [M, C] [C, 1];
    - phi_h: [M, 2 C] [2 C, C] and [M, C] [C, C], in all layers but the last, whose h is not used;

    and the embedding [M, 1] [1, C]. What enters phi_e on the edges of the first layer, and the
    embedding, are data, without a gradient.

    Args:
        case: The sizes.

    Returns:
        The products, those of the same shape together.
    """
    nodes, width, layers = case.batch_size * case.num_nodes, case.features, case.num_layers
    edges = nodes * (case.num_nodes - 1)
    return [
        Product(nodes, 1, width, 1, reaches_data=True),
        Product(edges, _EDGE_FEATURES, width, 1, reaches_data=True),
        Product(edges, _EDGE_FEATURES, width, layers - 1),
        Product(edges, width, width, 2 * layers),
        Product(edges, width, 1, layers),
        Product(nodes, width, width, 3 * layers + layers - 1),
        Product(nodes, width, 1, layers),
        Product(nodes, 2 * width, width, layers - 1),
    ]


def count_flops(products: Sequence[Product], kinds: Sequence[str] = KINDS) -> int:
    """Return the floating-point operations of all products of some kinds."""
    return sum(product.flops(kind) for product in products for kind in kinds)


def bare_products(products: Sequence[Product], *, kind: str) -> Callable[[], None]:
    """Compile a program that does nothing but the products of one kind.

    No product waits for another, and the larger factor is shared between products of one shape,
    so this is a high bar: a training step has neither freedom.

    Args:
        products: The products.
        kind: One of `KINDS`.

    Returns:
        A function that runs the program and waits for it.
    """
    key = jax.random.key(0)

    @functools.cache
    def shared(rows: int, columns: int) -> Array:
        return jax.random.normal(key, (rows, columns))

    def own(index: int, rows: int, columns: int) -> Array:
        return jax.random.normal(jax.random.fold_in(key, index), (rows, columns))

    def factors(product: Product, index: int) -> tuple[Array, Array]:
        rows, inputs, outputs = product.rows, product.inputs, product.outputs
        if kind == "weight_gradient":
            return shared(rows, inputs), own(index, rows, outputs)
        left = shared(rows, inputs if kind == "forward" else outputs)
        return left, own(index, inputs, outputs)

    pairs = [factors(p, index) for p in products for index in range(p.repeats(kind))]
    multiply = _MULTIPLY[kind]
    program = jax.jit(lambda pairs: [multiply(left, right) for left, right in pairs])
    return lambda: jax.block_until_ready(program(pairs)) and None
