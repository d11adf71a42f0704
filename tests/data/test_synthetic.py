import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from symjax_models.data import synthetic

SPLITS = ("train", "valid", "test")
SHAPES = {"o5": (10, 1), "inertia": (20, 9), "modified_inertia": (20, 9), "lorentz": (16, 1)}
# General-groups reference, Monte Carlo; its sample size is not stated and taken to be ours.
REFERENCE_FLOORS = {
    "o5": 38.29,
    "inertia": 10.99,
    "modified_inertia": 13.53,
    "lorentz": 0.7306,
}
REFERENCE_EQUIVARIANT_FLOOR = 0.6518
FLOOR_SAMPLES = 1_000_000


def make(task, *, num_train=6, num_valid=5, num_test=4, seed=0):
    return synthetic.make_dataset(
        task, num_train=num_train, num_valid=num_valid, num_test=num_test, seed=seed
    )


def draw(task, count=20, *, seed=1):
    return synthetic.get_task(task).draw(np.random.default_rng(seed), count)


@pytest.mark.parametrize("task", synthetic.TASKS)
def test_registered_task_is_complete(task):
    stated = synthetic.get_task(task)
    assert (stated.name, stated.num_inputs) == (task, SHAPES[task][0])
    assert "arXiv" in stated.source
    assert stated.notes


@pytest.mark.parametrize("task", SHAPES)
def test_splits_have_the_stated_layout(task):
    data = make(task)
    for split, size in zip(SPLITS, (6, 5, 4), strict=True):
        part = getattr(data, split)
        assert len(part) == size
        assert part.inputs.shape == (size, SHAPES[task][0])
        assert part.targets.shape == (size, SHAPES[task][1])
        for array in (part.inputs, part.targets):
            assert array.dtype == np.float32
            assert np.isfinite(array).all()
            assert not array.flags.writeable


@pytest.mark.parametrize("task", SHAPES)
def test_targets_are_the_labels_of_the_stored_inputs(task):
    part = make(task).train
    labels = synthetic.get_task(task).label(part.inputs.astype(np.float64))
    np.testing.assert_array_equal(part.targets, labels.astype(np.float32))


@pytest.mark.parametrize("task", SHAPES)
def test_data_depend_on_task_and_seed_only(task):
    first, again, other = make(task), make(task), make(task, seed=1)
    for split in SPLITS:
        inputs = getattr(first, split).inputs
        np.testing.assert_array_equal(inputs, getattr(again, split).inputs)
        np.testing.assert_array_equal(getattr(first, split).targets, getattr(again, split).targets)
        assert not np.isin(inputs, getattr(other, split).inputs).any()


@pytest.mark.parametrize("task", SHAPES)
def test_sizes_do_not_change_other_splits_and_smaller_is_a_prefix(task):
    small = make(task)
    for size in ("num_train", "num_valid", "num_test"):
        large = make(task, **{size: 50})
        for split in SPLITS:
            kept = getattr(small, split)
            count = len(kept)
            np.testing.assert_array_equal(getattr(large, split).inputs[:count], kept.inputs)
            np.testing.assert_array_equal(getattr(large, split).targets[:count], kept.targets)
    assert len(make(task, num_train=50).train) == 50


@pytest.mark.parametrize("task", SHAPES)
def test_splits_and_tasks_share_no_numbers(task):
    data = make(task)
    others = [make(other) for other in SHAPES if other != task]
    for split, elsewhere in (("train", "valid"), ("valid", "test"), ("test", "train")):
        inputs = getattr(data, split).inputs
        assert not np.isin(inputs, getattr(data, elsewhere).inputs).any()
        assert not any(np.isin(inputs, getattr(other, split).inputs).any() for other in others)


def test_inputs_follow_their_laws():
    count, z = 20_000, 5.0  # in standard errors
    for task, std, first in (("o5", 1.0, 0), ("inertia", 1.0, 5), ("lorentz", 0.25, 0)):
        normal = draw(task, count)[:, first:].ravel() / std
        assert abs(normal.mean()) < z / np.sqrt(normal.size)
        assert abs(np.square(normal).mean() - 1.0) < z * np.sqrt(2.0 / normal.size)
    # softplus(t) <= s has the probability of t <= log(e^s - 1).
    masses = draw("inertia", count)[:, :5].ravel()
    assert masses.min() > 0.0
    normal = scipy.stats.norm.cdf(np.log(np.expm1(masses)))
    assert scipy.stats.kstest(normal, "uniform").pvalue > 1e-3


def test_unknown_task_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown synthetic task 'inertai'.*'inertia'"):
        make("inertai")
    with pytest.raises(ValueError, match="did you mean 'lorentz'"):
        synthetic.constant_floor("lorenz")
    with pytest.raises(ValueError, match="did you mean 'o5'"):
        synthetic.make_normalization("o6", make("o5").train)


@pytest.mark.parametrize("size", ["num_train", "num_valid", "num_test"])
def test_empty_split_is_refused(size):
    with pytest.raises(ValueError, match=f"expected {size} of at least 1, got 0"):
        make("o5", **{size: 0})


def exact_second_moments():
    """Return E |I|^2 and |E I|^2, per entry, from the moments of softplus(N(0, 1))."""

    def moment(power):
        def integrand(t):
            return np.logaddexp(0.0, t) ** power * scipy.stats.norm.pdf(t)

        return scipy.integrate.quad(integrand, -12.0, 12.0, epsabs=1e-12)[0]

    # One unit mass: E I = 2, E |I|^2 = 2 E |r|^4 = 30. Five masses, 20 ordered pairs.
    mean, square = moment(1), moment(2)
    return (5 * 30.0 * square + 20 * 12.0 * mean**2) / 9, 25 * 12.0 * mean**2 / 9


def exact_o5_floor():
    def mean(function):
        def integrand(r):
            return function(r) * scipy.stats.chi.pdf(r, 5)

        return scipy.integrate.quad(integrand, 0.0, 40.0, epsabs=1e-12)[0]

    sine = mean(lambda r: np.sin(r) ** 2) - mean(np.sin) ** 2
    cube = mean(lambda r: r**6) - mean(lambda r: r**3) ** 2
    return sine + cube / 4 + 1 / 5  # a cosine in five dimensions has variance 1/5


def exact_floor(task):
    raw, mean = exact_second_moments()
    return {
        "o5": exact_o5_floor(),
        "inertia": raw - mean,
        # Columns of I have equal moments: the last counts 1.69 times, the others once.
        "modified_inertia": (raw - mean) * (2 + 1.69) / 3,
        "lorentz": 47 / 64,  # Wick's theorem for the six products of products
    }[task]


def standard_error(squared_errors):
    """Return the error of a mean over `FLOOR_SAMPLES`, from the scatter of fewer samples."""
    return squared_errors.mean(axis=1).std() / np.sqrt(FLOOR_SAMPLES)


@pytest.mark.parametrize("task", SHAPES)
def test_constant_floor_is_the_exact_one_and_the_reference_s(task):
    targets = make(task, num_test=200_000).test.targets.astype(np.float64)
    error = standard_error(np.square(targets - targets.mean(axis=0)))
    floor = synthetic.constant_floor(task)
    assert error < 0.01 * floor
    assert abs(floor - exact_floor(task)) < 4 * error
    assert abs(floor - REFERENCE_FLOORS[task]) < 4 * np.sqrt(2) * error


def test_constant_floor_is_computed_once():
    floor = synthetic.constant_floor("lorentz")
    before = synthetic.constant_floor.cache_info()
    assert synthetic.constant_floor("lorentz") == floor
    after = synthetic.constant_floor.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


def test_best_equivariant_predictor_of_modified_inertia():
    inputs = draw("modified_inertia", FLOOR_SAMPLES // 4)
    inertia, label = synthetic.inertia_label(inputs), synthetic.modified_inertia_label(inputs)
    squared = {factor: np.square(label - factor * inertia) for factor in (1.0, 1.1, 1.2)}
    score = {factor: errors.mean() for factor, errors in squared.items()}
    error = standard_error(squared[1.1])
    assert abs(score[1.1] - 0.02 * exact_second_moments()[0]) < 4 * 2 * error
    assert abs(score[1.1] - REFERENCE_EQUIVARIANT_FLOOR) < 4 * np.sqrt(5) * error
    assert score[1.1] < min(score[1.0], score[1.2])


@pytest.mark.parametrize("task", SHAPES)
def test_normalization_is_computed_from_the_given_split(task):
    part = make(task, num_train=100).train
    constants = synthetic.make_normalization(task, part)
    scalars = synthetic.get_task(task).num_scalars
    vectors = part.inputs[:, scalars:] / constants.input_scale[scalars:]
    assert constants.input_scale.dtype == np.float32
    np.testing.assert_allclose(np.square(vectors).mean(), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(constants.input_scale[:scalars], 1.0)
    if task in ("o5", "lorentz"):
        standard = (part.targets - constants.target_mean) / constants.target_scale
        np.testing.assert_allclose([standard.mean(), standard.std()], [0.0, 1.0], atol=1e-5)
    else:
        assert (constants.target_mean, constants.target_scale) == (0.0, 1.0)


@pytest.mark.parametrize("task", SHAPES)
def test_normalization_commutes_with_every_linear_map_of_vectors(task):
    part, n = make(task, num_train=100).train, {"o5": 5, "lorentz": 4}.get(task, 3)
    matrix = np.random.default_rng(0).normal(size=(n, n))
    scalars = synthetic.get_task(task).num_scalars

    def commutator(scale):
        inputs, scale = part.inputs[:, scalars:].reshape(-1, n), scale[scalars:].reshape(-1, n)
        inputs, scale = inputs.astype(np.float64), np.tile(scale, (len(part), 1))
        difference = (inputs / scale) @ matrix.T - (inputs @ matrix.T) / scale
        return np.abs(difference).max()

    assert commutator(synthetic.make_normalization(task, part).input_scale) < 1e-13
    # One scale per component, as for data without a symmetry, does not commute.
    assert commutator(np.sqrt(np.square(part.inputs).mean(axis=0))) > 1e-2


def test_normalization_refuses_what_it_cannot_use():
    with pytest.raises(ValueError, match="lorentz: expected inputs of 16 numbers, got 10"):
        synthetic.make_normalization("lorentz", make("o5").train)
    with pytest.raises(ValueError, match="o5: expected targets that differ, got 1 equal"):
        synthetic.make_normalization("o5", make("o5", num_train=1).train)
