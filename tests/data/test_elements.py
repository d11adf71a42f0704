import pytest

from symjax_models.data import elements


def test_symbols_and_numbers_are_inverse():
    assert len(elements.SYMBOLS) == 118
    for number, symbol in {1: "H", 26: "Fe", 57: "La", 79: "Au", 86: "Rn", 118: "Og"}.items():
        assert elements.symbol_of(number) == symbol
        assert elements.number_of(symbol) == number


def test_what_is_no_element_is_refused():
    with pytest.raises(ValueError, match="did you mean 'Cl'"):
        elements.number_of("CL")
    with pytest.raises(ValueError, match="from 1 to 118, got 0"):
        elements.symbol_of(0)
