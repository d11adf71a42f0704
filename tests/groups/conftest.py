"""The catalogue: every family of groups, drawn from once for all tests."""

import functools

import jax
import numpy as np
import pytest

from symjax_models import groups

# Size 1 often has nothing but the identity.
CATALOGUE = [
    groups.O(1),
    groups.O(3),
    groups.SO(1),
    groups.SO(2),
    groups.SO(4),
    groups.U(2),
    groups.SU(3),
    groups.Sp(4),
    groups.IndefiniteO(2, 1),
    groups.IndefiniteSO(1, 1),
    groups.Lorentz(),
    groups.GL(2),
    groups.GLPlus(3),
    groups.SL(3),
    groups.Scaling(2),
    groups.E(3),
    groups.SE(2),
    groups.SIM(3),
    groups.T(3),
    groups.S(1),
    groups.S(5),
    groups.A(4),
    groups.Z(1),
    groups.Z(5),
    groups.C(1),
    groups.C(6),
    groups.D(1),
    groups.D(5),
    groups.B(3),
    groups.Octahedral(),
    groups.Octahedral(inversion=True),
    groups.Icosahedral(),
    groups.Icosahedral(inversion=True),
    groups.Trivial(2),
    groups.PermutationGroup(((1, 2, 3, 0), (0, 3, 2, 1))),
    groups.PermutationGroup(((0, 1, 2),)),
    groups.RubiksCube(),
    groups.DirectProduct(groups.SO(2), groups.S(3)),
    groups.DirectProduct(groups.SU(2), groups.C(3)),
    groups.SemidirectProduct(groups.T(2), groups.DirectProduct(groups.O(2), groups.Trivial(1))),
    groups.SemidirectProduct(groups.Z(3), groups.PermutationGroup(((0, 2, 1),))),
    groups.WreathProduct(groups.SO(2), groups.Z(2)),
    groups.WreathProduct(groups.S(2), groups.S(3)),
    groups.MatrixGroup([[[0.0, 1j], [1j, 0.0]], [[1j, 0.0], [0.0, -1j]]], name="Q8"),
]
NOT_COMPACT = (
    groups.Sp,
    groups.IndefiniteO,
    groups.IndefiniteSO,
    groups.Lorentz,
    groups.GL,
    groups.GLPlus,
    groups.SL,
    groups.Scaling,
    groups.E,
    groups.SE,
    groups.SIM,
    groups.T,
)
DRAWS = 4096
DRAWS_OF_LARGE_MATRICES = 2048
# Groups are hashable values, so that jit takes them as static arguments. Each is drawn from once or
# twice: compiling fast matters, running fast does not.
SAMPLE = jax.jit(
    groups.Group.sample,
    static_argnums=(0, 2),
    static_argnames="dtype",
    compiler_options={"xla_backend_optimization_level": 0},
)


def is_compact(group: groups.Group) -> bool:
    normal = getattr(group, "normal", group)
    return not isinstance(normal, NOT_COMPACT)


@functools.cache
def _draw(group: groups.Group) -> np.ndarray:
    draws = DRAWS if group.n < 20 else DRAWS_OF_LARGE_MATRICES
    with jax.enable_x64(True):
        return np.asarray(SAMPLE(group, jax.random.key(0), (draws,), dtype=np.float64))


@pytest.fixture(params=CATALOGUE, ids=repr)
def group(request):
    """Every group."""
    return request.param


@pytest.fixture(params=[g for g in CATALOGUE if is_compact(g) and g.n < 20], ids=repr)
def compact_group(request):
    """Every compact group of matrices whose Kronecker squares are small."""
    return request.param


@pytest.fixture(params=[g for g in CATALOGUE if len(g.lie_algebra)], ids=repr)
def lie_group(request):
    """Every group with a Lie algebra."""
    return request.param


@pytest.fixture
def sample():
    """`Group.sample` under `jax.jit`."""
    return SAMPLE


@pytest.fixture
def draw():
    """Draw once per group, in float64, for all tests that need elements."""
    return _draw
