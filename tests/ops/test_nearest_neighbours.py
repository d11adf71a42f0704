"""Nearest neighbours against SciPy, ties, masks, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from symjax_models.ops.nearest_neighbours import gather_neighbours, map_edges, nearest_neighbours

POINTS = np.random.default_rng(0).normal(size=(2, 15, 3)).astype(np.float32)


def test_agrees_with_a_tree():
    found = jax.jit(nearest_neighbours, static_argnames="k")(POINTS, k=4)
    queries = np.random.default_rng(1).normal(size=(2, 6, 3)).astype(np.float32)
    of_queries = nearest_neighbours(POINTS, k=4, queries=queries)
    for cloud, here, there, asked in zip(POINTS, found, of_queries, queries, strict=True):
        tree = cKDTree(cloud)
        np.testing.assert_array_equal(here, tree.query(cloud, 4)[1])
        np.testing.assert_array_equal(there, tree.query(asked, 4)[1])


def test_digits_survive_far_from_the_origin():
    far = POINTS[0].astype(np.float64) + 1000.0
    with jax.enable_x64(True):
        exact = nearest_neighbours(far, k=3)
    rounded = far.astype(np.float32)
    np.testing.assert_array_equal(nearest_neighbours(rounded, k=3), exact)


def test_ties_go_to_the_smaller_index():
    square = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    found = nearest_neighbours(square, k=3).tolist()
    assert found == [[0, 1, 2], [1, 0, 3], [2, 0, 3], [3, 1, 2]]
    assert nearest_neighbours(np.zeros((4, 2), np.float32), k=2).tolist() == [[0, 1]] * 4


def test_padding_is_nobodys_neighbour():
    padded = np.concatenate([POINTS, np.zeros((2, 3, 3), np.float32)], axis=1)
    mask = np.broadcast_to(np.arange(18) < 15, (2, 18))
    found = nearest_neighbours(padded, k=4, mask=mask)[:, :15]
    np.testing.assert_array_equal(found, nearest_neighbours(POINTS, k=4))


def test_gather_takes_rows_of_the_own_cloud():
    indices = nearest_neighbours(POINTS, k=4)
    gathered = gather_neighbours(POINTS, indices)
    assert gathered.shape == (2, 15, 4, 3)
    np.testing.assert_array_equal(gathered[:, :, 0], POINTS)
    np.testing.assert_array_equal(gathered[1, 3, 2], POINTS[1, indices[1, 3, 2]])
    matrices = np.arange(2 * 15 * 6.0).reshape(2, 15, 3, 2)
    assert gather_neighbours(matrices, indices).shape == (2, 15, 4, 3, 2)


def test_a_point_is_not_its_own_neighbour_where_others_lie_in_its_place():
    twice = np.repeat(POINTS, 2, axis=1)
    found = np.asarray(nearest_neighbours(twice, k=3, exclude_self=True))
    own = np.arange(30)[:, None]
    np.testing.assert_array_equal(found[..., :1], np.broadcast_to(own ^ 1, (2, 30, 1)))
    assert (found != own).all()
    apart = nearest_neighbours(POINTS, k=14, exclude_self=True)
    np.testing.assert_array_equal(apart, nearest_neighbours(POINTS, k=15)[..., 1:])


def test_others_need_points_among_themselves():
    with pytest.raises(ValueError, match="without queries"):
        nearest_neighbours(POINTS, k=2, queries=POINTS, exclude_self=True)
    with pytest.raises(ValueError, match="needs k between 1 and 14, got 15"):
        nearest_neighbours(POINTS, k=15, exclude_self=True)


@pytest.mark.parametrize("k", [0, 16])
def test_impossible_k(k):
    with pytest.raises(ValueError, match=f"needs k between 1 and 15, got {k}"):
        nearest_neighbours(POINTS, k=k)


def test_edges_are_mapped_as_if_they_were_concatenated():
    rng = np.random.default_rng(3)
    x, kernel = rng.normal(size=(2, 7, 3, 4)), rng.normal(size=(8, 5))
    indices = rng.integers(7, size=(2, 7, 3))
    neighbours = np.stack([of_cloud[i] for of_cloud, i in zip(x, indices, strict=True)])
    centres = np.broadcast_to(x[:, :, None], neighbours.shape)
    expected = np.concatenate([neighbours - centres, centres], axis=-1) @ kernel
    with jax.enable_x64(True):
        mapped = map_edges(jnp.asarray(x), jnp.asarray(indices), kernel)
    np.testing.assert_allclose(mapped, expected, rtol=1e-12, atol=1e-12)
