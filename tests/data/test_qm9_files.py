import tarfile

import numpy as np
import pytest

from symjax_models.data import qm9_files

# Invented numbers in the layout of the raw files.
METHANE = """5
gdb 1\t157.7\t157.6\t157.5\t0.\t13.2\t-.38\t.12\t.5\t35.4\t0.045\t-40.5\t-40.4\t-40.3\t-40.6\t6.5\t
C\t-0.01\t 1.09\t 6.2*^-3\t-0.53
H\t 0.002\t-6.0*^-3\t 0.002\t 0.13
H\t 1.01\t 1.46\t 0.0003\t 0.13
H\t-0.54\t 1.45\t-0.88\t 0.13
H\t-0.52\t 1.44\t 0.91\t 0.13
1341.3\t1341.4
C\tC\t
InChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4
"""
WATER = """3
gdb 3\t799.6\t437.9\t283\t1.85\t6.3\t-.29\t.07\t.36\t19.\t2.1*^-2\t-76.4\t-76.3\t-76.2\t-76.5\t6.\t
O\t-0.03\t 0.98\t 0.008\t-0.59
H\t 0.06\t 0.02\t 0.002\t 0.29
H\t 0.87\t 1.30\t 0.0007\t 0.29
1671.4\t3803.1
O\tO\t
InChI=1S/H2O/h1H2\tInChI=1S/H2O/h1H2
"""
HARTREE = 27.211386245988


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "qm9"
    folder.mkdir()
    (folder / "dsgdb9nsd_000003.xyz").write_text(WATER)
    (folder / "dsgdb9nsd_000001.xyz").write_text(METHANE)
    (folder / "readme.txt").write_text("nothing")
    return folder


def test_molecules_and_properties_are_read(folder):
    structures = qm9_files.read_qm9(folder)
    assert structures.num_atoms.tolist() == [5, 3]
    assert structures.numbers.tolist() == [6, 1, 1, 1, 1, 8, 1, 1]
    np.testing.assert_allclose(structures.positions[0], [-0.01, 1.09, 6.2e-3])
    assert structures.energies is None
    found = structures.properties
    assert found["index"].tolist() == [1, 3]
    np.testing.assert_allclose(found["rotational_constants"][1], [799.6, 437.9, 283])
    for name, values in {
        "mu": [0.0, 1.85],
        "alpha": [13.2, 6.3],
        "r2": [35.4, 19.0],
        "Cv": [6.5, 6.0],
        "homo": [-0.38 * HARTREE, -0.29 * HARTREE],
        "gap": [0.5 * HARTREE, 0.36 * HARTREE],
        "zpve": [0.045 * HARTREE, 0.021 * HARTREE],
        "U0": [-40.5 * HARTREE, -76.4 * HARTREE],
        "G": [-40.6 * HARTREE, -76.5 * HARTREE],
    }.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9)
    assert found.keys() == qm9_files.PROPERTY_UNITS.keys()
    assert "zpve eV" in structures.provenance["units"]


def test_archives_and_single_files_are_read(folder, tmp_path):
    path = tmp_path / "dsgdb9nsd.xyz.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        for file in folder.iterdir():
            archive.add(file, arcname=file.name)
    assert qm9_files.read_qm9(path).properties["index"].tolist() == [1, 3]
    assert qm9_files.read_qm9(path, exclude={3}).properties["index"].tolist() == [1]
    assert len(qm9_files.read_qm9(folder / "dsgdb9nsd_000001.xyz")) == 1
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="is damaged or is no tar archive"):
        qm9_files.read_qm9(path)
    with pytest.raises(ValueError, match="holds no molecules"):
        qm9_files.read_qm9(folder, exclude=[1, 3])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must begin with the number of atoms, got ''"),
        ("five\n", "got 'five'"),
        (WATER.replace("gdb 3\t799.6", "gdb 3"), "line 2: expected 'gdb', an index and 15 numbers"),
        (WATER.replace("gdb", "qm9"), "line 2: expected 'gdb'"),
        (WATER.replace("437.9", "4x"), "line 2: expected a number, got '4x'"),
        (WATER.replace("0.87", "zero"), "line 5: expected a number, got 'zero'"),
        (WATER.replace("\t-0.59", ""), "line 3: expected an element, a position and a charge"),
        ("\n".join(WATER.splitlines()[:4]), "is truncated: expected 8 lines, got 4"),
        ("\n".join(WATER.splitlines()[:7]), "is truncated: expected 8 lines, got 7"),
        (WATER.replace("O\t-0.03", "Q\t-0.03"), "unknown element 'Q'"),
    ],
)
def test_damaged_files_are_named(folder, text, sentence):
    (folder / "dsgdb9nsd_000002.xyz").write_text(text)
    with pytest.raises(ValueError, match=f"dsgdb9nsd_000002.xyz.*{sentence}"):
        qm9_files.read_qm9(folder)
