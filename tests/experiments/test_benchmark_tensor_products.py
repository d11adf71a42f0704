"""The benchmark of convolutions, on a tiny graph and without other libraries but in slow tests."""

import dataclasses
import sys

import jax
import numpy as np
import pytest

from experiments.benchmarks import (
    rounds,
    table,
    tensor_product_peers,
    tensor_product_programs,
    tensor_product_rows,
    tensor_product_setting,
    tensor_products,
)

TINY = {"channels": 2, "num_nodes": 3, "num_edges": 4}
LIMITS = tensor_products.Limits(num_rounds=2, seconds=0.001)


COMPILE = tensor_product_programs.compile_programs
KEPT = {}
MAKE_PROBLEM = tensor_product_setting.make_problem


@pytest.fixture(autouse=True)
def small_and_compiled_once(monkeypatch, problem):
    monkeypatch.setattr(tensor_product_programs, "COPIED_BYTES", 2**12)
    monkeypatch.setattr(tensor_product_setting, "make_problem", lambda _: problem)

    def compile_once(convolution, problem):
        if convolution.name not in KEPT:
            KEPT[convolution.name] = COMPILE(convolution, problem)
        return KEPT[convolution.name]

    monkeypatch.setattr(tensor_product_programs, "compile_programs", compile_once)


@pytest.fixture(scope="module")
def problem():
    return MAKE_PROBLEM(tensor_product_setting.Case(1, **TINY))


def our_convolution(problem, backend):
    return tensor_product_setting.our_convolution(problem, backend=backend)


def broken(problem):
    """The dense backend, said to equal ours with other weights."""
    return dataclasses.replace(our_convolution(problem, "dense"), equal_weights=-problem.weights)


def absent(problem):
    raise ImportError("no module of that name")


def test_peers_are_stored_and_those_that_fail_are_named(tmp_path):
    lines = []
    makers = {
        "dense": tensor_products.our_backend("dense"), "broken": broken, "absent": absent,
    }  # fmt: skip
    tensor_products.run(
        [1], TINY, makers=makers, limits=LIMITS, results=tmp_path, report=lines.append
    )
    rows = table.read(tmp_path)
    assert {row["peer"].split(",")[0].split(" 0")[0] for row in rows} == {
        "copy", "symjax_models dense backend",
    }  # fmt: skip
    assert [row["quantity"] for row in rows] == [
        "forward", "forward_backward", "compile", "forward", "forward_backward",
    ]  # fmt: skip
    for row in rows:
        assert min(row["ours_ms"], row["peer_ms"], row["ratio"]) > 0
        assert row["case"]["channels"] == 2
        assert ("ours_mb" in row) is (row["quantity"] != "compile")
    assert any(line.startswith("without broken: ValueError: its result differs") for line in lines)
    assert "without absent: ImportError: no module of that name" in lines
    text = table.render(rows)
    assert "| quantity | ours | symjax_models dense backend" in text
    assert "dense backend 0.1.0: equal to ours." in text


def test_program_that_needs_too_much_memory_is_left_out(tmp_path):
    lines = []
    tensor_products.run(
        [1], TINY, makers={"dense": tensor_products.our_backend("dense")},
        limits=dataclasses.replace(LIMITS, memory_gb=0.0), results=tmp_path, report=lines.append,
    )  # fmt: skip
    assert any(line.startswith("without dense: it needs") for line in lines)
    assert {row["peer"].split(",")[0] for row in table.read(tmp_path)} == {"copy"}


def test_gradients_and_weights_are_compared_too(problem):
    dense = our_convolution(problem, "dense")
    ours, programs = (
        tensor_product_programs.compile_programs(our_convolution(problem, backend), problem)
        for backend in ("so2", "dense")
    )
    tensor_product_programs.check_agreement(dense, programs, ours)
    unknown = dataclasses.replace(dense, equal_weights=None)
    tensor_product_programs.check_agreement(unknown, programs, ours)
    both = programs["forward_backward"]
    names = ("features", "weights", "displacements")
    for index, name in enumerate(names):

        def with_another(*arguments, index=index):
            gradients = list(both.function(*arguments))
            gradients[index] = jax.tree.map(lambda leaf: 1.01 * leaf, gradients[index])
            return gradients

        skewed = dataclasses.replace(both, function=with_another)
        with pytest.raises(ValueError, match=f"its gradient by {name} differs"):
            tensor_product_programs.check_agreement(
                dense, programs | {"forward_backward": skewed}, ours
            )


def test_bytes_are_those_of_arguments_and_results(problem):
    features, weights, vectors, edges = 3 * 4 * 2, 4 * problem.plan.num_paths * 2, 4 * 3, 2 * 4
    moved = [tensor_product_programs.bytes_to_move(problem, q) for q in ("forward", "backward")]
    forward = 2 * features + weights + vectors + edges
    assert moved == [4 * forward, 4 * (forward + weights + vectors)]


def comparison(degree, ours, theirs, *, quantity="forward_backward", **changes):
    case = {"max_degree": degree, **TINY}
    both = np.array(ours), np.array(theirs)
    return rounds.compare("tensor_products", case, quantity, "p 1.0", *both) | changes


def test_ratio_is_the_median_of_the_ratios_of_rounds():
    row = comparison(1, [1.0, 2.0, 4.0], [3.0, 8.0, 8.0])
    assert (row["ours_ms"], row["peer_ms"], row["ratio"]) == (2.0, 8.0, 3.0)
    assert tensor_product_rows.describe(row) == "forward_backward: 2 ms; p 1.0 8 ms; ratio 3.00"


def test_exponents_are_fitted_from_degree_two_on():
    # Degree 1, where overheads are all there is, would spoil the fit.
    rows = [comparison(l, [5.0 * l**3 if l > 1 else 99.0], [1.0 * l**5]) for l in (1, 2, 3, 4)]
    (grown,) = tensor_product_rows.growth(TINY, {"p": rows, "absent from 4 on": rows[:-1]})
    assert (grown["ours_exponent"], grown["peer_exponent"]) == (3.0, 5.0)
    assert grown["case"] == {"max_degree": "2, 3, 4", **TINY}
    assert (grown["quantity"], grown["peer_ms"]) == ("forward_backward_growth", 4.0**5)
    assert tensor_product_rows.growth(TINY, {"p": rows[:3]}) == []


def test_time_of_the_next_degree_is_extrapolated():
    rows = [comparison(l, [1.0], [1e3 * l**4]) for l in (1, 2, 3)]
    assert tensor_product_rows.predict_seconds(rows, 6) == pytest.approx(6**4)
    assert tensor_product_rows.predict_seconds(rows[:1], 6) == 0


def test_fastest_is_of_another_library_that_gives_our_result():
    rows = []
    for peer, time, agreement in (
        ("e 1.0", 3.0, tensor_product_setting.SAME),
        ("f 1.0", 5.0, tensor_product_setting.SAME),
        ("symjax_models dense backend 1.0", 2.0, tensor_product_setting.SAME),
        ("g 1.0", 1.0, tensor_product_setting.OTHER),
    ):
        row = comparison(1, [1.0], [time], quantity="forward", peer=peer)
        rows.append(row | {"case": row["case"] | {"agreement": agreement}})
    assert tensor_product_rows.describe_fastest(rows) == ["forward: fastest is e 1.0, ratio 3.00"]


def test_table_has_a_line_per_case_and_a_column_per_peer():
    memory = {"ours_mb": 12.0, "peer_mb": 3456.0}
    rows = [
        comparison(1, [1.0], [2.0], **memory),
        comparison(2, [2.0], [8.0], peer="q 2.0"),
        comparison(2, [2.0], [6.0]),
        comparison("2, 3", [1.0], [2.0], ours_exponent=2.5, peer_exponent=4.25),
    ]
    text = table.render([row | {"hardware": "h"} for row in rows])
    assert "| max degree | quantity | ours | p 1.0 | q 2.0 |" in text
    assert "| 1 | forward backward | 1 ms, 12 MB | 2.00 (2 ms, 3,456 MB) |  |" in text
    assert "| 2 | forward backward | 2 ms | 3.00 (6 ms) | 4.00 (8 ms) |" in text
    assert "| 2, 3 | forward backward | exponent 2.50 | exponent 4.25 |  |" in text
    assert "Sizes of tensor_products: channels 2, num edges 4, num nodes 3." in text


def test_missing_peers_are_named(tmp_path, monkeypatch):
    for module in ("e3nn_jax", "cuequivariance", "e3x"):
        monkeypatch.setitem(sys.modules, module, None)
    lines = []
    tensor_products.run(
        [1], TINY, makers=tensor_product_peers.MAKERS, limits=LIMITS, results=tmp_path,
        report=lines.append,
    )  # fmt: skip
    left_out = [line for line in lines if line.startswith("without ")]
    assert len(left_out) == len(tensor_product_peers.MAKERS)
    assert all("ModuleNotFoundError" in line for line in left_out)


@pytest.mark.slow
@pytest.mark.parametrize("name", tensor_product_peers.MAKERS)
def test_peers_give_our_result(name):
    module = {"cuequivariance-jax": "cuequivariance_jax", "e3nn-jax": "e3nn_jax"}.get(name, "e3x")
    pytest.importorskip(module)
    problem = MAKE_PROBLEM(tensor_product_setting.Case(2, **TINY))
    ours = COMPILE(our_convolution(problem, "so2"), problem)
    peer = tensor_product_peers.MAKERS[name](problem)
    programs = COMPILE(peer, problem)
    tensor_product_programs.check_agreement(peer, programs, ours)
    if peer.equal_weights is not None:
        wrong = dataclasses.replace(peer, equal_weights=peer.equal_weights[:, ::-1])
        with pytest.raises(ValueError, match="does not do the same work"):
            tensor_product_programs.check_agreement(wrong, programs, ours)
