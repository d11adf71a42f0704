"""What all convolutions compute and on which arrays, and ours."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

import symjax_models
from symjax_models import reps
from symjax_models.ops.tensor_products import TensorProductPlan, convolution
from symjax_models.typing import Array, PyTree

SAME = "equal to ours"
FACTORED = "equal to ours for the weights that it can have"
OTHER = "another function"


@dataclasses.dataclass(frozen=True)
class Case:
    """Sizes of a convolution.

    Attributes:
        max_degree: Highest degree of features and harmonics; each degree has its natural parity.
        channels: Copies of every irrep.
        num_nodes: Number of nodes.
        num_edges: Number of edges, between random nodes.
    """

    max_degree: int
    channels: int
    num_nodes: int
    num_edges: int


@dataclasses.dataclass(frozen=True)
class Problem:
    """A case with its arrays.

    Attributes:
        case: The sizes.
        plan: Our plan of the product.
        blocks: Features, `[N, 2 l + 1, C]` for every degree.
        weights: `[E, P, C]`.
        displacements: `[E, 3]`.
        edges: Senders and receivers, each `[E]`.
    """

    case: Case
    plan: TensorProductPlan
    blocks: tuple[np.ndarray, ...]
    weights: np.ndarray
    displacements: np.ndarray
    edges: tuple[np.ndarray, np.ndarray]

    @property
    def paths_into(self) -> list[int]:
        """Number of paths into the irrep of every degree."""
        degrees = [path.degrees[2] for path in self.plan.paths]
        return [degrees.count(degree) for degree in range(self.case.max_degree + 1)]


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One way to compute the convolution, on arrays in its own layout.

    Attributes:
        name: Its name and version.
        function: Takes features, weights, displacements, senders and receivers; returns features.
        features: Features of the nodes.
        weights: Weights of the edges.
        read: Turns features into `[N, L, C]` in our order.
        agreement: What is equal to our result: `SAME`, `FACTORED` or `OTHER`.
        equal_weights: Weights `[E, P, C]` with which ours must give the same; None if there are
            none.
    """

    name: str
    function: Callable[..., PyTree]
    features: PyTree
    weights: Array
    read: Callable[[PyTree], np.ndarray]
    agreement: str
    equal_weights: np.ndarray | None


def make_problem(case: Case) -> Problem:
    """Draw the arrays of a case, in float32, from a fixed seed."""
    harmonics = reps.harmonic_irreps(case.max_degree)
    plan = TensorProductPlan(case.channels * harmonics, harmonics, case.channels * harmonics)
    rng = np.random.default_rng(0)
    degrees = range(case.max_degree + 1)
    shapes = [(case.num_nodes, 2 * degree + 1, case.channels) for degree in degrees]
    weights = (case.num_edges, plan.num_paths, case.channels)
    senders, receivers = rng.integers(case.num_nodes, size=(2, case.num_edges)).astype(np.int32)
    return Problem(
        case,
        plan,
        tuple(rng.standard_normal(shape, np.float32) for shape in shapes),
        rng.standard_normal(weights, np.float32),
        rng.standard_normal((case.num_edges, 3), np.float32),
        (senders, receivers),
    )


def our_convolution(problem: Problem, *, backend: str) -> Convolution:
    """Take our convolution with one of its backends."""
    plan, num_nodes = problem.plan, problem.case.num_nodes

    def function(
        blocks: Sequence[Array], weights: Array, displacements: Array, *edges: Array
    ) -> tuple[Array, ...]:
        x, (senders, receivers) = reps.RepArray(plan.rep1, blocks), edges
        return convolution(
            plan, x, displacements, weights, senders=senders, receivers=receivers,
            num_nodes=num_nodes, backend=backend,
        ).blocks  # fmt: skip

    return Convolution(
        f"symjax_models {backend} backend {symjax_models.__version__}",
        function,
        problem.blocks,
        problem.weights,
        join_blocks,
        SAME,
        problem.weights,
    )


def join_blocks(blocks: Sequence[Array]) -> np.ndarray:
    """Join blocks `[N, 2 l + 1, C]` of all degrees to `[N, L, C]`."""
    return np.concatenate([np.asarray(block) for block in blocks], axis=1)
