import numpy as np
import pytest

from symjax_models.data.units import Units


def test_factors_are_those_of_codata():
    # CODATA 2018, to the digits that later releases keep.
    assert Units(energy="kcal/mol").energy_factor == pytest.approx(0.0433641042, rel=1e-8)
    assert Units(energy="kJ/mol").energy_factor == pytest.approx(0.0103642697, rel=1e-8)
    assert Units(energy="hartree").energy_factor == pytest.approx(27.211386246, rel=1e-9)
    assert Units(energy="Ha") == Units(energy="Ha") != Units(energy="hartree")
    assert Units(energy="Ha").energy_factor == Units(energy="hartree").energy_factor
    assert Units(length="bohr").length_factor == pytest.approx(0.529177210, rel=1e-8)
    assert Units(length="nm").length_factor == 10.0
    assert Units(energy="meV").energy_factor == 1e-3


def test_forces_and_stresses_follow():
    units = Units(energy="hartree", length="bohr")
    assert units.force_factor == pytest.approx(51.42206747, rel=1e-8)
    # One atomic unit of pressure is 29421.015697 GPa, and 1 eV/A^3 is 160.2176634 GPa.
    np.testing.assert_allclose(units.stress_factor, 29421.015697 / 160.2176634, rtol=1e-8)
    assert Units().force_factor == Units().stress_factor == 1.0
    assert str(units) == "hartree, bohr"


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [({"energy": "kcal"}, "'kcal/mol'"), ({"length": "angstroms"}, "'angstrom'")],
)
def test_unknown_units_name_the_nearest(wrong, nearest):
    with pytest.raises(ValueError, match=f"did you mean {nearest}"):
        Units(**wrong)
