"""Orbital energies, and errors of Hamiltonians, against what is known exactly."""

import numpy as np
import pytest

from symjax_models.data import orbital_energies

RNG = np.random.default_rng(0)
MIXING = RNG.normal(size=(3, 6, 6))
OVERLAPS = MIXING @ MIXING.swapaxes(1, 2) + np.eye(6)
ENERGIES = np.cumsum(0.1 + RNG.random(size=(3, 6)), axis=1)


def make_hamiltonians(energies):
    """Return H with given energies, and its coefficients: with S = L L^T, C = L^-T U."""
    lower = np.linalg.cholesky(OVERLAPS)
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 6, 6)))
    coefficients = np.linalg.solve(lower.swapaxes(1, 2), rotation)
    sc = OVERLAPS @ coefficients
    return (sc * energies[:, None, :]) @ sc.swapaxes(1, 2), coefficients


def test_energies_and_coefficients_are_found():
    h, expected = make_hamiltonians(ENERGIES)
    energies, coefficients = orbital_energies.solve_orbitals(h, OVERLAPS)
    np.testing.assert_allclose(energies, ENERGIES, atol=1e-12)
    signs = np.sign(np.sum(coefficients * expected, axis=1))[:, None, :]
    np.testing.assert_allclose(coefficients * signs, expected, atol=1e-11)


def test_exact_predictions_have_no_errors_whatever_the_signs():
    h, _ = make_hamiltonians(ENERGIES)
    errors = orbital_energies.compare_hamiltonians(h, h, OVERLAPS, num_occupied=4)
    assert not errors.hamiltonian.any() and not errors.energy.any()
    np.testing.assert_allclose(errors.similarity, 1, atol=1e-14)
    # Other signs of the basis functions: other entries, the same energies, S changed alike.
    flips = np.diag([1.0, -1, 1, -1, -1, 1])
    flipped = orbital_energies.solve_orbitals(flips @ h @ flips, flips @ OVERLAPS @ flips)
    np.testing.assert_allclose(flipped[0], ENERGIES, atol=1e-12)


def test_errors_of_energies_are_those_of_occupied_orbitals():
    h, _ = make_hamiltonians(ENERGIES)
    shifts = np.array([0.01, 0.02, 0.0, 0.0, 5.0, 7.0])  # keeps the order
    moved, _ = make_hamiltonians(ENERGIES + shifts * np.array([[1.0], [2.0], [0.0]]))
    errors = orbital_energies.compare_hamiltonians(moved, h, OVERLAPS, num_occupied=2)
    np.testing.assert_allclose(errors.energy, [0.015, 0.03, 0.0], atol=1e-12)
    np.testing.assert_allclose(errors.similarity, 1, atol=1e-12)
    np.testing.assert_allclose(errors.hamiltonian, np.abs(moved - h).mean(axis=(1, 2)))


def test_similarity_is_the_plain_cosine():
    # Two levels with S = 1: a small mixing by the angle t.
    t = 0.3
    turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    h = np.diag([1.0, 2.0])
    errors = orbital_energies.compare_hamiltonians(
        (turn @ h @ turn.T)[None], h[None], np.eye(2)[None], num_occupied=2
    )
    np.testing.assert_allclose(errors.similarity, np.cos(t), atol=1e-14)
    np.testing.assert_allclose(errors.energy, 0, atol=1e-14)


def test_equal_energies_change_no_error_of_energies():
    degenerate = np.array([[0.0, 1.0, 1.0, 2.0, 3.0, 4.0]] * 3)
    h, _ = make_hamiltonians(degenerate)
    noise = 1e-9 * np.random.default_rng(2).normal(size=h.shape)
    errors = orbital_energies.compare_hamiltonians(
        h + noise + noise.swapaxes(1, 2), h, OVERLAPS, num_occupied=3
    )
    assert errors.energy.max() < 1e-7
    # The orbitals of the equal energies mix at will: cosines say so, and stay between 0 and 1.
    assert np.all((errors.similarity > 1 / 3) & (errors.similarity <= 1))


def test_what_does_not_fit_is_refused():
    h, _ = make_hamiltonians(ENERGIES)
    with pytest.raises(ValueError, match="1..6 occupied orbitals, got 7"):
        orbital_energies.compare_hamiltonians(h, h, OVERLAPS, num_occupied=7)
    with pytest.raises(ValueError, match=r"predictions of shape \(3, 6, 6\), got \(2, 6, 6\)"):
        orbital_energies.compare_hamiltonians(h[:2], h, OVERLAPS, num_occupied=2)
    with pytest.raises(ValueError, match=r"expected matrices \[F, B, B\]"):
        orbital_energies.solve_orbitals(h[0], OVERLAPS[0])
    with pytest.raises(ValueError, match="the overlap of frame 1 is not positive"):
        orbital_energies.solve_orbitals(h, OVERLAPS * np.array([1, -1, 1])[:, None, None])
