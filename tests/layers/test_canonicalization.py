"""Learned canonicalization: exactness, gradients, ties, prior, controls."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import audit, groups
from symjax_models.layers import canonicalization
from symjax_models.layers.dense import Dense
from symjax_models.ops import actions, orbit_distance, symmetrization

POINTS = np.random.default_rng(0).normal(size=(2, 6, 3))
IMAGES = np.random.default_rng(0).normal(size=(2, 4, 4, 1)).astype(np.float32)
FOUR = groups.C(4)


class Vectors(nn.Module):
    """Mix vectors of points that are weighted by invariants: `[*batch, d, k]`."""

    count: int = 3

    @nn.compact
    def __call__(self, x):
        squares = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
        # Waves of different length, so that the vectors are far from parallel.
        numbers = jnp.arange(1, self.count + 1, dtype=x.dtype)
        scale = self.param("scale", nn.initializers.constant(jnp.pi), ())
        weights = jnp.cos(scale * numbers * squares / (1 + squares))
        return jnp.einsum("...ni,...nk->...ik", x, weights, precision="highest") / 4


class Flat(nn.Module):
    """Map images to features or to one score, without any symmetry."""

    features: int | None = None

    @nn.compact
    def __call__(self, x):
        outputs = Dense(self.features or 1)(x.reshape(*x.shape[:-3], -1))
        return jnp.tanh(outputs) if self.features else outputs[..., 0]


class Count(nn.Module):
    """Return as many scores as asked for."""

    count: int

    @nn.compact
    def __call__(self, x):
        return jnp.ones((*x.shape[:-2], self.count), x.dtype)


def network(x):
    rng = np.random.default_rng(0)
    sizes = [(3, 16), (16,), (16, 3)]
    first, bias, last = (jnp.asarray(rng.normal(size=size), x.dtype) for size in sizes)
    hidden = jnp.tanh(jnp.matmul(x, first, precision="highest") + bias)
    return jnp.matmul(hidden, last, precision="highest")


def error_of(module, group, *, dtype):
    params = module.init(jax.random.key(0), jnp.asarray(POINTS, jnp.float32))

    def function(params, x):
        def source(x, *, key=None):
            return module.apply(params, x)

        return symmetrization.symmetrize(network, source=source, rep_in="point", rep_out="point")(x)

    kind = "point" if isinstance(group, (groups.SE, groups.E)) else "vector"
    return audit.equivariance_error(
        function,
        params,
        POINTS,
        inputs=["invariant", kind],
        output=kind,
        reflections=isinstance(group, (groups.O, groups.E)),
        dtype=dtype,
        num_samples=3,
    ).max


@pytest.mark.parametrize(("group", "count"), [(groups.SE(3), 2), (groups.O(3), 3)], ids=repr)
def test_orthogonalized_vectors_are_exact(group, count):
    module = canonicalization.VectorCanonicalizer(Vectors(count), group)
    assert error_of(module, group, dtype="float32") < 5e-6
    assert error_of(module, group, dtype="float64") < 1e-12


def test_rotations_alone_fail_under_reflections():
    rotations = canonicalization.VectorCanonicalizer(Vectors(2), groups.SO(3))
    for dtype in ("float32", "float64"):
        assert error_of(rotations, groups.O(3), dtype=dtype) > 1e-2


def test_generated_elements_off_the_group_are_exact_too():
    group = groups.O(3)
    module = canonicalization.GeneratorCanonicalizer(Vectors(3), group)
    assert error_of(module, group, dtype="float32") < 5e-6
    assert error_of(module, group, dtype="float64") < 1e-12
    points = jnp.asarray(POINTS, jnp.float32)
    frame, _ = jax.jit(module.init_with_output)(jax.random.key(0), points)
    assert (np.asarray(orbit_distance.orbit_distance(frame.elements, group=group)) > 1e-2).all()


def canonical_image(module, params, images, key=None):
    frame = module.apply(params, images, key=key)
    return symmetrization.pull_back(frame, (images,), "image")[0][0]


def quarter_turns(images):
    return [np.rot90(images, turns, axes=(1, 2)) for turns in range(4)]


@pytest.mark.parametrize(
    "module",
    [
        canonicalization.FiniteCanonicalizer(Flat(), FOUR, rep_in="image"),
        canonicalization.OptimizationCanonicalizer(Flat(5), FOUR),
    ],
    ids=lambda module: type(module).__name__,
)
def test_all_turned_copies_have_one_canonical_image(module):
    params = module.init(jax.random.key(0), IMAGES)
    canonical = jax.jit(lambda images: canonical_image(module, params, images))
    first, *others = (np.asarray(canonical(images)) for images in quarter_turns(IMAGES))
    for other in others:
        np.testing.assert_allclose(first, other, atol=1e-5)
    assert np.abs(first - quarter_turns(first)[1]).max() > 1e-2


def test_the_frame_of_a_finite_group_has_logits_and_a_prior():
    assert np.array_equal(FOUR.elements[0], np.eye(2))
    logits = jnp.array([[2.0, 0.0], [0.0, 3.0], [0.0, 0.0], [0.0, 0.0]])
    frame = canonicalization.choose(logits, group=FOUR)
    assert frame.size == 1
    np.testing.assert_allclose(frame.elements[0], FOUR.elements[:2], atol=1e-7)
    np.testing.assert_allclose(frame.inverses[0], np.linalg.inv(FOUR.elements[:2]), atol=1e-7)
    np.testing.assert_array_equal(symmetrization.identity_metric(frame), [1, 0])
    expected = -np.log(np.exp([2.0, 0.0]) / np.exp(logits).sum(0))
    np.testing.assert_allclose(symmetrization.prior_loss(frame), expected, rtol=1e-6)


def test_the_gradient_is_that_of_a_weighting_by_the_softmax():
    vector, target = jnp.array([1.0, 2.0]), jnp.array([0.3, -0.7])
    elements = jnp.asarray(FOUR.elements, jnp.float32)

    def hard(logits):
        g = canonicalization.choose(logits, group=FOUR).elements[0]
        return target @ actions.act("vector", g, vector)

    def soft(logits):
        return target @ jnp.einsum("g,gij,j->i", jax.nn.softmax(logits), elements, vector)

    logits = jnp.array([0.1, 0.5, -0.3, 0.2])
    found, expected = jax.grad(hard)(logits), jax.grad(soft)(logits)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(expected).max() > 1e-2


def test_near_ties_are_not_ties_without_a_key():
    logits = jnp.array([10 - 1e-5, 10.0, 1.0, 2.0])
    chosen = canonicalization.choose(logits, group=FOUR).elements[0]
    np.testing.assert_allclose(chosen, FOUR.elements[1], atol=1e-6)


def test_ties_are_broken_at_random_with_a_key_and_by_order_without():
    logits = jnp.array([1.0, 0.0, 1.0, 0.0])
    draw = jax.jit(
        jax.vmap(lambda key: canonicalization.choose(logits, group=FOUR, key=key).elements[0])
    )
    elements = np.asarray(draw(jax.random.split(jax.random.key(0), 400)))
    is_first = (elements == FOUR.elements[0]).all((-2, -1))
    is_third = np.abs(elements - FOUR.elements[2]).max((-2, -1)) < 1e-6
    assert (is_first | is_third).all()
    assert abs(is_first.mean() - 0.5) < 5 * 0.5 / 20
    np.testing.assert_array_equal(
        canonicalization.choose(logits, group=FOUR).elements[0], np.eye(2)
    )


def test_the_loss_of_agreeing_features_is_stored():
    module = canonicalization.OptimizationCanonicalizer(Flat(5), FOUR)
    params = module.init(jax.random.key(0), IMAGES)
    symmetric = np.ones_like(IMAGES)
    _, state = module.apply(
        {"params": params["params"]}, np.concatenate([IMAGES, symmetric]), mutable="intermediates"
    )
    loss = np.asarray(state["intermediates"]["orthogonality_loss"][0])
    np.testing.assert_allclose(loss[2:], 1, rtol=1e-5)
    assert (loss[:2] < 0.99).all()


def test_exponentials_are_in_the_group_with_their_inverses():
    module = canonicalization.LieCanonicalizer(Flat(6), groups.SE(3))
    frame, _ = jax.jit(module.init_with_output)(jax.random.key(0), IMAGES)
    assert groups.SE(3).contains(frame.elements[0]).all()
    product = np.matmul(frame.elements, frame.inverses)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(4), product.shape), atol=1e-5)


def test_errors_name_what_fits():
    with pytest.raises(ValueError, match=r"SO\(d\), O\(d\)"):
        canonicalization.VectorCanonicalizer(Vectors(), groups.C(4))
    with pytest.raises(ValueError, match=r"O\(3\) has reflections, which take 3 .*2, 3, 2\]"):
        canonicalization.VectorCanonicalizer(Vectors(2), groups.O(3)).init(
            jax.random.key(0), np.ones((2, 4, 3), np.float32)
        )
    with pytest.raises(ValueError, match="finite group"):
        canonicalization.FiniteCanonicalizer(Flat(), groups.SO(2))
    with pytest.raises(ValueError, match="Lie algebra"):
        canonicalization.LieCanonicalizer(Flat(), groups.C(4))
    with pytest.raises(ValueError, match="scores of the 4 elements"):
        canonicalization.FiniteCanonicalizer(Count(3), FOUR).init(jax.random.key(0), IMAGES[..., 0])
