"""Bases of equivariant maps: closed forms against the definition and against the solver."""

import hashlib
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.reps.counting import dimension
from symjax_models.reps.diagrams.basis import DiagramBasis
from symjax_models.reps.solver import SolvedBasis

# Above this the solver, which the closed forms are compared with, takes long.
MAX_ENTRIES = 130
ROOT = pathlib.Path(__file__).resolve().parents[2]


def sym(rep, k=2):
    return reps.symmetric_power(rep, k)


def alt(rep, k=2):
    return reps.alternating_power(rep, k)


def cases():
    """List maps of every family with diagrams: powers, duals, signs, and parts of powers."""
    found = []
    for group in (groups.S(2), groups.S(3), groups.A(3), groups.A(4), groups.B(2), groups.B(3)):
        v, sign = reps.vector(group), reps.determinant(group)
        found += [(v**2, v**2), (v, v**2), (sign * v, v**2), (v**0, v**3), (v**2, v**0 * sign)]
        found += [(sym(v), v * sym(v)), (alt(v), v**2), (sym(v, 3), alt(v) * sign)]
    for group in (groups.O(2), groups.O(3), groups.SO(2), groups.SO(3), groups.SO(4)):
        v, sign = reps.vector(group), reps.determinant(group)
        found += [(v**2, v**2), (v**2, v), (sign * v, v**2), (v**0, v**3), (v**2, sign * v**2)]
        found += [(sym(v), sym(v)), (alt(v), v), (alt(v) * v, v * sym(v)), (sym(v, 3), v)]
    v = reps.vector(groups.SO(2))
    found.append((v**3, v**3))
    indefinite = (groups.IndefiniteO(1, 2), groups.IndefiniteSO(2, 1), groups.Lorentz())
    for group in (*indefinite, groups.Sp(2), groups.Sp(4)):
        v, sign = reps.vector(group), reps.determinant(group)
        w = v.dual
        found += [(v, w), (w, v), (v**2, w * v), (w**2, w**2), (v * w, sign * w * v), (w, v**2)]
        found += [(sym(v), sym(w)), (alt(w), w * v), (sym(v) * w, w), (v**0, v * alt(w))]
    for group in (groups.GL(2), groups.GLPlus(2), groups.SL(2), groups.SL(3), groups.U(2)):
        v, sign = reps.vector(group), reps.determinant(group)
        w = v.dual
        found += [(v**2, v**2), (v * w, w * v), (v, w), (w**0, v * w), (sign * w, v), (v**2, w)]
        found += [(sym(v), v**2), (alt(v), sign * v**0), (v * sign, alt(v) * v), (v, sign.dual * v)]
        found += [(v**0 * sign**2, sym(v, 2) * sym(v, 2)), (v * v * w, v), (w**3, v**0)]
    v = reps.vector(groups.SU(2))
    found += [(v, v.dual), (v**2, v**2), (sym(v, 3), v**3), (v * v.dual, v.dual * v)]
    v = reps.vector(groups.SU(3))
    found += [(v**2, v.dual), (v.dual, alt(v)), (v * v.dual, v * v.dual)]
    small = [(a, b) for a, b in found if 0 < a.dim * b.dim <= MAX_ENTRIES]
    return list(dict.fromkeys(small))


CASES = cases()


def assert_basis(basis, atol=1e-10):
    """Check the definition: orthonormal maps that commute with the group, all of them."""
    rep_in, rep_out = basis.rep_in, basis.rep_out
    maps, group = basis.dense(), rep_in.group
    assert maps.shape == (basis.size, rep_out.dim, rep_in.dim)
    for a in group.lie_algebra:
        np.testing.assert_allclose(rep_out.drho(a) @ maps, maps @ rep_in.drho(a), atol=atol)
    for g in group.discrete_generators:
        np.testing.assert_allclose(rep_out.rho(g) @ maps, maps @ rep_in.rho(g), atol=atol)
    flat = maps.reshape(basis.size, rep_out.dim * rep_in.dim)
    np.testing.assert_allclose(flat.conj() @ flat.T, np.eye(basis.size), atol=atol)
    solved = SolvedBasis(rep_in, rep_out, tolerance=1e-9)
    assert basis.size == solved.size
    other = solved.dense().reshape(flat.shape)
    np.testing.assert_allclose(flat.T @ flat.conj(), other.T @ other.conj(), atol=1e-8)


@pytest.mark.parametrize("family", list(dict.fromkeys(a.group for a, _ in CASES)), ids=repr)
def test_closed_forms_are_the_equivariant_maps(family):
    own = [case for case in CASES if case[0].group == family]
    assert len(own) >= 3
    for rep_in, rep_out in own:
        basis = reps.equivariant_basis(rep_in, rep_out)
        assert isinstance(basis, DiagramBasis), (rep_in, rep_out)
        assert basis.size == reps.dimension_of_maps(rep_in, rep_out)
        assert_basis(basis)


def test_most_cases_have_maps():
    sizes = [reps.dimension_of_maps(*case) for case in CASES]
    assert len(sizes) > 150 and np.mean(np.array(sizes) > 0) > 0.5 and max(sizes) > 10


class Wrong:
    """A basis with one fault."""

    def __init__(self, basis, change):
        self.rep_in, self.rep_out = basis.rep_in, basis.rep_out
        self.maps = change(basis.dense())
        self.size = len(self.maps)

    def dense(self):
        return self.maps


@pytest.mark.parametrize(
    "change",
    [
        lambda maps: maps[:-1],
        lambda maps: maps * 1.001,
        lambda maps: np.roll(maps, 1, axis=1),
        lambda maps: np.concatenate([maps[:-1], maps[:1]]),
        lambda maps: maps + 1e-6,
    ],
)
def test_wrong_bases_are_noticed(change):
    v = reps.vector(groups.SO(3))
    basis = reps.equivariant_basis(v**2, v**2)
    assert_basis(basis)
    with pytest.raises(AssertionError):
        assert_basis(Wrong(basis, change))


def apply_cases():
    so, sp, s = (reps.vector(g) for g in (groups.SO(3), groups.Sp(2), groups.S(3)))
    one = reps.scalar(groups.S(3))
    return [
        (so**3, so**2),
        (sym(sp) * sp.dual, sp.dual * sp**2),
        (reps.determinant(groups.S(3)) * s, s**2),
        (2 * s + s**2 + one, 3 * one + s**2 + s),
        (0 * s, s + one),
        (so, so**0),
    ]


@pytest.mark.parametrize(("rep_in", "rep_out"), apply_cases())
def test_application_is_the_dense_matrix(rep_in, rep_out):
    basis = reps.equivariant_basis(rep_in, rep_out)
    assert basis.size == reps.dimension_of_maps(rep_in, rep_out)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((basis.size, 2, 5))
    x = rng.standard_normal((3, 4, rep_in.dim, 2))
    expected = np.einsum("kij,kcd,...jc->...id", basis.dense(), weights, x)
    found = basis.apply(weights, x)
    assert found.shape == (3, 4, rep_out.dim, 5) and found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-11)
    for batch in ((), (1,)):
        piece = np.broadcast_to(x[0, 0], (*batch, *x.shape[2:]))
        np.testing.assert_allclose(
            basis.apply(weights, piece),
            np.broadcast_to(expected[0, 0], (*batch, rep_out.dim, 5)),
            atol=1e-11,
        )
    single = jax.jit(basis.apply)(jnp.asarray(weights), jnp.asarray(x))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, expected, atol=2e-5)


def test_compilation_changes_nothing():
    v = reps.vector(groups.Sp(2))
    basis = reps.equivariant_basis(v * v.dual, v.dual * v)
    rng = np.random.default_rng(0)
    weights = jnp.asarray(rng.standard_normal((basis.size, 2, 3)))
    x = jnp.asarray(rng.standard_normal((4, 4, 2)))
    eager = basis.apply(weights, x)
    np.testing.assert_allclose(jax.jit(basis.apply)(weights, x), eager, atol=2e-6)
    batched = jax.vmap(basis.apply, in_axes=(None, 0))(weights, x)
    np.testing.assert_allclose(batched, eager, atol=2e-6)


def test_sums_commute_with_the_group_too():
    for rep_in, rep_out in apply_cases()[3:5]:
        if rep_in.dim:
            assert_basis(reps.equivariant_basis(rep_in, rep_out))


def test_gradients_flow_to_weights_and_features():
    v = reps.vector(groups.Sp(2))
    basis = reps.equivariant_basis(v**2, v * v.dual)
    rng = np.random.default_rng(0)
    weights = jnp.asarray(rng.standard_normal((basis.size, 2, 3)), jnp.float32)
    x = jnp.asarray(rng.standard_normal((5, 4, 2)), jnp.float32)
    target = rng.standard_normal((5, 4, 3)).astype(np.float32)
    dense = jnp.asarray(basis.dense(), jnp.float32)

    def loss(weights, x):
        return jnp.sum((basis.apply(weights, x) - target) ** 2)

    def plain(weights, x):
        y = jnp.einsum("kij,kcd,bjc->bid", dense, weights, x, precision="highest")
        return jnp.sum((y - target) ** 2)

    found, expected = (jax.grad(f, argnums=(0, 1))(weights, x) for f in (loss, plain))
    for a, b in zip(found, expected, strict=True):
        assert np.abs(b).max() > 0.1
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_large_groups_are_applied_without_a_matrix():
    # 40 ** 4 entries of each of 15 matrices are 300 MB; the diagrams take a fraction of it.
    n = 40
    v = reps.vector(groups.S(n))
    basis = reps.equivariant_basis(v**2, v**2)
    assert basis.size == 15
    rng = np.random.default_rng(0)
    weights, x = rng.standard_normal((15, 1, 1)), rng.standard_normal((n, n))
    order = rng.permutation(n)
    y = basis.apply(weights, x.reshape(-1, 1)).reshape(n, n)
    moved = basis.apply(weights, x[np.ix_(order, order)].reshape(-1, 1)).reshape(n, n)
    np.testing.assert_allclose(moved, y[np.ix_(order, order)], atol=1e-10)
    assert np.abs(moved - y).max() > 0.1


@pytest.mark.parametrize(
    ("n", "degree_in", "degree_out", "size"), [(3, 4, 4, 91), (2, 3, 3, 20), (4, 3, 3, 25)]
)
def test_dependent_diagrams_are_left_out(n, degree_in, degree_out, size):
    v = reps.vector(groups.SO(n))
    basis = reps.equivariant_basis(v**degree_in, v**degree_out)
    assert basis.size == size
    rng = np.random.default_rng(0)
    weights, x = rng.standard_normal((size, 1, 1)), rng.standard_normal((n**degree_in, 1))
    with jax.enable_x64(True):
        g = np.asarray(groups.SO(n).sample(jax.random.key(0)))
    y = basis.apply(weights, x)
    moved = basis.apply(weights, (v**degree_in).rho(g) @ x)
    np.testing.assert_allclose(moved, (v**degree_out).rho(g) @ y, atol=1e-9)
    single = jax.jit(basis.apply)(jnp.asarray(weights), jnp.asarray(x))
    assert np.abs(single - y).max() < 1e-5 * np.abs(y).max()
    # The maps are orthonormal, so their mean square on white noise is 1 / D_in per component.
    assert 0.2 < np.mean(y**2) * n**degree_out / (np.sum(weights**2) * np.mean(x**2)) < 5.0


def test_bases_are_cached_by_value():
    first = reps.equivariant_basis(reps.vector(groups.O(3)) ** 2, reps.vector(groups.O(3)) ** 2)
    second = reps.equivariant_basis(reps.vector(groups.O(3)) ** 2, reps.vector(groups.O(3)) ** 2)
    assert first is second


_FINGERPRINT = """
import hashlib
import numpy as np
from symjax_models import groups, reps
bent = np.array([[1.0, 0.5], [0.0, 2.0]])
turn = bent @ groups.D(3).discrete_generators @ np.linalg.inv(bent)
digest = hashlib.sha256()
for group in (groups.S(3), groups.SO(3), groups.Lorentz(), groups.SL(2), groups.SE(2),
              groups.Octahedral(), groups.MatrixGroup(turn), groups.O(2) * groups.S(2)):
    v = reps.vector(group)
    maps = reps.equivariant_basis(v * v.dual + v, v + v * v.dual).dense()
    digest.update(np.round(maps, 6).astype(np.float32).__add__(0.0).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.multiprocess
def test_bases_are_the_same_in_every_process(capsys):
    exec(compile(_FINGERPRINT, "fingerprint", "exec"), {})
    here = capsys.readouterr().out.strip()
    assert len(here) == 2 * hashlib.sha256().digest_size
    # Another seed of Python's hashes gives sets and caches another order.
    result = subprocess.run(
        [sys.executable, "-c", _FINGERPRINT],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert result.stdout.strip() == here


def test_what_cannot_be_done_is_refused():
    v = reps.vector(groups.SO(3))
    with pytest.raises(ValueError, match="expected representations of one group"):
        reps.equivariant_basis(v, reps.vector(groups.O(3)))
    many = reps.vector(groups.S(9))
    with pytest.raises(ValueError, match="more than 5000 diagrams; take lower powers"):
        reps.equivariant_basis(many**5, many**4)
    # Generators that are no rotations, but too close to be told from them.
    rng = np.random.default_rng(0)
    noisy = groups.SO(3).lie_algebra + 1e-4 * rng.standard_normal((3, 3, 3))
    exact, learned = (
        reps.vector(groups.MatrixGroup(lie_algebra=noisy, **options))
        for options in ({}, {"tolerance": 1e-2})
    )
    with pytest.raises(ValueError, match="no clear gap at the tolerance"):
        reps.equivariant_basis(exact**2, exact)
    assert reps.equivariant_basis(learned**2, learned).size == 1


def test_a_basis_that_contradicts_the_exact_count_is_refused(monkeypatch):
    monkeypatch.setattr(dimension, "known_dimension_of_maps", lambda *_: 99)
    # A group of its own, so that no basis of another test is in the cache.
    v = reps.vector(groups.SE(6))
    with pytest.raises(ValueError, match=r"have dimension 99, but a basis of 1 was found"):
        reps.equivariant_basis(v, v)
