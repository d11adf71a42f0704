import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

from symjax_models.data import population_statistics as population

DIMENSIONS = {"rotation": 2, "correlation": 32, "rank1": 32, "random": 32}


def make(task, *, num_sets=4, set_size=6, seed=0):
    return population.make_population(task, num_sets=num_sets, set_size=set_size, seed=seed)


def draw_laws(task, *, count=20, seed=0):
    rng = np.random.default_rng(seed)
    return [population.get_task(task).draw_law(rng) for _ in range(count)]


def canonical_information(covariance):
    """Return the information between halves from the canonical correlations of the halves."""
    half = len(covariance) // 2
    lower = [np.linalg.cholesky(covariance[s, s]) for s in (np.s_[:half], np.s_[half:])]
    white = np.linalg.solve(lower[0], covariance[:half, half:])
    white = np.linalg.solve(lower[1], white.T)
    return -0.5 * np.log1p(-np.square(np.linalg.svd(white, compute_uv=False))).sum()


def log_determinant_information(covariance):
    half = len(covariance) // 2
    parts = covariance[:half, :half], covariance[half:, half:], covariance
    signs, logs = zip(*(np.linalg.slogdet(part) for part in parts), strict=True)
    assert signs == (1.0, 1.0, 1.0)
    return 0.5 * (logs[0] + logs[1] - logs[2])


def integrated_entropy(variance):
    """Return -integral p log p of a normal density, numerically."""
    scale = np.sqrt(variance)

    def integrand(x):
        return scipy.special.entr(scipy.stats.norm.pdf(x, scale=scale))

    reach = 12.0 * scale
    return scipy.integrate.quad(integrand, -reach, reach, epsabs=1e-12)[0]


@pytest.mark.parametrize("task", population.TASKS)
def test_registered_task_is_complete(task):
    stated = population.get_task(task)
    assert (stated.name, stated.dimension) == (task, DIMENSIONS[task])
    assert stated.notes


@pytest.mark.parametrize("task", DIMENSIONS)
def test_population_has_the_stated_layout(task):
    sets, targets = make(task)
    assert (sets.shape, targets.shape) == ((4, 6, DIMENSIONS[task]), (4,))
    for array in (sets, targets):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        assert not array.flags.writeable


def test_sets_have_512_points_unless_asked():
    assert population.make_population("rotation", num_sets=1, seed=0)[0].shape == (1, 512, 2)


@pytest.mark.parametrize("task", DIMENSIONS)
def test_population_depends_on_task_and_seed_only(task):
    sets, targets = make(task)
    again, other, larger = make(task), make(task, seed=1), make(task, num_sets=9)
    np.testing.assert_array_equal(sets, again[0])
    np.testing.assert_array_equal(targets, again[1])
    assert not np.isin(sets, other[0]).any()
    assert not np.isin(targets, other[1]).any()
    np.testing.assert_array_equal(larger[0][:4], sets)
    np.testing.assert_array_equal(larger[1][:4], targets)
    np.testing.assert_array_equal(make(task, set_size=11)[1], targets)


@pytest.mark.parametrize("task", DIMENSIONS)
def test_sets_differ_within_a_population(task):
    sets, targets = make(task)
    assert len(np.unique(targets)) == len(targets)
    assert len(np.unique(sets)) == sets.size


def test_unknown_task_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown population task 'rotate'.*'rotation'"):
        make("rotate")


@pytest.mark.parametrize("argument", ["num_sets", "set_size"])
def test_empty_population_is_refused(argument):
    with pytest.raises(ValueError, match=f"expected {argument} of at least 1, got 0"):
        make("rank1", **{argument: 0})


@pytest.mark.parametrize("task", DIMENSIONS)
def test_covariances_are_symmetric_and_well_conditioned(task):
    for covariance, _ in draw_laws(task):
        np.testing.assert_allclose(covariance, covariance.T, rtol=1e-12, atol=1e-15)
        values = np.linalg.eigvalsh(covariance)
        assert values[0] > 1e-5 * values[-1]


@pytest.mark.parametrize("task", ["correlation", "rank1", "random"])
def test_information_is_that_of_log_determinants_and_canonical_correlations(task):
    for covariance, target in draw_laws(task):
        np.testing.assert_allclose(target, log_determinant_information(covariance), atol=1e-11)
        np.testing.assert_allclose(target, canonical_information(covariance), atol=1e-11)
        assert target > 0.0


def test_entropy_is_that_of_the_density():
    for covariance, target in draw_laws("rotation", count=5):
        variance = covariance[0, 0]
        np.testing.assert_allclose(target, integrated_entropy(variance), atol=1e-10)
        # The published label, with the variance squared, is another number.
        assert abs(0.5 * np.log(2 * np.pi * np.e * variance**2) - target) > 1e-3


def test_what_sets_share_is_not_drawn_anew():
    for name in ("_shared_plane_covariance", "_shared_block_covariance", "_shared_direction"):
        shared = getattr(population, name)
        before = shared()
        shared.cache_clear()  # as in another process
        np.testing.assert_array_equal(shared(), before)


def test_rotation_turns_one_covariance():
    spectra = [np.linalg.eigvalsh(covariance) for covariance, _ in draw_laws("rotation")]
    np.testing.assert_allclose(spectra, np.tile(spectra[0], (20, 1)), rtol=1e-12)
    targets = [target for _, target in draw_laws("rotation", count=500)]
    # The variance of a coordinate goes from the least eigenvalue to the greatest.
    expected = [population.marginal_entropy(value) for value in spectra[0]]
    np.testing.assert_allclose([min(targets), max(targets)], expected, atol=1e-2)


def test_correlation_has_equal_blocks_and_the_stated_target():
    blocks = [covariance[:16, :16] for covariance, _ in draw_laws("correlation")]
    for (covariance, target), block in zip(draw_laws("correlation"), blocks, strict=True):
        ratio = covariance[:16, 16:] / block
        np.testing.assert_allclose(block, blocks[0], rtol=1e-15)
        np.testing.assert_allclose(covariance[16:, 16:], block, rtol=1e-15)
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-12)
        assert abs(ratio[0, 0]) < 0.99
        np.testing.assert_allclose(target, -8.0 * np.log(1.0 - ratio[0, 0] ** 2), rtol=1e-10)


def test_rank1_changes_one_fixed_direction():
    directions = []
    for covariance, _ in draw_laws("rank1"):
        values, vectors = np.linalg.eigh(covariance)
        np.testing.assert_allclose(values[:-1], 1.0, rtol=1e-12)
        assert 1.0 < values[-1] < 2.0
        directions.append(vectors[:, -1] * np.sign(vectors[0, -1]))
    np.testing.assert_allclose(directions, np.tile(directions[0], (20, 1)), atol=1e-10)


def draw_stored_laws(task, *, count, seed=0):
    """Return the laws of a population's sets, from the random stream it draws them from."""
    rng = np.random.default_rng([*task.encode(), 0, seed])
    return [population.get_task(task).draw_law(rng) for _ in range(count)]


def spectral_deviation(points, covariance):
    """Return by how much the points' variance is off, in the worst direction, relatively."""
    white = np.linalg.solve(np.linalg.cholesky(covariance), points.T)
    return np.abs(np.linalg.eigvalsh(white @ white.T / len(points)) - 1.0).max()


@pytest.mark.parametrize("task", DIMENSIONS)
def test_points_have_the_covariance_of_their_law(task):
    count = 40_000
    # Singular values of N standard normal points leave sqrt(N) +- (sqrt(d) + t) with a
    # probability below 2 exp(-t^2 / 2): Davidson and Szarek 2001. Here t = 4.
    bound = (1.0 + (np.sqrt(DIMENSIONS[task]) + 4.0) / np.sqrt(count)) ** 2 - 1.0
    sets, targets = make(task, num_sets=2, set_size=count)
    laws = draw_stored_laws(task, count=2)
    for index, (covariance, target) in enumerate(laws):
        assert targets[index] == np.float32(target)
        points = sets[index].astype(np.float64)
        assert spectral_deviation(points, covariance) < bound
        assert spectral_deviation(points, laws[1 - index][0]) > bound  # another set's law
