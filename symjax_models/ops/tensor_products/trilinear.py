"""Forms that are linear in each of three arrays: their contractions, which JAX derives and maps."""

from collections.abc import Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from symjax_models.typing import Array


class Form(Protocol):
    """State a number T(a0, a1, a2) per entry of the batch, linear in each of three arrays.

    Instances are hashable values. The arrays are `[*batch, rows, columns]`, of one batch.
    """

    def shape(self, slot: int, columns: int) -> tuple[int, int]:
        """Return rows and columns of the array in a slot, of those of the widest array."""
        ...

    def contract(self, slot: int, first: Array, second: Array, given: Sequence[Array]) -> Array:
        """Compute the derivative of T by the array in a slot, bilinear in the two others."""
        ...


def contract(form: Form, slot: int, first: Array, second: Array, *given: Array) -> Array:
    """Compute the derivative of a trilinear form by one of its arrays.

    It is bilinear in the two others, and its derivatives are contractions of the same form. So
    they are as fast as it: of the formula alone JAX would make padded copies of rows and reductions
    over them. Derivatives of all orders and both modes exist, and `jax.vmap` maps it.

    Args:
        form: T.
        slot: 0, 1 or 2, the array that is left out.
        first: The first of the two others, `[*batch, rows, columns]`.
        second: The second of the two others, `[*batch, rows, columns]`.
        given: Arrays that T depends on as well, which are not derived by.

    Returns:
        The derivative of T, `[*batch, rows, columns]`. It is stored and not fused with what uses
        it, which would compute it again in each place.
    """
    return _contract.bind(first, second, *given, form=form, slot=slot)


def store_pieces(pieces: Sequence[Array]) -> Array:
    """Concatenate pieces along the rows, each computed in one loop of its own and stored.

    Without the barrier, XLA fuses them with what uses them, and computes them again in each place.
    """
    return jnp.concatenate(jax.lax.optimization_barrier(list(pieces)), axis=-2)


def _evaluate(first: Array, second: Array, *given: Array, form: Form, slot: int) -> Array:
    return form.contract(slot, first, second, given)


def _shape(first: Any, second: Any, *_given: Any, form: Form, slot: int) -> Any:
    shape = form.shape(slot, max(first.shape[-1], second.shape[-1]))
    return first.update(shape=(*first.shape[:-2], *shape), weak_type=False)


def _differentiate(primals: Any, tangents: Any, *, form: Form, slot: int) -> Any:
    first, second, *given = primals
    changes = [
        contract(form, slot, *pair, *given)
        for pair, tangent in (
            ((tangents[0], second), tangents[0]),
            ((first, tangents[1]), tangents[1]),
        )
        if type(tangent) is not ad.Zero
    ]
    value = contract(form, slot, *primals)
    return value, sum(changes[1:], changes[0]) if changes else jnp.zeros_like(value)


def _transpose(cotangent: Any, *operands: Any, form: Form, slot: int) -> list[Any]:
    results: list[Any] = [None] * len(operands)
    if type(cotangent) is ad.Zero:
        return results
    linear = 0 if ad.is_undefined_primal(operands[0]) else 1
    slots = [i for i in range(3) if i != slot]
    arrays = {slot: cotangent, slots[1 - linear]: operands[1 - linear]}
    pair = [arrays[i] for i in sorted(arrays)]
    results[linear] = contract(form, slots[linear], *pair, *operands[2:])
    return results


def _map(operands: Any, axes: Any, *, form: Form, slot: int) -> Any:
    size = next(x.shape[i] for x, i in zip(operands, axes, strict=True) if i is not None)
    moved = [batching.bdim_at_front(x, i, size) for x, i in zip(operands, axes, strict=True)]
    return contract(form, slot, *moved), 0


_contract = Primitive("trilinear_contract")
_contract.def_impl(jax.jit(_evaluate, static_argnames=("form", "slot")))
_contract.def_abstract_eval(_shape)
mlir.register_lowering(_contract, mlir.lower_fun(_evaluate, multiple_results=False))
ad.primitive_jvps[_contract] = _differentiate
ad.primitive_transposes[_contract] = _transpose
batching.primitive_batchers[_contract] = _map
