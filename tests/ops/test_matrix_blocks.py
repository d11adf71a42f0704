"""Matrices between orbitals: loops over couplings, round trips, equivariance, symmetry."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symjax_models import groups, reps
from symjax_models.ops import matrix_blocks
from symjax_models.reps.rotation.clebsch_gordan import clebsch_gordan

O3, SO3 = groups.O(3), groups.SO(3)
LEFT, RIGHT = "2x0e+2x1o", "1e+2e"
GENERAL = {"left": LEFT, "right": RIGHT, "symmetric": False}
SYMMETRIC = {"left": LEFT, "right": LEFT, "symmetric": True}
SAMPLES = 1000
BOTH = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
KINDS = pytest.mark.parametrize("options", [GENERAL, SYMMETRIC], ids=["general", "symmetric"])
STATIC = ("left", "right", "symmetric")
assemble = jax.jit(matrix_blocks.blocks_from_irreps, static_argnames=STATIC)
split = jax.jit(matrix_blocks.irreps_from_blocks, static_argnames=(*STATIC, "group"))


def draw(rep, dtype=np.float32):
    rng = np.random.default_rng(0)
    blocks = [rng.normal(size=(SAMPLES, term.dim, count)) for count, term in rep.terms]
    return reps.RepArray(rep, [block.astype(dtype) for block in blocks])


def move(x, g):
    blocks = [term.rho(g) @ block for (_, term), block in zip(x.rep.terms, x.blocks, strict=True)]
    return reps.RepArray(x.rep, [a.astype(b.dtype) for a, b in zip(blocks, x.blocks, strict=True)])


def orbitals(text):
    """Return first component, degree and parity of the copies, summand by summand."""
    summands, start = [], 0
    for count, term in reps.parse_irreps(text).terms:
        places = start + term.dim * np.arange(count)
        summands.append([(i, (term.dim - 1) // 2, reps.format_irreps(term)[-1]) for i in places])
        start += count * term.dim
    return summands


def looped(x):
    """Sum the couplings of every pair of orbitals by themselves."""
    size = [reps.parse_irreps(text).dim for text in (LEFT, RIGHT)]
    matrix = np.zeros((*x.shape, *size))
    used = {}
    pairs = [(a, b) for s in orbitals(LEFT) for t in orbitals(RIGHT) for a in s for b in t]
    for (i, l1, p1), (j, l2, p2) in pairs:
        for l in range(abs(l1 - l2), l1 + l2 + 1):
            name = f"{l}{'e' if p1 == p2 else 'o'}"
            part = np.asarray(x[name], np.float64)[..., used.setdefault(name, 0)]
            used[name] += 1
            c = np.sqrt(2 * l + 1) * clebsch_gordan(l1, l2, l)
            matrix[:, i : i + 2 * l1 + 1, j : j + 2 * l2 + 1] += np.einsum("ijk,nk->nij", c, part)
    return matrix


@BOTH
def test_blocks_are_the_couplings_of_every_pair(dtype):
    x = draw(matrix_blocks.block_irreps(LEFT, RIGHT), dtype)
    with jax.enable_x64(dtype == np.float64):
        found = assemble(x, **GENERAL)
        assert found.dtype == dtype
    np.testing.assert_allclose(found, looped(x), atol=40 * np.finfo(dtype).eps)


def test_orbitals_of_one_degree_are_tensor_products():
    # With one vector on each side: the trace, the cross product and the symmetric part.
    a, b = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    x = split(np.outer(a, b), left="1o", right="1o")
    np.testing.assert_allclose(x["0e"], [[a @ b / np.sqrt(3)]], atol=1e-6)
    np.testing.assert_allclose(x["1e"][:, 0], np.cross(a, b) / np.sqrt(2), atol=1e-6)


@BOTH
@KINDS
def test_irreps_and_blocks_are_inverses(options, dtype):
    rep = matrix_blocks.block_irreps(**options)
    rows, columns = (reps.parse_irreps(options[side]).dim for side in ("left", "right"))
    assert rep.dim == (rows * (rows + 1) // 2 if options["symmetric"] else rows * columns)
    x = draw(rep, dtype)
    with jax.enable_x64(dtype == np.float64):
        matrix = np.asarray(assemble(x, **options))
        back = split(matrix, **options)
    assert back.rep == rep
    for a, b in zip(back.blocks, x.blocks, strict=True):
        np.testing.assert_allclose(a, b, atol=40 * np.finfo(dtype).eps)
    if options["symmetric"]:
        np.testing.assert_array_equal(matrix, np.swapaxes(matrix, -1, -2))
    else:
        sizes = [np.square(block).sum(axis=(-2, -1)) for block in x.blocks]
        np.testing.assert_allclose(np.square(matrix).sum(axis=(-2, -1)), sum(sizes), rtol=1e-5)


@BOTH
@KINDS
def test_rows_and_columns_turn_with_the_orbitals(options, dtype):
    x = draw(matrix_blocks.block_irreps(**options), dtype)
    rows, columns = (reps.parse_irreps(options[side]) for side in ("left", "right"))
    proper = np.array(groups.Icosahedral().elements[7])
    for g in (proper, -proper):
        with jax.enable_x64(dtype == np.float64):
            found, still = (np.asarray(assemble(each, **options)) for each in (move(x, g), x))
        expected = rows.rho(g) @ still.astype(float) @ columns.rho(g).T
        np.testing.assert_allclose(found, expected, atol=80 * np.finfo(dtype).eps)
        # Rows that do not turn are found.
        assert np.abs(found - still @ columns.rho(g).T).max() > 0.1


@KINDS
def test_unit_variance_stays(options):
    rep = matrix_blocks.block_irreps(**options)
    variances = np.square(assemble(draw(rep), **options)).mean(axis=0)
    expected = np.ones(variances.shape)
    if options["symmetric"]:
        for start, l, _ in itertools.chain(*orbitals(LEFT)):
            own = slice(start, start + 2 * l + 1)
            expected[own, own] = (1 + np.eye(2 * l + 1)) / 2
    assert np.abs(variances / expected - 1).max() < 0.25


def test_only_the_symmetric_part_is_read():
    matrix = np.random.default_rng(0).normal(size=(SAMPLES, 8, 8)).astype(np.float32)
    found = assemble(split(matrix, **SYMMETRIC), **SYMMETRIC)
    np.testing.assert_allclose(found, (matrix + matrix.swapaxes(-1, -2)) / 2, atol=1e-5)


def test_summands_may_come_in_any_order_and_of_rotations_alone():
    one, V = reps.scalar(SO3), reps.vector(SO3)
    rep = matrix_blocks.block_irreps("1", "2x1", group=SO3)
    assert reps.format_irreps(rep) == "2x0+2x1+2x2"
    matrix = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    x = split(matrix, left="1", right="2x1", group=SO3)
    swapped = reps.RepArray(
        2 * V + 2 * reps.rotation_irrep(SO3, 2) + 2 * one, x.blocks[1:] + x.blocks[:1]
    )
    np.testing.assert_allclose(assemble(swapped, left=V, right=2 * V), matrix, atol=1e-6)


def test_gradients_are_those_of_a_linear_map():
    zero = draw(matrix_blocks.block_irreps("0e", "1o")).map(np.zeros_like)
    gradient = jax.grad(lambda x: jnp.sum(assemble(x, left="0e", right="1o")))(zero)
    np.testing.assert_allclose(gradient["1o"], 1, atol=1e-6)


def test_what_are_no_orbitals_is_refused():
    V = reps.vector(O3)
    x = draw(matrix_blocks.block_irreps("1o", "1o"))
    cases = [
        (
            r"these blocks have the irreps V of O\(3\), got",
            lambda: assemble(x, left="1o", right="0e"),
        ),
        (
            "of the same orbitals, got V",
            lambda: matrix_blocks.block_irreps(V, "0e", symmetric=True),
        ),
        (r"have shape \[\.\.\., 3, 1\], got", lambda: split(np.eye(3), left="1o", right="0e")),
        ("orbitals of one group", lambda: matrix_blocks.block_irreps(V, reps.vector(SO3))),
        ("expected a sum of irreps", lambda: matrix_blocks.block_irreps(V**2, "1o")),
        ("orbitals such as 2x0e", lambda: matrix_blocks.block_irreps("", "1o")),
    ]
    for message, call in cases:
        with pytest.raises(ValueError, match=message):
            call()
