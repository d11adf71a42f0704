import dataclasses

import pytest

from symjax_models.data import nbody


def test_unknown_protocol_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown n-body protocol 'egn_smal'.*'egnn_small'"):
        nbody.get_protocol("egn_smal")
    with pytest.raises(ValueError, match="did you mean 'springs'"):
        nbody.load("spring")


@pytest.mark.parametrize("name", nbody.PROTOCOLS)
def test_registered_protocol_is_complete(name):
    protocol = nbody.get_protocol(name)
    assert protocol.name == name
    assert "arXiv" in protocol.source
    assert protocol.notes
    assert hash(protocol) == hash(dataclasses.replace(protocol))
    numbers = zip(protocol.simulated, protocol.system.num_drawn, strict=True)
    assert all(used <= drawn for used, drawn in numbers)


def test_out_dist_uses_the_simulations_of_small():
    small, other = nbody.get_protocol("egnn_small"), nbody.get_protocol("egnn_out_dist")
    assert (small.system, small.simulated) == (other.system, other.simulated)
    assert (other.input_frame, other.target_frame) == (20, 30)


def test_reduced_keeps_what_is_not_asked_for():
    small = nbody.get_protocol("egnn_small")
    protocol = nbody.reduced(small, num_train=7)
    assert protocol.simulated == (7, 2000, 2000)
    assert protocol.system == small.system
    assert nbody.reduced(small, num_train=3000) is small
    twice = nbody.reduced(protocol, num_test=5)
    assert twice.name == "egnn_small_reduced_7_2000_5"


def test_reduced_large_keeps_the_held_out_simulations_of_small():
    large = nbody.get_protocol("egnn_large")
    sweep = nbody.reduced(large, num_train=100)
    assert sweep.simulated == (100, 0, 0)
    assert sweep.held_out == nbody.get_protocol("egnn_small")
    smoke = nbody.reduced(large, num_train=4, num_valid=3, num_test=2)
    assert smoke.held_out.simulated == (0, 3, 2)


@pytest.mark.parametrize("number", [0, 2001, -1])
def test_reduced_refuses_impossible_numbers(number):
    with pytest.raises(ValueError, match=f"num_valid between 1 and 2000, got {number}"):
        nbody.reduced(nbody.get_protocol("egnn_small"), num_valid=number)


@pytest.mark.parametrize("frames", [(40, 30), (30, 49), (-1, 5)])
def test_protocol_refuses_frames_that_do_not_exist(frames):
    small = nbody.get_protocol("egnn_small")
    with pytest.raises(ValueError, match="input_frame < target_frame < 49"):
        dataclasses.replace(small, input_frame=frames[0], target_frame=frames[1])
