"""Nonlinearities by norms and by components, and what they refuse."""

import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, layers, reps
from symjax_models.layers import activations

SO3, O3, S4, U2, LORENTZ = (
    groups.SO(3),
    groups.O(3),
    groups.S(4),
    groups.U(2),
    groups.Lorentz(),
)


def test_norms_become_factors(features, parameters):
    V, one = reps.vector(O3), reps.scalar(O3)
    x = features(3 * V + 2 * one, (4,))
    layer = layers.NormActivation(activation=jnp.tanh)
    params = parameters(layer, x)
    y = jax.jit(layer.apply)(params, x)
    for i, term in enumerate((V, one)):
        block, bias = np.asarray(x[term], np.float64), params["params"][f"bias_{i}"]
        expected = block * np.tanh(np.linalg.norm(block, axis=-2, keepdims=True) + bias)
        np.testing.assert_allclose(y[term], expected, rtol=1e-5, atol=1e-6)


def test_moduli_of_complex_components_count(features):
    x = features(3 * reps.vector(U2), (4,))
    y, _ = layers.NormActivation().init_with_output(jax.random.key(0), x)
    norms = np.linalg.norm(x.blocks[0], axis=-2, keepdims=True)
    np.testing.assert_allclose(y.blocks[0], x.blocks[0] / (1 + np.exp(-norms)), rtol=1e-5)


def test_forms_replace_norms_where_there_are_none(features, parameters):
    x = features(3 * reps.vector(LORENTZ), (4,))
    layer = layers.NormActivation()
    params = parameters(layer, x)
    y = jax.jit(layer.apply)(params, x)
    block = np.asarray(x.blocks[0], np.float64)
    (form,) = activations.invariant_forms(reps.vector(LORENTZ))
    np.testing.assert_allclose(2 * np.abs(form), np.eye(4), atol=1e-12)
    intervals = np.einsum("bic,ij,bjc->bc", block, form, block)
    given = intervals * params["params"]["form_0"][0] + params["params"]["bias_0"]
    np.testing.assert_allclose(
        y.blocks[0], block / (1 + np.exp(-given))[:, None], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("rep", [reps.vector(SO3), reps.scalar(SO3), reps.vector(U2)], ids=repr)
def test_rounding_noise_stays_small(features, rep):
    # A feature that a symmetry makes zero is noise; of size 1 it would break the symmetry.
    x = features(3 * rep, (4,)) * 1e-7
    y, _ = layers.NormActivation().init_with_output(jax.random.key(0), x)
    assert np.abs(y.blocks[0]).max() < 1e-6


@pytest.mark.parametrize("name", ["NormActivation", "LayerNorm"])
@pytest.mark.parametrize("group", [SO3, U2], ids=repr)
def test_second_derivatives_see_components_that_are_zero(name, group):
    V = reps.vector(group)
    layer = getattr(layers, name)()
    n = group.n

    def first(parts):
        parts = parts.reshape(-1, n)
        x = parts[0] + 1j * parts[1] if group.is_complex else parts[0]
        y, _ = layer.init_with_output(jax.random.key(0), reps.RepArray(V, [x[:, None]]))
        return jnp.real(y.blocks[0][0, 0])

    with jax.enable_x64(True):
        size = n * (2 if group.is_complex else 1)
        x, step = np.eye(size)[0], 1e-4 * np.eye(size)
        gradients = jax.vmap(jax.grad(first))

        @jax.jit
        def evaluate(x):
            differences = (gradients(x + step) - gradients(x - step)) / 2e-4
            return jax.hessian(first)(x), differences

        hessian, differences = evaluate(x)
    assert np.abs(hessian).max() > 0.1
    np.testing.assert_allclose(hessian, differences, atol=1e-6)


def symmetric(rep):
    return reps.symmetric_power(rep, 2)


FORMS = [
    (reps.vector(SO3), 1),
    (reps.vector(SO3) ** 2, 3),
    (reps.vector(LORENTZ), 1),
    (reps.vector(LORENTZ).dual, 1),
    (reps.determinant(groups.IndefiniteO(1, 3)), 1),
    (reps.vector(groups.SE(2)), 1),
    (reps.vector(groups.SE(2)).dual, 1),
    (symmetric(reps.vector(groups.SL(2))), 1),
    (reps.alternating_power(reps.vector(groups.Sp(4)), 2), 2),
    (reps.vector(groups.SL(2)), 0),
    (reps.vector(groups.GL(2)), 0),
    (reps.determinant(groups.GL(2)), 0),
    (reps.vector(groups.Sp(4)), 0),
]


@pytest.mark.parametrize(("rep", "count"), FORMS, ids=str)
def test_invariant_forms(rep, count):
    if not count:
        sentence = f"{rep!r} has no invariant norm or quadratic form; take Gate"
        with pytest.raises(ValueError, match=re.escape(sentence)):
            activations.invariant_forms(rep)
        return
    forms = activations.invariant_forms(rep)
    assert forms.shape == (count, rep.dim, rep.dim)
    np.testing.assert_allclose(np.einsum("kij,lij->kl", forms, forms), np.eye(count), atol=1e-12)
    np.testing.assert_allclose(forms, forms.swapaxes(-1, -2), atol=1e-12)
    for a in rep.group.lie_algebra:
        change = rep.drho(a).T @ forms + forms @ rep.drho(a)
        np.testing.assert_allclose(change, 0, atol=1e-9)
    for g in rep.group.discrete_generators:
        np.testing.assert_allclose(rep.rho(g).T @ forms @ rep.rho(g), forms, atol=1e-9)


@pytest.mark.parametrize("name", ["NormActivation", "LayerNorm"])
def test_layers_refuse_what_has_no_form(features, name):
    x = features(2 * reps.vector(groups.SL(2)), (3,))
    with pytest.raises(ValueError, match=r"V of SL\(2\) has no invariant norm"):
        getattr(layers, name)().init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=f"{name} takes a reps.RepArray, got ndarray"):
        getattr(layers, name)().init(jax.random.key(0), x.blocks[0])


def identity(x):
    return x


ANY = {jnp.tanh, nn.relu, nn.silu, nn.relu6, identity}
ODD = {jnp.tanh, nn.soft_sign, identity}
HOMOGENEOUS = {nn.relu, nn.leaky_relu, identity}
ALL = ANY | ODD | HOMOGENEOUS
ODD_FITS = "an odd function such as jnp.tanh fits, as do Gate and NormActivation"
HOMOGENEOUS_FITS = "a positively homogeneous function such as nn.relu fits"
BOTH_FIT = "a function that is odd and positively homogeneous fits"
NONE_FITS = "here Gate or NormActivation fits"
# What fits, and what the sentence about the others says.
LEGAL = [
    (reps.scalar(SO3), ALL, ""),
    (reps.vector(S4), ALL, ""),
    (reps.vector(S4) ** 2, ALL, ""),
    (symmetric(reps.vector(S4)), ALL, ""),
    (reps.vector(groups.Z(5)), ALL, ""),
    (reps.alternating_power(reps.vector(S4), 2), ODD, ODD_FITS),
    (reps.determinant(O3), ODD, ODD_FITS),
    (reps.vector(groups.B(3)), ODD, ODD_FITS),
    (reps.vector(groups.B(3)) ** 2, ODD, ODD_FITS),
    (reps.vector(groups.Octahedral()), ODD, ODD_FITS),
    (reps.vector(groups.Scaling(2)), HOMOGENEOUS, HOMOGENEOUS_FITS),
    (reps.vector(groups.Scaling(2)) ** 2, HOMOGENEOUS, HOMOGENEOUS_FITS),
    (reps.determinant(groups.GL(2)), {identity}, BOTH_FIT),
    (reps.vector(SO3), set(), NONE_FITS),
    (symmetric(reps.vector(groups.B(3))), ODD, ODD_FITS),
    (reps.vector(groups.Icosahedral()), set(), NONE_FITS),
    (reps.vector(LORENTZ), set(), NONE_FITS),
    (reps.vector(groups.SE(2)), set(), NONE_FITS),
    (reps.vector(U2), set(), NONE_FITS),
]


@pytest.mark.parametrize(("rep", "legal", "sentence"), LEGAL, ids=[repr(case[0]) for case in LEGAL])
def test_what_may_be_applied_to_components(features, rep, legal, sentence):
    x = features(2 * rep, (2,))
    for function in ALL:
        layer = layers.PointwiseActivation(function)
        if function in legal:
            np.testing.assert_array_equal(layer.apply({}, x).blocks[0], function(x.blocks[0]))
        else:
            name = getattr(function, "__name__", "")
            start = f"{name} on the components of {rep!r} would break the symmetry: "
            with pytest.raises(ValueError, match=re.escape(start) + ".*" + re.escape(sentence)):
                layer.apply({}, x)


def test_one_summand_that_does_not_fit_is_enough(features):
    x = features(2 * reps.scalar(SO3) + reps.vector(SO3), (2,))
    with pytest.raises(ValueError, match="relu on the components of V of SO"):
        layers.PointwiseActivation(nn.relu).apply({}, x)


def test_components_are_checked_under_jit(features):
    x = features(2 * reps.vector(groups.B(3)), (2,))
    y = jax.jit(layers.PointwiseActivation(jnp.tanh).apply)({}, x)
    np.testing.assert_allclose(y.blocks[0], np.tanh(x.blocks[0]), rtol=1e-6)
    with pytest.raises(ValueError, match="would break the symmetry"):
        jax.jit(layers.PointwiseActivation(nn.relu).apply)({}, x)


def test_legal_functions_commute_and_others_do_not(features):
    # The table is right about what it allows and refuses.
    B3 = groups.B(3)
    x = features(2 * reps.vector(B3), (2,))
    for g in B3.discrete_generators.astype(np.float32):
        np.testing.assert_array_equal(
            x.map(jnp.tanh).transform(g).blocks[0], x.transform(g).map(jnp.tanh).blocks[0]
        )
    flips = [g for g in B3.discrete_generators.astype(np.float32) if g.min() < 0]
    deviations = [
        np.abs(x.map(nn.relu).transform(g).blocks[0] - x.transform(g).map(nn.relu).blocks[0]).max()
        for g in flips
    ]
    assert max(deviations) > 1e-2
