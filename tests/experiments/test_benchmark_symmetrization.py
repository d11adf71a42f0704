"""The benchmark of symmetrization, small; equiadapt itself in a slow test, if installed."""

import dataclasses
import importlib.util
import types

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import (
    rounds,
    symmetrization_agreement,
    symmetrization_cost,
    symmetrization_digits,
    symmetrization_programs,
    symmetrization_wrapper,
    table,
)

TINY = symmetrization_wrapper.Case(batch_size=2, num_points=8, width=4)
DIGITS = symmetrization_digits.Case("optimization_prior", batch_size=4, preset="smoke")
QUICKLY = {"num_rounds": 2, "seconds": 1e-3}


@pytest.fixture(scope="module")
def digits():
    return symmetrization_digits.make_setting(DIGITS)


@pytest.fixture(scope="module")
def answers(digits):
    return symmetrization_digits.answer(digits)


def side(name, answers, *, label=""):
    candidate = rounds.Candidate(lambda: None, 1)
    timed = {name: {label: candidate} for name in symmetrization_digits.QUANTITIES}
    return symmetrization_digits.Side(name, answers, timed, 7)


@pytest.fixture
def digits_made_once(monkeypatch, digits, answers):
    monkeypatch.setattr(symmetrization_digits, "make_setting", lambda _: digits)
    monkeypatch.setattr(symmetrization_digits, "make_ours", lambda _: side("ours", answers))


def cloud_setting(name="frames of SO(3)"):
    return symmetrization_wrapper.make_setting(TINY, symmetrization_wrapper.SOURCES[name])


@pytest.mark.parametrize("name", symmetrization_wrapper.SOURCES)
def test_wrapper_is_the_mean_over_copies_in_one_pass(name):
    setting = cloud_setting(name)
    passes = dict(zip(symmetrization_wrapper.SOURCES, (1, 4, 8, 24), strict=True))
    assert setting.forward_passes == passes[name]
    symmetrization_wrapper.check_work(setting)


def test_wrapper_that_does_other_work_is_refused():
    setting = cloud_setting()
    layer = setting.layer

    def unmoved(params, points):
        return setting.network.apply(setting.params, points)

    def in_two_passes(params, points):
        return (layer.apply(params, points) + layer.apply(params, points)) / 2

    for apply, message in (
        (unmoved, "the mean over 4 copies differs from the wrapper's output"),
        (in_two_passes, "of kind logistic once per pass, 1, and the wrapped one 2"),
    ):
        other = types.SimpleNamespace(source=layer.source, apply=apply)
        with pytest.raises(ValueError, match=message):
            symmetrization_wrapper.check_work(dataclasses.replace(setting, layer=other))


def test_operations_of_called_programs_are_counted():
    function = lambda x: jnp.vectorize(jnp.tanh)(jnp.tanh(x))  # noqa: E731
    assert symmetrization_programs.count_operations(function, np.ones(2), name="tanh") == 2
    assert symmetrization_programs.count_operations(function, np.ones(2), name="sin") == 0


def test_all_parts_are_stored_beside_a_peer(tmp_path, digits_made_once, answers):
    lines = []
    symmetrization_cost.run(
        TINY, [DIGITS], sources=["frames of SO(3)"], results=tmp_path, report=lines.append,
        make_peer=lambda _: side("other 1.0", answers, label="slowly"), **QUICKLY,
    )  # fmt: skip
    rows = table.read(tmp_path)
    found = [(row["benchmark"], row["quantity"], row["peer"].split(", JAX")[0]) for row in rows]
    on_clouds = [("forward", "plain network"), ("forward", "plain network on K batches")]
    on_clouds += [("train_step", peer) for _, peer in on_clouds] + [("compile", "plain network")]
    on_digits = [(quantity, "other 1.0") for quantity in ("forward", "train_step") * 2]
    assert [row[1:] for row in found if row[0] == "symmetrize"] == on_clouds
    assert [row[1:] for row in found if row[0] == "canonicalize_digits"] == on_digits
    assert rows[0]["case"]["forward_passes"] == 4
    assert [row["case"]["method"] for row in rows[5:]] == [DIGITS.method] * 2 + ["plain"] * 2
    for row in rows[:5]:
        assert min(row["ours_ms"], row["peer_ms"], row["ratio"]) > 0
    assert any("times the plain network's forward pass" in line for line in lines)
    assert any(line.endswith("slowly") for line in lines)
    assert "canonicalize_digits" in table.render(rows)


def test_digits_run_without_a_peer(digits_made_once):
    def absent(_):
        raise ImportError("no module of that name")

    lines = []
    found = symmetrization_digits.measure(DIGITS, report=lines.append, make_peer=absent, **QUICKLY)
    assert found == []
    assert "without a peer: no module of that name" in lines


def test_peer_that_does_other_work_is_refused(answers):
    check = symmetrization_agreement.check_agreement
    check(answers, answers, peer="other")
    turned = np.where(np.arange(4) == 1, (answers.turns + 1) % 4, answers.turns)
    for fault, message in (
        ({"turns": turned}, "other turns 1 of 4 images by another angle"),
        ({"logits": answers.logits[::-1]}, "logits that differ by"),
        ({"loss": answers.loss * 1.001}, "does not do the same work"),
        ({"gradient_norm": answers.gradient_norm * 1.001}, "does not do the same work"),
        ({"prior_norm": 0.0}, "does not do the same work"),
    ):
        with pytest.raises(ValueError, match=message):
            check(answers, dataclasses.replace(answers, **fault), peer="other")


def test_answers_follow_the_images(digits, answers):
    images = np.rot90(digits.images, 1, axes=(1, 2)).copy()
    turned = symmetrization_digits.answer(dataclasses.replace(digits, images=images))
    np.testing.assert_array_equal(turned.turns, (answers.turns + 1) % 4)
    np.testing.assert_allclose(turned.logits, answers.logits, atol=1e-5)
    assert abs(turned.prior_norm - answers.prior_norm) > 1e-3 * answers.prior_norm > 0
    with pytest.raises(ValueError, match="expected quarter turns"):
        symmetrization_agreement.whole_turns(np.array([0.5]))


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("equiadapt") is None, reason="equiadapt is in the extra [bench]"
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_equiadapt_does_the_same_work(tmp_path):
    cases = [dataclasses.replace(DIGITS, method=method) for method in symmetrization_digits.METHODS]
    lines = []
    symmetrization_cost.run(
        TINY, cases, sources=[], results=tmp_path, report=lines.append, **QUICKLY
    )
    assert not any("without a peer" in line for line in lines)
    rows = table.read(tmp_path)
    assert len(rows) == 2 * len(cases) + 2
    assert {row["peer"].split()[0] for row in rows} == {"equiadapt"}
