"""Compiled convolutions: their time to compile, their memory, their results."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks import rounds
from experiments.benchmarks.tensor_product_setting import Convolution, Problem
from symjax_models.typing import Array, PyTree

QUANTITIES = ("forward", "forward_backward")
COPIED_BYTES = 2**28  # of the array whose copy measures the bandwidth: no cache holds it
_TOLERANCE = 1e-4  # of float32, relative to the largest entry


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled function with its arguments on the device.

    Attributes:
        function: The compiled function.
        arguments: Its arguments.
        megabytes: What it holds at its peak: arguments, results and temporaries.
        compile_ms: Milliseconds of tracing and compilation.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    megabytes: float
    compile_ms: float

    def candidate(self) -> rounds.Candidate:
        """Return what `rounds.time_in_turns` takes."""
        return rounds.Candidate(lambda: jax.block_until_ready(self.function(*self.arguments)), 1)


def compile_programs(convolution: Convolution, problem: Problem) -> dict[str, Program]:
    """Compile a convolution, and half the squared norm of its result with all gradients.

    Constants are known when compilation begins, JAX has traced nothing yet.

    Args:
        convolution: The convolution.
        problem: Its problem.

    Returns:
        The program of each of `QUANTITIES`; the second returns the gradients with respect to
        features, weights and displacements.
    """

    def half_norm(*arguments: PyTree) -> Array:
        result = convolution.function(*arguments)
        return sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(result)) / 2

    def gradients(*arguments: PyTree) -> tuple[PyTree, ...]:
        return jax.grad(half_norm, argnums=(0, 1, 2))(*arguments)

    arguments = jax.device_put(
        (convolution.features, convolution.weights, problem.displacements, *problem.edges)
    )
    jax.eval_shape(gradients, *arguments)  # computes and keeps the constants
    programs = {}
    for quantity, function in zip(QUANTITIES, (convolution.function, gradients), strict=True):
        jax.clear_caches()
        began = time.perf_counter()
        compiled = jax.jit(function).lower(*arguments).compile()
        milliseconds = 1e3 * (time.perf_counter() - began)
        programs[quantity] = Program(compiled, arguments, _megabytes(compiled), milliseconds)
    return programs


def check_agreement(
    convolution: Convolution, programs: Mapping[str, Program], ours: Mapping[str, Program]
) -> None:
    """Check that a convolution gives our result and gradients, where it can.

    Args:
        convolution: The convolution of another library or backend.
        programs: Its programs.
        ours: Our programs.

    Raises:
        ValueError: If something differs by more than rounding.
    """
    if convolution.equal_weights is None:
        return
    theirs = _results(programs, programs["forward"].arguments)
    blocks, _, *rest = ours["forward"].arguments
    wanted = _results(ours, (blocks, jax.device_put(convolution.equal_weights), *rest))
    pairs = {
        name: (convolution.read(theirs[name]), np.concatenate(wanted[name], axis=1))
        for name in ("result", "gradient by features")
    }
    pairs["gradient by displacements"] = theirs["displacements"], wanted["displacements"]
    if theirs["weights"].size == wanted["weights"].size:
        pairs["gradient by weights"] = (
            theirs["weights"].reshape(wanted["weights"].shape),
            wanted["weights"],
        )
    for name, (found, expected) in pairs.items():
        deviation = float(np.abs(found - expected).max() / np.abs(expected).max())
        if not deviation < _TOLERANCE:
            raise ValueError(
                f"its {name} differs from ours by {deviation:.1e} of the largest entry: it does "
                "not do the same work, so its time means nothing"
            )


def copy_program() -> Program:
    """Compile the copy of an array of `COPIED_BYTES`, which reads and writes each byte once."""
    array = jnp.zeros(COPIED_BYTES // 4, jnp.float32)
    began = time.perf_counter()
    compiled = jax.jit(lambda x: x + 1).lower(array).compile()
    milliseconds = 1e3 * (time.perf_counter() - began)
    return Program(compiled, (array,), _megabytes(compiled), milliseconds)


def bytes_to_move(problem: Problem, quantity: str) -> int:
    """Count the bytes that any program must read or write once.

    Args:
        problem: The problem.
        quantity: One of `QUANTITIES`.

    Returns:
        The bytes of all arguments and of the result, or of the gradients.
    """
    features = sum(block.nbytes for block in problem.blocks)
    by_edge = problem.weights.nbytes + problem.displacements.nbytes
    indices = sum(ends.nbytes for ends in problem.edges)
    if quantity == "forward":
        return 2 * features + by_edge + indices
    return 2 * (features + by_edge) + indices


def _results(programs: Mapping[str, Program], arguments: tuple[Any, ...]) -> dict[str, Any]:
    by_features, weights, displacements = programs["forward_backward"].function(*arguments)
    return {
        "result": programs["forward"].function(*arguments),
        "gradient by features": by_features,
        "weights": np.asarray(weights),
        "displacements": np.asarray(displacements),
    }


def _megabytes(compiled: jax.stages.Compiled) -> float:
    counted = compiled.memory_analysis()
    size = (
        counted.argument_size_in_bytes
        + counted.output_size_in_bytes
        + counted.temp_size_in_bytes
        - counted.alias_size_in_bytes
    )
    return round(size / 1e6, 3)
