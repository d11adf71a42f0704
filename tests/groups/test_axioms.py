"""Axioms that hold for every group: new families go into the catalogue of `conftest.py`."""

import copy
import math

import jax
import numpy as np
import pytest
import scipy.linalg

from symjax_models import groups

# Their equations are inequalities, or leave a multiple of the identity alone.
OPEN = (groups.GL, groups.GLPlus, groups.Scaling)


def dagger(matrix):
    return matrix.conj().swapaxes(-2, -1)


def test_elements_belong_to_the_group(group, draw):
    elements = draw(group)
    assert elements.shape[1:] == (group.n, group.n)
    assert elements.dtype == (np.complex128 if group.is_complex else np.float64)
    assert group.residual(elements).max() < 1e-12


def test_products_and_inverses_belong_to_the_group(group, draw):
    g, h = draw(group)[:64], draw(group)[64:128]
    assert group.contains(g @ h, tolerance=1e-11).all()
    assert group.contains(np.linalg.inv(g), tolerance=1e-11).all()
    assert group.contains(np.eye(group.n), tolerance=1e-12)


@pytest.mark.parametrize(
    "drawn",
    [
        groups.SU(2),
        groups.Sp(4),
        groups.IndefiniteO(2, 2),
        groups.SL(3),
    ],
    ids=repr,
)
def test_float32_elements_belong_to_the_group_as_do_products(drawn, sample):
    g = np.asarray(sample(drawn, jax.random.key(3), (64,), dtype=np.float32))
    assert drawn.residual(g).max() < 5e-6
    # Entries of a product are up to e^2, and those of the equations their squares.
    assert drawn.contains(g[:32] @ g[32:], tolerance=5e-5).all()


def test_matrices_off_the_group_are_refused(group, draw):
    element = draw(group)[0]
    if not isinstance(group, OPEN):
        assert not group.contains(element + 1e-3 * np.eye(group.n))
        assert not group.contains(2.0 * element)
    assert not group.contains(np.zeros((group.n, group.n)))
    assert not group.contains(np.full((group.n, group.n), np.nan))
    with pytest.raises(ValueError, match="has matrices of shape"):
        group.residual(np.eye(group.n + 1))
    if not group.is_complex:
        with pytest.raises(ValueError, match="has real matrices, got complex128"):
            group.residual(np.eye(group.n, dtype=complex))


def test_generators_generate_elements(group):
    algebra, discrete = group.lie_algebra, group.discrete_generators
    assert algebra.shape[1:] == discrete.shape[1:] == (group.n, group.n)
    assert algebra.dtype == discrete.dtype == (np.complex128 if group.is_complex else np.float64)
    parts = np.concatenate([algebra.real, algebra.imag], axis=-1)
    assert np.linalg.matrix_rank(parts.reshape(len(algebra), 2 * group.n**2)) == len(algebra)
    for a in algebra:
        assert group.contains(scipy.linalg.expm(0.7 * a), tolerance=1e-12)
        # Tangent: off the group at second order in the step only.
        assert group.residual(np.eye(group.n) + 1e-4 * a) < 1e-7
    assert group.contains(discrete, tolerance=1e-12).all()


def test_brackets_and_conjugates_stay_in_the_lie_algebra(lie_group, draw):
    algebra = lie_group.lie_algebra
    brackets = algebra[:, None] @ algebra - algebra @ algebra[:, None]
    g = np.concatenate([draw(lie_group)[:4], lie_group.discrete_generators])[:, None]
    images = np.concatenate([brackets, g @ algebra @ np.linalg.inv(g)])
    columns = np.concatenate([algebra.real, algebra.imag], axis=-1).reshape(len(algebra), -1).T
    targets = np.concatenate([images.real, images.imag], axis=-1).reshape(-1, len(columns)).T
    found = columns @ np.linalg.lstsq(columns, targets)[0]
    np.testing.assert_allclose(found, targets, atol=1e-11)


def test_logarithm_recovers_small_coordinates(lie_group):
    c = 0.4 * np.cos(np.arange(1.0, 1.0 + len(lie_group.lie_algebra)))
    g = scipy.linalg.expm(np.einsum("d,dij->ij", c, lie_group.lie_algebra))
    np.testing.assert_allclose(lie_group.log(g), c, atol=1e-9)


def test_logarithm_exists_on_the_connected_part_alone(lie_group, draw):
    for h in lie_group.discrete_generators:
        with pytest.raises(ValueError, match=r"element \(1,\), which exp\(log\(g\)\) misses by"):
            lie_group.log(np.stack([np.eye(lie_group.n), h]))
    is_connected = not len(lie_group.discrete_generators)
    if is_connected and lie_group.is_compact:
        g = draw(lie_group)[:16]
        combinations = np.einsum("bd,dij->bij", lie_group.log(g), lie_group.lie_algebra)
        np.testing.assert_allclose(scipy.linalg.expm(combinations), g, atol=1e-9)


def test_order_is_the_number_of_elements(group):
    if group.order > 20_000:
        with pytest.raises(ValueError, match=f"at most 20000 elements.*of order {group.order}"):
            _ = group.elements
        assert isinstance(group.order, int) or group.order == math.inf
        assert (group.order == math.inf) == bool(len(group.lie_algebra))
        return
    elements = group.elements
    assert isinstance(group.order, int) and elements.shape == (group.order, group.n, group.n)
    np.testing.assert_array_equal(elements[0], np.eye(group.n))
    assert group.contains(elements, tolerance=1e-9).all()
    assert len({np.round(g, 6).tobytes() for g in elements + 0.0}) == group.order
    with pytest.raises(ValueError, match="read-only"):
        elements[...] = 0.0


def test_orthogonal_and_compact_are_what_samples_show(group, draw):
    g = draw(group)[:64]
    is_orthogonal = np.abs(dagger(g) @ g - np.eye(group.n)).max() < 1e-10
    assert group.is_orthogonal == is_orthogonal == group.is_compact


def test_mean_is_the_projection_on_fixed_vectors(compact_group, draw):
    group = compact_group
    rows = [group.lie_algebra.reshape(-1, group.n)]
    rows += [(group.discrete_generators - np.eye(group.n)).reshape(-1, group.n)]
    fixed = scipy.linalg.null_space(np.concatenate([*rows, np.zeros((1, group.n))]))
    elements = draw(group)
    # Entries of g are at most 1, so each mean has a standard error below 1 / sqrt(draws).
    bound = 4.0 / np.sqrt(len(elements))
    assert np.abs(elements.mean(0) - fixed @ dagger(fixed)).max() < bound


def second_moment(elements):
    size = elements.shape[-1] ** 2
    moment = np.einsum("bij,bkl->ikjl", elements, elements.conj(), optimize=True)
    return moment.reshape(size, size) / len(elements)


def invariant_projection(group):
    # The Haar mean of g (x) conj(g) projects on the tensors that the group leaves alone. Those are
    # found here from the generators, which sampling does not use.
    one = np.eye(group.n)
    rows = [np.zeros((1, group.n**2))]
    rows += [np.kron(a, one) + np.kron(one, a.conj()) for a in group.lie_algebra]
    rows += [np.kron(g, g.conj()) - np.eye(group.n**2) for g in group.discrete_generators]
    kernel = scipy.linalg.null_space(np.concatenate(rows))
    return kernel @ dagger(kernel)


def test_second_moment_is_the_projection_on_what_generators_fix(compact_group, draw):
    elements = draw(compact_group)
    deviation = second_moment(elements) - invariant_projection(compact_group)
    assert np.abs(deviation).max() < 4.0 / np.sqrt(len(elements))


@pytest.mark.parametrize(
    "haar", [groups.SO(4), groups.U(2), groups.S(5), groups.Icosahedral()], ids=repr
)
def test_control_a_draw_that_prefers_the_identity_has_other_moments(haar, draw):
    elements = draw(haar)
    size = np.abs(np.trace(elements, axis1=-2, axis2=-1))
    preferred = elements[size > np.quantile(size, 0.75)]
    deviation = second_moment(preferred) - invariant_projection(haar)
    assert np.abs(deviation).max() > 5.0 / np.sqrt(len(preferred))


def test_values_are_hashable_equal_and_readable(group):
    same = copy.deepcopy(group)
    assert same == group and hash(same) == hash(group) and same is not group
    assert same.lie_algebra is group.lie_algebra
    assert same.discrete_generators is group.discrete_generators
    if not isinstance(group, groups.MatrixGroup):
        assert eval(repr(group), vars(groups)) == group
    with pytest.raises(ValueError, match="read-only"):
        group.lie_algebra[...] = 0.0


def test_groups_of_the_catalogue_differ():
    sizes = [groups.O(2), groups.SO(2), groups.O(3), groups.Z(2), groups.C(2), groups.S(2)]
    assert len({*sizes, *map(copy.deepcopy, sizes)}) == len(sizes)


@pytest.mark.parametrize("drawn", [groups.SO(3), groups.T(3), groups.U(1)], ids=repr)
def test_sample_depends_on_key_shape_and_dtype_alone(drawn, sample):
    key, shape = jax.random.key(1), (2, 3)
    elements = sample(drawn, key, shape, dtype=np.float32)
    assert elements.shape == (*shape, drawn.n, drawn.n)
    assert elements.dtype == (np.complex64 if drawn.is_complex else np.float32)
    assert drawn.residual(elements).max() < 2e-6
    np.testing.assert_array_equal(elements, sample(drawn, key, shape, dtype=np.float32))
    assert not np.array_equal(elements, sample(drawn, jax.random.key(2), shape, dtype=np.float32))
    with jax.enable_x64(True):
        np.testing.assert_array_equal(elements, sample(drawn, key, shape, dtype=np.float32))


def test_sample_in_jit_is_sample(sample):
    key = jax.random.key(1)
    single = groups.O(3).sample(key)
    assert single.shape == (3, 3) and single.dtype == np.float32
    np.testing.assert_allclose(single, sample(groups.O(3), key, ()), atol=1e-6)
    half = sample(groups.O(3), key, (), dtype="bfloat16")
    assert half.dtype == "bfloat16"
    np.testing.assert_allclose(single, half.astype("float32"), atol=1e-2)
