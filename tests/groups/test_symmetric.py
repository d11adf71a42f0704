"""S(n): uniform law and the generators' closure."""

import math

import jax
import numpy as np

from symjax_models import groups


def test_sample_is_uniform_over_all_permutations():
    draws = 6000
    elements = np.asarray(groups.S(3).sample(jax.random.key(0), (draws,)))
    _, counts = np.unique(elements.reshape(draws, -1), axis=0, return_counts=True)
    assert len(counts) == 6
    # Chi-squared with 5 degrees of freedom exceeds 25 with probability 1.4e-4.
    assert np.square(counts - draws / 6).sum() / (draws / 6) < 25.0


def test_moments_are_those_of_permutations():
    n, draws = 4, 4096
    g = np.asarray(groups.S(n).sample(jax.random.key(0), (draws,)), np.float64)
    moment = np.einsum("bij,bkl->ijkl", g, g) / draws
    same = np.eye(n, dtype=bool)
    rows, columns = same[:, None, :, None], same[None, :, None, :]
    exact = np.where(rows & columns, 1 / n, np.where(rows | columns, 0.0, 1 / (n * (n - 1))))
    assert np.abs(moment - exact).max() < 4.0 / np.sqrt(draws)


def test_generators_generate_the_whole_group():
    for n in (1, 2, 3, 4):
        found = {tuple(range(n))}
        frontier = list(found)
        while frontier:
            order = frontier.pop()
            for g in groups.S(n).discrete_generators:
                product = tuple((g @ np.array(order)).astype(int))
                if product not in found:
                    found.add(product)
                    frontier.append(product)
        assert len(found) == math.factorial(n)


def test_membership_refuses_matrices_of_zeros_and_ones_that_do_not_permute():
    assert not groups.S(2).contains([[1.0, 1.0], [0.0, 0.0]])
    assert not groups.S(2).contains([[1.0, 0.0], [1.0, 0.0]])
