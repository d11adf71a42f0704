"""Symbols of the chemical elements."""

from symjax_models.suggestion import nearest_of

_TABLE = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se "
    "Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb "
    "Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm "
    "Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
)
SYMBOLS = tuple(_TABLE.split())
_NUMBERS = {symbol: index + 1 for index, symbol in enumerate(SYMBOLS)}


def symbol_of(number: int) -> str:
    """Return the symbol of an atomic number.

    Raises:
        ValueError: If there is no such element.

    >>> symbol_of(8)
    'O'
    """
    if not 1 <= number <= len(SYMBOLS):
        raise ValueError(f"expected an atomic number from 1 to {len(SYMBOLS)}, got {number}")
    return SYMBOLS[number - 1]


def number_of(symbol: str) -> int:
    """Return the atomic number of a symbol.

    Raises:
        ValueError: If there is no such element; the nearest symbol is named.

    >>> number_of("O")
    8
    """
    if symbol not in _NUMBERS:
        raise ValueError(f"unknown element {symbol!r}; {nearest_of(symbol.capitalize(), SYMBOLS)}")
    return _NUMBERS[symbol]
