"""Data sets that several tests read, made once per test process."""

import pytest

from symjax_models.data import nbody


@pytest.fixture(scope="session")
def nbody_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("nbody")


@pytest.fixture(scope="session")
def first_simulations(nbody_cache):
    """Return `egnn_small` with one simulation per split."""
    protocol = nbody.reduced(nbody.get_protocol("egnn_small"), num_train=1, num_valid=1, num_test=1)
    return nbody.load(protocol, cache_dir=nbody_cache, report=lambda line: None)
