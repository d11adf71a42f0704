import gzip
import pathlib

import numpy as np
import pytest

from symjax_models.data import reference_energies, structure_files, structure_statistics
from symjax_models.data.structures import Structures
from symjax_models.data.units import Units

# ase 3.29 does what NumPy 2.5 deprecates.
ase = pytest.importorskip("ase", reason="needs the extra [molecules]")

REAL = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"
needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="needs the real data of ../shared/data"
)

# As in files of rMD17: a box without pbc, a capital letter, tabs.
RMD17_FRAME = """3
Lattice="50.0 0.0 0.0 0.0 50.0 0.0 0.0 0.0 50.0" Properties=species:S:1:pos:R:3:forces:R:3 {info}
O\t0.0\t0.0\t0.0\t0.1\t0.2\t0.3
H\t0.0\t0.76\t0.59\t-0.1\t0.0\t0.0
H\t0.0\t-0.76\t0.59\t0.0\t-0.2\t-0.3
"""
FRAMES = RMD17_FRAME.format(info="Energy=-2079.5") + RMD17_FRAME.format(info="Energy=-2079.7")


def write(tmp_path, text, name="data.xyz"):
    path = tmp_path / name
    if name.endswith(".gz"):
        with gzip.open(path, "wt") as file:
            file.write(text)
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["data.xyz", "data.extxyz", "data.xyz.gz", "DATA.XYZ"])
def test_extended_xyz_is_read(tmp_path, name):
    structures = structure_files.read_structures(write(tmp_path, FRAMES + "\n\n", name))
    assert structures.energies.tolist() == [-2079.5, -2079.7]
    assert structures.numbers.tolist() == [8, 1, 1] * 2
    np.testing.assert_array_equal(structures.forces[5], [0.0, -0.2, -0.3])
    assert structures.cells is None and structures.pbc is None  # the lattice is only a box
    provenance = structures.provenance
    assert provenance["file"] == name and provenance["energy key"] == "Energy"
    assert provenance["units"] == "eV, angstrom" and len(provenance["sha256"]) == 64


def test_lattices_are_periodic_as_the_file_says(tmp_path):
    def periodic(text, **options):
        pbc = structure_files.read_structures(write(tmp_path, text), **options).pbc
        return None if pbc is None else pbc.tolist()

    frame = RMD17_FRAME.format(info="Energy=-2079.5")
    assert periodic(frame, periodic=True) == [[True] * 3]
    assert periodic(frame.replace("Energy", 'pbc="T T F" Energy')) == [[True, True, False]]
    assert periodic(frame.replace("Energy", 'pbc="T T T" Energy')) == [[True] * 3]
    assert periodic(frame.replace("Energy", 'pbc="F F F" Energy')) is None
    small = frame.replace("50.0", "15.0")
    assert periodic(small) == [[True] * 3]
    assert periodic(small, periodic=False) is None
    # A slab has vacuum on one side only.
    assert periodic(frame.replace('"50.0', '"15.0')) == [[True] * 3]


def test_stated_units_are_converted(tmp_path):
    text = FRAMES.replace("-2079", "-47943")
    units = Units(energy="kcal/mol")
    structures = structure_files.read_structures(write(tmp_path, text), units=units)
    np.testing.assert_allclose(structures.energies[0], -47943.5 * 0.0433641, rtol=1e-6)
    np.testing.assert_allclose(structures.forces[0, 2], 0.3 * 0.0433641, rtol=1e-6)
    with pytest.raises(ValueError, match="data.xyz: frame . has the energy .* kcal/mol.*units="):
        structure_files.read_structures(write(tmp_path, text))


def test_databases_are_read(tmp_path):
    import ase.db
    from ase.calculators.singlepoint import SinglePointCalculator

    path = tmp_path / "data.db"
    slab = ase.Atoms("Cu2", [[0, 0, 0], [1.8, 1.8, 0]], cell=[3.6, 3.6, 15.0], pbc=[1, 1, 0])
    forces, stress = np.array([[0, 0, 1.0], [0, 0, -1.0]]), np.arange(6.0)
    slab.calc = SinglePointCalculator(slab, energy=-3.0, forces=forces, stress=stress)
    with ase.db.connect(path) as database:
        database.write(slab, temperature=300.0, data={"REF_energy": -4.0})
    structures = structure_files.read_structures(path, energy_key="REF_energy")
    assert structures.energies.tolist() == [-4.0]
    assert structure_files.read_structures(path, energy_key="energy").energies.tolist() == [-3.0]
    np.testing.assert_array_equal(structures.forces, forces)
    np.testing.assert_array_equal(structures.pbc, [[True, True, False]])
    np.testing.assert_array_equal(structures.stresses[0][[0, 0], [1, 2]], [5.0, 4.0])
    assert structures.properties["temperature"].tolist() == [300.0]
    (tmp_path / "wrong.db").write_text("no database")
    with pytest.raises(ValueError, match="wrong.db: ase cannot read it"):
        structure_files.read_structures(tmp_path / "wrong.db")


def test_arrays_of_numpy_are_read(tmp_path):
    path = tmp_path / "own.npz"
    own = Structures(numbers=[1, 1], positions=[[0, 0, 0], [0, 0, 0.74]], num_atoms=[2])
    own.save(path)
    assert structure_files.read_structures(path).numbers.tolist() == [1, 1]
    with pytest.raises(ValueError, match="was written in eV and angstrom"):
        structure_files.read_structures(path, units=Units())
    with pytest.raises(ValueError, match=r"energy_key is not for \.npz"):
        structure_files.read_structures(path, energy_key="E")
    values = {"R": own.positions[None], "z": own.numbers, "E": np.array([-730.0])}
    np.savez(path, **values, F=np.zeros((1, 2, 3)))
    np.testing.assert_allclose(structure_files.read_structures(path).energies, -31.6558, rtol=1e-5)
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"is damaged or is no \.npz"):
        structure_files.read_structures(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no configuration"),
        (FRAMES[:-40], r"frame 1 is truncated: expected 3 atoms, got 2"),
        (FRAMES.replace("\n3\n", "\nthree\n"), "frame 1 must begin with a number of atoms in line"),
        (FRAMES.replace("Energy", "Enrgy"), "no energy under a usual name, but 'Enrgy'"),
        (FRAMES.replace("-2079.7", "NaN"), "frame 1: energy is not finite"),
        (FRAMES.replace("0.76\t0.59", "0.76\tzero"), "ase cannot read"),
        (FRAMES.replace("H\t", "Qq\t"), "ase cannot read"),
        ("1\ngdb 1\t0.\nH\t0.\t0.\t0.\t0.\n", "read it with qm9_files"),
    ],
)
def test_damaged_files_are_named(tmp_path, text, sentence):
    with pytest.raises(ValueError, match=f"data.xyz.*{sentence}"):
        structure_files.read_structures(write(tmp_path, text))


def test_files_that_are_none_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"unknown kind of file 'a.xzy'; did you mean '.xyz'"):
        structure_files.read_structures(tmp_path / "a.xzy")
    for name in ("a.xyz", "a.npz", "a.db"):
        with pytest.raises(FileNotFoundError):
            structure_files.read_structures(tmp_path / name)
    path = write(tmp_path, FRAMES, "data.xyz.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="is truncated or damaged"):
        structure_files.read_structures(path)


@needs_real_data
@pytest.mark.parametrize(
    ("molecule", "energy", "force"), [("ethanol", 0.178, 1.195), ("aspirin", 0.260, 1.261)]
)
def test_rmd17_has_the_known_statistics(molecule, energy, force):
    structures = structure_files.read_structures(REAL / "rmd17" / molecule / "train_01.xyz.gz")
    assert len(structures) == 1000 and structures.cells is None
    assert structures.energies.std() == pytest.approx(energy, abs=5e-4)
    assert structure_statistics.force_rms(structures) == pytest.approx(force, abs=5e-4)
    net = np.add.reduceat(structures.forces, structures.starts[:-1])
    assert np.abs(net).max() < 1e-2
    left = reference_energies.subtract(structures, reference_energies.least_squares(structures))
    assert left.energies.std() == pytest.approx(energy, abs=5e-4)
    assert abs(left.energies.mean()) < 1e-6


@needs_real_data
def test_acac_binds_its_isolated_atoms():
    atoms = structure_files.read_structures(REAL / "acac" / "isolated_atoms.xyz")
    energies = reference_energies.isolated_atoms(atoms)
    assert set(energies) == {1, 6, 8}
    scan = structure_files.read_structures(REAL / "acac" / "test_dihedral.xyz.gz")
    assert scan.forces is None and scan.properties["dihedral_angle"].shape == (len(scan),)
    left = reference_energies.subtract(scan, energies).energies
    assert left.min() > -80.0 and left.max() < -60.0
