"""Units of energies and lengths in files; electronvolt and angstrom inside."""

import dataclasses

from scipy import constants

from symjax_models.suggestion import look_up

_MOLE = constants.N_A * constants.e  # joules per mole in one electronvolt
_HARTREE = constants.physical_constants["Hartree energy in eV"][0]

ENERGIES = {
    "eV": 1.0,
    "meV": 1e-3,
    "kcal/mol": constants.calorie * 1e3 / _MOLE,
    "kJ/mol": 1e3 / _MOLE,
    "hartree": _HARTREE,
    "Ha": _HARTREE,
}
LENGTHS = {
    "angstrom": 1.0,
    "bohr": constants.physical_constants["Bohr radius"][0] / constants.angstrom,
    "nm": 10.0,
}


@dataclasses.dataclass(frozen=True)
class Units:
    """State the units of a file; those of forces and stresses follow.

    Attributes:
        energy: One of `eV`, `meV`, `kcal/mol` (thermochemical calories), `kJ/mol`, `hartree`, `Ha`.
        length: One of `angstrom`, `bohr`, `nm`.

    Source: CODATA, in the release that the installed SciPy holds.

    >>> round(Units(energy="kcal/mol").energy_factor, 9)
    0.043364104
    >>> Units(energy="kcal/mole")
    Traceback (most recent call last):
    ...
    ValueError: unknown unit of energy 'kcal/mole'; did you mean 'kcal/mol'? known are Ha, eV, \
hartree, kJ/mol, kcal/mol, meV
    """

    energy: str = "eV"
    length: str = "angstrom"

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ValueError: If a unit is unknown; the nearest one is named.
        """
        look_up(self.energy, ENERGIES, what="unit of energy")
        look_up(self.length, LENGTHS, what="unit of length")

    @property
    def energy_factor(self) -> float:
        """Electronvolts in one unit of energy."""
        return ENERGIES[self.energy]

    @property
    def length_factor(self) -> float:
        """Angstroms in one unit of length."""
        return LENGTHS[self.length]

    @property
    def force_factor(self) -> float:
        """Electronvolts per angstrom in one unit of force, energy / length."""
        return self.energy_factor / self.length_factor

    @property
    def stress_factor(self) -> float:
        """Electronvolts per cubic angstrom in one unit of stress, energy / length^3."""
        return self.energy_factor / self.length_factor**3

    def __str__(self) -> str:
        return f"{self.energy}, {self.length}"
