import dataclasses
import math
import re

import jax
import jax.numpy as jnp
import pytest

from experiments.benchmarks import nbody_products, nbody_setting, nbody_step, store, table

TINY = nbody_setting.Case(
    batch_size=4, features=8, num_layers=2, num_examples=8, steps_per_dispatch=2
)


def test_flops_are_those_of_the_formula():
    case = nbody_setting.Case()
    nodes, edges = 100 * 5, 100 * 5 * 4
    width, layers = case.features, case.num_layers
    forward = 2 * edges * (
        3 * width * layers + 2 * width**2 * layers + width * layers
    ) + 2 * nodes * (width + (3 * width**2 + width) * layers + 3 * width**2 * (layers - 1))
    products = nbody_products.list_products(case)
    assert nbody_products.count_flops(products, ["forward"]) == forward
    assert 2 * forward < nbody_products.count_flops(products) < 3 * forward


def traced_products(setting):
    """Return the number and the operations of the matrix products in the traced gradient."""

    def mean_loss(params, batch):
        return jnp.mean(setting.loss(params, batch))

    lowered = jax.jit(jax.value_and_grad(mean_loss)).lower(setting.params, setting.first_batch())
    product = (
        r"dot_general.*?contracting_dims = \[(.*?)\] x"
        r".*?\(tensor<(.*?)xf32>.*?-> tensor<(.*?)xf32>"
    )
    flops = []
    for axes, left, result in re.findall(product, lowered.as_text()):
        lengths = [int(length) for length in left.split("x")]
        contracted = math.prod(lengths[int(axis)] for axis in axes.split(","))
        flops.append(2 * contracted * math.prod(int(length) for length in result.split("x")))
    return len(flops), sum(flops)


def test_listed_products_are_those_of_the_traced_step():
    traced = traced_products(nbody_setting.make_setting(TINY))
    deeper = dataclasses.replace(TINY, num_layers=3)
    for case, is_same in ((TINY, True), (deeper, False)):
        products = nbody_products.list_products(case)
        count = sum(p.repeats(kind) for p in products for kind in nbody_products.KINDS)
        assert (traced == (count, nbody_products.count_flops(products))) is is_same


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ration": 1.0}, "unknown field 'ration'; did you mean 'ratio'"),
        ({"case": {"sizes": [1, 2]}}, "flat dict of sizes"),
    ],
)
def test_incomplete_comparison_is_not_stored(change, message, tmp_path):
    whole = {
        "benchmark": "b", "case": {"n": 1}, "peer": "p 1", "ours_ms": 1.0, "peer_ms": 2.0,
        "ratio": 2.0, "quantity": "forward",
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        store.append_benchmark(whole | change, results=tmp_path)
    with pytest.raises(ValueError, match="needs the fields"):
        store.append_benchmark({"benchmark": "b"}, results=tmp_path)
    assert table.read(tmp_path) == []
    store.append_benchmark(whole, results=tmp_path)
    assert table.read(tmp_path)[0]["ratio"] == 2.0


@pytest.mark.slow
def test_benchmark_stores_a_row_of_every_peer(tmp_path):
    lines = []
    nbody_step.run(TINY, num_rounds=2, seconds=0.001, results=tmp_path, report=lines.append)
    rows = table.read(tmp_path)
    peers = {row["peer"].split()[0] for row in rows}
    assert {"bare", "plain", "symjax_models"} <= peers
    for row in rows:
        assert min(row["ours_ms"], row["peer_ms"], row["ratio"]) > 0
        assert row["case"]["batch_size"] == 4
    assert any("GFLOP/s" in line for line in lines)


def test_peer_that_does_other_work_is_refused():
    @dataclasses.dataclass
    class Peer:
        name: str = "other"
        loss: float = 1.0
        gradient_norm: float = 2.0

    nbody_step.check_agreement(Peer(), loss=1.0, gradient_norm=2.0)
    with pytest.raises(ValueError, match="does not do the same work"):
        nbody_step.check_agreement(Peer(), loss=1.0, gradient_norm=2.1)
