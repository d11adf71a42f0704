import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from symjax_models.data import synthetic

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def draw(task, count=20, *, seed=1):
    return synthetic.get_task(task).draw(np.random.default_rng(seed), count)


def rotate_inputs(inputs, matrix, *, num_scalars):
    """Return the inputs with a matrix acting on every vector, and the scalars left alone."""
    n = len(matrix)
    vectors = inputs[:, num_scalars:].reshape(len(inputs), -1, n) @ matrix.T
    return np.concatenate([inputs[:, :num_scalars], vectors.reshape(len(inputs), -1)], axis=1)


def orthogonal(n, *, seed):
    """Return an orthogonal matrix, improper for odd seeds."""
    matrix = scipy.stats.ortho_group.rvs(n, random_state=seed)
    matrix[0] *= np.linalg.det(matrix) * (-1) ** seed
    return matrix


def lorentz_element(*, seed):
    """Return a rotation and a boost of bounded rapidity, times a reflection of time or space."""
    rng = np.random.default_rng(seed)
    algebra = np.zeros((4, 4))
    algebra[0, 1:] = algebra[1:, 0] = rng.uniform(-0.5, 0.5, 3)
    turn = rng.normal(size=(3, 3))
    algebra[1:, 1:] = turn - turn.T
    time, space = rng.permutation([1.0, -1.0])
    return np.diag([time, space, 1.0, 1.0]) @ scipy.linalg.expm(algebra)


def relative_error(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


def test_o5_label_by_hand():
    x1, x2 = [3.0, 0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0, 0.0]
    expected = np.sin(5.0) - 0.5 * 8.0 + 8.0 / 10.0
    np.testing.assert_allclose(synthetic.o5_label(np.array([x1 + x2])), [[expected]], rtol=1e-15)


@pytest.mark.parametrize("seed", [0, 1])
def test_o5_label_is_invariant(seed):
    inputs = draw("o5")
    label = synthetic.o5_label(inputs)
    moved = rotate_inputs(inputs, orthogonal(5, seed=seed), num_scalars=0)
    assert relative_error(synthetic.o5_label(moved), label) < 1e-13
    shear = np.eye(5) + 0.1 * np.eye(5, k=1)
    control = rotate_inputs(inputs, shear, num_scalars=0)
    assert relative_error(synthetic.o5_label(control), label) > 1e-2


def test_inertia_label_is_the_sum_over_points():
    inputs = draw("inertia", 3)
    for row, label in zip(inputs, synthetic.inertia_label(inputs), strict=True):
        expected = np.zeros((3, 3))
        for k in range(5):
            x, y, z = row[5 + 3 * k : 8 + 3 * k]
            expected += row[k] * np.array(
                [
                    [y * y + z * z, -x * y, -x * z],
                    [-x * y, x * x + z * z, -y * z],
                    [-x * z, -y * z, x * x + y * y],
                ]
            )
        np.testing.assert_allclose(label.reshape(3, 3), expected, rtol=1e-13, atol=1e-14)


def test_modified_inertia_counts_the_last_column_more():
    inputs = draw("inertia", 3)
    expected = synthetic.inertia_label(inputs) * np.tile([1.0, 1.0, 1.3], 3)
    np.testing.assert_allclose(synthetic.modified_inertia_label(inputs), expected, rtol=1e-14)


def equivariance_error(label, matrix):
    inputs = draw("inertia")
    moved = label(rotate_inputs(inputs, matrix, num_scalars=5)).reshape(-1, 3, 3)
    return relative_error(moved, matrix @ label(inputs).reshape(-1, 3, 3) @ matrix.T)


@pytest.mark.parametrize("seed", [0, 1])
def test_inertia_is_equivariant_and_its_modification_only_about_the_axis(seed):
    any_element = orthogonal(3, seed=seed)
    about_the_axis = scipy.linalg.block_diag(orthogonal(2, seed=seed), (-1.0) ** seed)
    assert equivariance_error(synthetic.inertia_label, any_element) < 1e-13
    assert equivariance_error(synthetic.modified_inertia_label, about_the_axis) < 1e-13
    assert equivariance_error(synthetic.modified_inertia_label, any_element) > 1e-2


def contract_tensors(inputs, *, symmetric):
    """Return 4 L_mn M^mn from the tensors of the electron (p1, p3) and of the muon (p2, p4)."""

    def tensor(p, q):
        trace_part = np.einsum("ma,ab,mb->m", p, METRIC, q - p)
        outer = np.einsum("ma,mb->mab", p, q)
        if symmetric:
            outer = outer + outer.swapaxes(1, 2)
        return outer - trace_part[:, None, None] * METRIC  # upper indices, as p and q

    p1, p2, p3, p4 = inputs.reshape(-1, 4, 4).swapaxes(0, 1)
    lowered = METRIC @ tensor(p1, p3) @ METRIC
    return 4.0 * np.einsum("mab,mab->m", lowered, tensor(p2, p4))[:, None]


def test_lorentz_label_is_the_contraction_of_the_tensors():
    inputs = draw("lorentz", 1000)
    label = synthetic.lorentz_label(inputs)
    np.testing.assert_allclose(contract_tensors(inputs, symmetric=False), label, atol=1e-12, rtol=0)
    # The textbooks' symmetric tensors are another function, as the label's docstring says.
    assert np.abs(contract_tensors(inputs, symmetric=True) - label).max() > 0.1


@pytest.mark.parametrize("seed", range(4))
def test_lorentz_label_is_invariant(seed):
    inputs = draw("lorentz")
    label = synthetic.lorentz_label(inputs)
    element = lorentz_element(seed=seed)
    np.testing.assert_allclose(element.T @ METRIC @ element, METRIC, atol=1e-13)
    moved = rotate_inputs(inputs, element, num_scalars=0)
    assert relative_error(synthetic.lorentz_label(moved), label) < 1e-12
    control = rotate_inputs(inputs, orthogonal(4, seed=seed), num_scalars=0)
    assert relative_error(synthetic.lorentz_label(control), label) > 1e-2
