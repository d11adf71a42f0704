import numpy as np
import pytest

from symjax_models.data.md17_files import read_md17
from symjax_models.data.units import ENERGIES, Units

WATER = np.array([[0, 0, 0], [0, 0.76, 0.59], [0, -0.76, 0.59]])
KCAL = ENERGIES["kcal/mol"]
KEYS = {
    "md17": ("R", "z", "E", "F"),
    "rmd17": ("coords", "nuclear_charges", "energies", "forces"),
}


def arrays(kind="md17", *, energy=1 / KCAL, force=1 / KCAL, **changes):
    """Return two configurations of water in units of so many per eV."""
    forces = np.random.default_rng(0).normal(size=(2, 3, 3))
    energies = np.array([-2079.0, -2079.2])
    values = (
        np.stack([WATER, 1.01 * WATER]),
        np.array([8, 1, 1], np.uint8),
        energies[:, None] * energy if kind == "md17" else energies * energy,
        forces * force,
    )
    return dict(zip(KEYS[kind], values, strict=True)) | changes


@pytest.mark.parametrize("kind", KEYS)
def test_both_formats_are_read_in_ev(tmp_path, kind):
    path = tmp_path / "water.npz"
    # Object arrays, as in files of sGDML, must not be touched.
    np.savez(path, **arrays(kind), theory=np.array("ccsd(t)"), extra=np.array([None, {}]))
    structures = read_md17(path)
    assert structures.num_atoms.tolist() == [3, 3]
    assert structures.numbers.tolist() == [8, 1, 1, 8, 1, 1]
    np.testing.assert_allclose(structures.energies, [-2079.0, -2079.2], rtol=1e-12)
    expected = np.random.default_rng(0).normal(size=(6, 3))
    np.testing.assert_allclose(structures.forces, expected, rtol=1e-12)
    np.testing.assert_allclose(structures.positions[3:], 1.01 * WATER)
    assert structures.cells is None
    assert structures.provenance["units"] == "kcal/mol, angstrom"
    assert len(structures.provenance["sha256"]) == 64


def test_stated_units_count(tmp_path):
    path = tmp_path / "water.npz"
    np.savez(path, **arrays(energy=1.0, force=1.0), e_unit=np.array("eV"), r_unit=np.array("Ang"))
    np.testing.assert_allclose(read_md17(path).energies, [-2079.0, -2079.2])
    np.savez(path, **arrays(energy=1.0, force=1.0))
    assert read_md17(path, units=Units()).provenance["units"] == "eV, angstrom"
    with pytest.raises(ValueError, match="atoms in eV.*state the units"):
        read_md17(path)
    np.savez(path, **arrays(), e_unit=np.array("furlong"))
    with pytest.raises(ValueError, match="unknown e_unit 'furlong'"):
        read_md17(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"R": WATER}, r"expected R \[T, N, 3\] and z \[N\]"),
        ({"F": np.zeros((2, 2, 3))}, r"F of shape \(2, 3, 3\), got \(2, 2, 3\)"),
        ({"E": np.zeros(3)}, r"E of shape \(2,\), got \(3,\)"),
        ({"E": np.array([0.0, np.nan])}, "frame 1 has energies that are not finite"),
        ({"z": np.array([8, 1, 1, 1])}, r"\[N\], got shapes \(2, 3, 3\) and \(4,\)"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, changes, sentence):
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(ValueError, match=f"a.npz: .*{sentence}"):
        read_md17(tmp_path / "a.npz")


def test_missing_keys_and_damage_are_named(tmp_path):
    path = tmp_path / "a.npz"
    values = arrays("rmd17")
    values["Forces"] = values.pop("forces")
    np.savez(path, **values)
    with pytest.raises(ValueError, match="expected the key 'forces'; did you mean 'Forces'"):
        read_md17(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"a\.npz"):
        read_md17(path)
    with pytest.raises(FileNotFoundError):
        read_md17(tmp_path / "none.npz")
