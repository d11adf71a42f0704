import dataclasses

import pytest

from experiments.benchmarks import nbody_products, nbody_setting, nbody_step, table

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
