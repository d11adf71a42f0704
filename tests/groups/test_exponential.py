"""exp and log of the Lie algebras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from symjax_models import groups

# Compiled once each: compiling fast matters.
FAST = {"xla_backend_optimization_level": 0}


@pytest.mark.parametrize("group", [groups.SU(2), groups.SL(2)], ids=repr)
def test_exp_is_scipys(group):
    c = np.random.default_rng(0).normal(size=(2, 3, 3))
    expected = scipy.linalg.expm(np.einsum("...d,dij->...ij", c, group.lie_algebra))
    with jax.enable_x64(True):
        g = jax.jit(group.exp, compiler_options=FAST)(c)
        assert g.dtype == (np.complex128 if group.is_complex else np.float64)
        np.testing.assert_allclose(g, expected, atol=1e-12)


def test_exp_in_float32_is_differentiable_with_the_algebra_as_derivative_at_zero():
    group = groups.SE(2)
    assert jax.eval_shape(group.exp, np.zeros((5, 3), np.int32)).dtype == np.float32
    jacobian = jax.jit(jax.jacrev(group.exp), compiler_options=FAST)(jnp.zeros(3))
    assert jacobian.dtype == np.float32
    np.testing.assert_allclose(np.moveaxis(jacobian, -1, 0), group.lie_algebra, atol=1e-6)


def test_exp_of_a_discrete_group_is_the_identity():
    one = groups.S(3).exp(np.zeros((2, 0), np.float32))
    np.testing.assert_array_equal(one, np.broadcast_to(np.eye(3), (2, 3, 3)))
    assert groups.S(3).log(np.eye(3)).shape == (0,)


def test_exp_refuses_coordinates_of_another_length():
    with pytest.raises(
        ValueError, match=r"SO\(3\) has coordinates of shape \[..., 3\], got \(2,\)"
    ):
        groups.SO(3).exp(np.zeros(2))


@pytest.mark.parametrize(
    ("group", "element"),
    [
        (groups.SO(3), np.diag([-1.0, 1.0, -1.0])),
        (groups.SO(4), -np.eye(4)),
        (groups.O(2), -np.eye(2)),
        (groups.SU(2), -np.eye(2)),
        (groups.SU(3), np.exp(2j * np.pi / 3) * np.eye(3)),
        (groups.U(1), -np.eye(1)),
        (groups.SE(2), np.array([[-1.0, 0.0, 2.0], [0.0, -1.0, 3.0], [0.0, 0.0, 1.0]])),
        (groups.SIM(2), np.array([[-2.0, 0.0, 2.0], [0.0, -2.0, 3.0], [0.0, 0.0, 1.0]])),
        (groups.SO(3) * groups.SU(2), np.diag([-1.0, -1.0, 1.0, -1.0, -1.0])),
    ],
)
def test_log_of_half_turns_and_centres(group, element):
    combination = np.einsum("d,dij->ij", group.log(element), group.lie_algebra)
    np.testing.assert_allclose(scipy.linalg.expm(combination), element, atol=1e-12)


def test_log_names_the_element_without_one_and_the_miss():
    shear = np.array([[-1.0, 1.0], [0.0, -1.0]])
    assert groups.SL(2).contains(shear)
    batch = np.stack([np.eye(2), shear])[None]
    with pytest.raises(ValueError, match=r"algebra of SL\(2\), got element \(0, 1\).*misses by \d"):
        groups.SL(2).log(batch)
    with pytest.raises(ValueError, match=r"has matrices of shape \[..., 2, 2\], got \(3, 3\)"):
        groups.SL(2).log(np.eye(3))
    with pytest.raises(ValueError, match=r"element \(\) of SO\(2\) is not finite"):
        groups.SO(2).log(np.full((2, 2), np.nan))
    assert groups.GL(2).log(np.eye(2)).shape == (4,)
    with pytest.raises(ValueError, match="misses by"):
        groups.GL(2).log(np.zeros((2, 2)))
