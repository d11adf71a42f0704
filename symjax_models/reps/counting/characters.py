"""Characters of representations, by the algebra they are built with."""

from typing import Any

import numpy as np

from symjax_models.reps import base, finite
from symjax_models.reps.powers import Power
from symjax_models.reps.restriction import Restricted


def character(rep: base.Rep, elements: Any) -> np.ndarray:
    """Compute the trace of `rho(g)`.

    Args:
        rep: The representation. Sums, products, duals and powers are taken apart, so that only the
            matrices of their smallest parts are formed.
        elements: Group elements `[..., n, n]`, NumPy.

    Returns:
        The traces `[...]`, complex if the representation is.

    Source: W. Fulton, J. Harris, "Representation theory", 1991, proposition 2.1 and section 2.1.
    """
    if isinstance(rep, base.Sum):
        zero = np.zeros(elements.shape[:-2], elements.dtype)
        return sum((m * character(term, elements) for m, term in rep.terms), zero)
    if isinstance(rep, (base.Tensor, base.Scalar)):
        result = np.ones(elements.shape[:-2], elements.dtype)
        for part in rep.factors:
            result = result * character(part, elements)
        return result
    if isinstance(rep, Power):
        return _power(rep, elements)
    if isinstance(rep, base.Dual):
        return character(rep.inner, np.linalg.inv(elements))
    if isinstance(rep, Restricted):
        return character(rep.inner, elements)
    if isinstance(rep, finite.Tabulated):
        return rep.characters[finite.index_of(rep.group, elements)]
    return np.trace(rep._rho(elements), axis1=-2, axis2=-1)


def _power(rep: Power, elements: np.ndarray) -> np.ndarray:
    # Newton's identity: k h_k = sum_i p_i h_(k-i), with signs for the alternating power.
    sums, power = [], elements
    for _ in range(rep.degree):
        sums.append(character(rep.inner, power))
        power = power @ elements
    found = [np.ones_like(sums[0])]
    for k in range(1, rep.degree + 1):
        signs = [1.0 if rep.is_symmetric else (-1.0) ** i for i in range(k)]
        terms = [signs[i] * sums[i] * found[k - 1 - i] for i in range(k)]
        found.append(sum(terms) / k)
    return found[-1]
