"""What the convolution adds to a traced program: compilation takes time by the equation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core

from symjax_models import reps
from symjax_models.ops.tensor_products import TensorProductPlan, convolution

# By max_degree: equations of the convolution and of its gradient by features, weights and
# displacements, about a quarter above what was counted. More of them is slower compilation.
CEILINGS = {1: (200, 345), 2: (232, 385), 3: (265, 425), 4: (297, 467), 6: (362, 550)}
# A contraction of a trilinear form is one equation, and many operations of the lowered program.
OPERATIONS = {1: (400, 865), 2: (695, 1820), 3: (1165, 3450)}
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


def functions_of(max_degree):
    """Return a convolution, its gradient, and arguments of both."""
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

    return convolve, jax.grad(convolve, argnums=(0, 1, 2)), (x, weights, displacements)


def assert_near_ceilings(counts, ceilings):
    for count, ceiling in zip(counts, ceilings, strict=True):
        assert 0.4 * ceiling < count < ceiling, f"{counts} beside {ceilings}"


@pytest.mark.parametrize("max_degree", CEILINGS)
def test_equations_stay_below_the_ceilings(max_degree):
    *functions, arguments = functions_of(max_degree)
    assert_near_ceilings([count_of(f, *arguments) for f in functions], CEILINGS[max_degree])


@pytest.mark.parametrize("max_degree", OPERATIONS)
def test_operations_stay_below_the_ceilings(max_degree):
    *functions, arguments = functions_of(max_degree)
    lowered = [jax.jit(function).lower(*arguments).as_text() for function in functions]
    counts = [sum(" = " in line for line in text.splitlines()) for text in lowered]
    assert_near_ceilings(counts, OPERATIONS[max_degree])
