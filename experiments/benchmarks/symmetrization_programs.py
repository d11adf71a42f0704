"""Compiled programs that are timed: the forward pass of a function, and a training step of it."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from experiments.benchmarks import rounds
from symjax_models import training
from symjax_models.typing import Array, PyTree

LEARNING_RATE = 5e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """One compiled program.

    Attributes:
        timed: Runs it once.
        compile_ms: Time of tracing and compilation.
    """

    timed: rounds.Candidate
    compile_ms: float


def forward(function: Callable[..., Array], params: PyTree, *inputs: Array) -> Program:
    """Compile a forward pass.

    Args:
        function: Takes the parameters and the inputs.
        params: The parameters.
        *inputs: The inputs.
    """
    params, inputs = jax.device_put((params, inputs))
    compiled, compile_ms = _compile(function, params, *inputs)
    run = lambda: jax.block_until_ready(compiled(params, *inputs))  # noqa: E731
    return Program(rounds.Candidate(run, 1), compile_ms)


def train_step(loss: Callable[..., Array], params: PyTree, *inputs: Array) -> Program:
    """Compile a step of Adam.

    Args:
        loss: Takes the parameters and the inputs; its mean is taken.
        params: The parameters before the first step.
        *inputs: The inputs, the same in every step.
    """
    settings = training.OptimizerSettings(learning_rate=LEARNING_RATE)
    optimizer, _ = training.make_optimizer(settings, num_steps=1)  # Adam at a constant rate

    def step(params: PyTree, state: PyTree, *inputs: Array) -> tuple[PyTree, PyTree]:
        gradient = jax.grad(lambda params: jnp.mean(loss(params, *inputs)))(params)
        updates, state = optimizer.update(gradient, state, params)
        return jax.tree.map(jnp.add, params, updates), state

    params, inputs = jax.device_put((params, inputs))
    held = params, optimizer.init(params)
    compiled, compile_ms = _compile(step, *held, *inputs)

    def run() -> None:
        nonlocal held
        held = jax.block_until_ready(compiled(*held, *inputs))

    return Program(rounds.Candidate(run, 1), compile_ms)


def count_operations(function: Callable[..., Any], *arguments: Any, name: str) -> int:
    """Count how often an operation occurs in the program of a function.

    Args:
        function: The function.
        *arguments: Its arguments.
        name: Name of the operation, as JAX calls it.

    Returns:
        The count, in called programs too.

    >>> count_operations(lambda x: jnp.tanh(jnp.tanh(x)), 1.0, name="tanh")
    2
    """

    def count(jaxpr: core.Jaxpr) -> int:
        here = sum(equation.primitive.name == name for equation in jaxpr.eqns)
        called = (e for eqn in jaxpr.eqns for e in core.jaxprs_in_params(eqn.params))
        return here + sum(map(count, called))

    return count(jax.make_jaxpr(function)(*arguments).jaxpr)


def num_parameters(params: PyTree) -> int:
    """Count the entries of all arrays."""
    return sum(np.size(leaf) for leaf in jax.tree.leaves(params))


def _compile(function: Callable[..., Any], *arguments: Any) -> tuple[jax.stages.Compiled, float]:
    began = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    return compiled, 1e3 * (time.perf_counter() - began)
