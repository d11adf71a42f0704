"""What the convolution adds to a traced program: compilation takes time by the equation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from symjax_models import reps
from symjax_models.ops.tensor_products import TensorProductPlan, convolution

# By max_degree: equations of the jaxpr and operations of the lowered program, where the couplings
# of orders are written out, of the convolution and of its gradient by features, weights and
# displacements; about a quarter above what was counted. More of them is slower compilation.
EQUATIONS = {1: (200, 335), 2: (235, 375), 3: (265, 420), 4: (300, 460), 6: (365, 540)}
OPERATIONS = {1: (375, 900), 2: (670, 2000), 3: (1130, 3800), 4: (1880, 6600), 6: (4600, 16200)}
NODES, EDGES, CHANNELS = 3, 5, 2


def count_equations(jaxpr):
    """Count the equations of a jaxpr and of all those inside it."""
    total = len(jaxpr.eqns)
    for equation in jaxpr.eqns:
        for inner in jax.tree.leaves(list(equation.params.values())):
            if isinstance(inner, core.ClosedJaxpr):
                total += count_equations(inner.jaxpr)
            elif isinstance(inner, core.Jaxpr):
                total += count_equations(inner)
    return total


def count_of(function, *arguments):
    return count_equations(jax.make_jaxpr(function)(*arguments).jaxpr)


def test_equations_inside_others_count():
    def step(carry, _):
        return jnp.sin(carry) + 1.0, None

    def looped(x):
        return jax.jit(lambda x: jax.lax.scan(step, x, None, length=3)[0])(x)

    # Two of the step, the scan around them, and the jit around that.
    assert count_of(looped, 1.0) == 4


@pytest.mark.parametrize("max_degree", EQUATIONS)
def test_what_is_compiled_stays_below_the_ceilings(max_degree):
    harmonics = reps.harmonic_irreps(max_degree)
    plan = TensorProductPlan(CHANNELS * harmonics, harmonics, CHANNELS * harmonics)
    x = reps.RepArray.from_flat(plan.rep1, np.ones((NODES, plan.rep1.dim), np.float32))
    weights = np.ones((EDGES, plan.num_paths, CHANNELS), np.float32)
    displacements = np.ones((EDGES, 3), np.float32)
    ends = np.arange(EDGES) % NODES

    def convolve(x, weights, displacements):
        z = convolution(
            plan, x, displacements, weights, senders=ends, receivers=ends, num_nodes=NODES
        )
        return jnp.sum(z.flat)

    gradient = jax.grad(convolve, argnums=(0, 1, 2))
    for function, of_equations, of_operations in zip(
        (convolve, gradient), EQUATIONS[max_degree], OPERATIONS[max_degree], strict=True
    ):
        equations = count_of(function, x, weights, displacements)
        assert 0.4 * of_equations < equations < of_equations
        lowered = jax.jit(function).lower(x, weights, displacements).as_text()
        assert 0.4 * of_operations < lowered.count(" = stablehlo.") < of_operations
