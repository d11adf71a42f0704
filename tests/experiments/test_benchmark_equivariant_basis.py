import sys

import numpy as np
import pytest

from experiments.benchmarks import equivariant_basis, table
from symjax_models import groups, reps

TINY = equivariant_basis.Case(groups.O(2), (0, 1), (1, 2))


def mixed_peer(*, noise=0.0):
    """A peer that finds our maps, in another orthonormal basis and with an error."""
    generator = np.random.default_rng(0)

    def build(case):
        vector = reps.vector(case.group)
        bases = []
        for p, q in case.pairs:
            maps = reps.equivariant_basis(vector**p, vector**q).dense()
            columns = maps.reshape(len(maps), 2 ** (p + q)).T
            rotation, _ = np.linalg.qr(generator.standard_normal((len(maps), len(maps))))
            bases.append(columns @ rotation + noise * generator.standard_normal(columns.shape))
        return bases

    return equivariant_basis.Peer("mixed 1.0", build)


def run(results, *, peer=None, applied=()):
    lines = []
    equivariant_basis.run(
        (TINY,), applied, peer=peer, num_rounds=2, results=results, report=lines.append
    )
    return lines


def test_comparison_with_a_peer_is_stored_and_rendered(tmp_path):
    run(tmp_path, peer=mixed_peer())
    rows = table.read(tmp_path)
    assert [row["quantity"] for row in rows] == ["build", "build_dense"]
    for row in rows:
        assert min(row["ours_ms"], row["peer_ms"], row["ratio"]) > 0
        # Of O(2): none of 1 -> V and V -> V^2, one of 1 -> V^2 and one of V -> V.
        assert row["case"]["dimension"] == 2
        assert row["case"]["deviation_below"] <= 1e-12
    assert "group O(2), maps T(0) + T(1) to T(1) + T(2)." in table.render(rows)


def test_smoke_measures_the_limit_without_a_peer(tmp_path):
    lines = run(tmp_path, applied=equivariant_basis.SMOKE)
    rows = table.read(tmp_path)
    assert [row["quantity"] for row in rows] == ["build", "compile", "forward"]
    for row in rows:
        assert row["peer_ms"] == equivariant_basis.LIMIT_MS
        assert row["ratio"] > 0
        assert row["case"]["dimension"] == 1
    assert len(lines) == len(rows)


def test_rows_without_shared_sizes_render_without_a_line_of_them(tmp_path):
    run(tmp_path, peer=mixed_peer())
    first, second = table.read(tmp_path)
    assert "Sizes of equivariant_basis: " in table.render([first, second])
    assert "Sizes of" not in table.render([first, second | {"case": {"group": "S(3)"}}])


def test_every_timed_build_starts_from_empty_caches():
    vector = reps.vector(TINY.group)

    def build():
        return reps.equivariant_basis(vector, vector**2)

    _, first = equivariant_basis._time_ms(build)
    assert build() is first
    _, second = equivariant_basis._time_ms(build)
    assert second is not first


def test_deviation_is_the_norm_of_the_difference_of_projectors():
    generator = np.random.default_rng(1)
    ours, _ = np.linalg.qr(generator.standard_normal((7, 3)))
    theirs, _ = np.linalg.qr(ours + 1e-6 * generator.standard_normal((7, 3)))
    wanted = np.linalg.norm(ours @ ours.T - theirs @ theirs.T, ord=2)
    found = equivariant_basis.check_agreement(ours, theirs, peer="p")
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert equivariant_basis.check_agreement(ours[:, :0], theirs[:, :0], peer="p") == 0


def test_peer_with_other_maps_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"mixed 1\.0 spans another space"):
        run(tmp_path, peer=mixed_peer(noise=1e-3))
    with pytest.raises(ValueError, match="does not do the same work"):
        equivariant_basis.check_agreement(np.eye(4)[:, :2], np.eye(4)[:, :1], peer="p")
    assert table.read(tmp_path) == []


def test_missing_emlp_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "emlp", None)
    with pytest.raises(ValueError, match=r"pip install symjax_models\[bench\]"):
        equivariant_basis.emlp_peer()


@pytest.mark.slow
@pytest.mark.parametrize("group", [groups.SO(2), groups.S(3), groups.Lorentz()])
def test_emlp_finds_our_maps(group, tmp_path):
    pytest.importorskip("emlp")
    case = equivariant_basis.Case(group, (1, 2), (1,))
    equivariant_basis.run(
        (case,), (), peer=equivariant_basis.emlp_peer(), num_rounds=1, results=tmp_path
    )
    rows = table.read(tmp_path)
    assert len(rows) == 2
    assert rows[0]["case"]["deviation_below"] <= 1e-4
