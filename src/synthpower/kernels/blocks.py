"""Several small numbers stored or loaded, and copies of blocks: one instruction each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.jit import intrinsic

_CODE_BITS = 16


def _store(context: Any, builder: Any, signature: Any, arguments: Any, bits: int) -> Any:
    from llvmlite import ir

    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    word = ir.IntType(bits)
    address = builder.bitcast(builder.gep(data, [arguments[1]]), word.as_pointer())
    value = builder.zext(arguments[2], word) if bits > arguments[2].type.width else arguments[2]
    builder.store(value, address).align = 2
    return context.get_dummy_value()


def _two_code(_context: Any, out: Any, _index: Any, _codes: Any) -> Any:
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _store(context, builder, signature, arguments, 32)

    return types.void(out, types.int64, types.uint32), generate


def _four_code(_context: Any, out: Any, _index: Any, _codes: Any) -> Any:
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _store(context, builder, signature, arguments, 64)

    return types.void(out, types.int64, types.uint64), generate


def _pair_code(_context: Any, out: Any, _index: Any, _first: Any, _second: Any) -> Any:
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        from llvmlite import ir

        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pair = ir.VectorType(arguments[2].type, 2)
        value = ir.Constant(pair, ir.Undefined)
        for i in range(2):
            place = ir.Constant(ir.IntType(32), i)
            value = builder.insert_element(value, arguments[2 + i], place)
        address = builder.bitcast(builder.gep(data, [arguments[1]]), pair.as_pointer())
        builder.store(value, address).align = 8
        return context.get_dummy_value()

    return types.void(out, types.int64, out.dtype, out.dtype), generate


@intrinsic(_two_code)
def put_two(out: NDArray[np.uint16], index: int, codes: Any) -> None:
    """Store two codes of 16 bits, the first in the low half of a word of 32."""
    for i in range(2):
        out[index + i] = int(codes) >> (_CODE_BITS * i) & 0xFFFF


@intrinsic(_four_code)
def put_four(out: NDArray[np.uint16], index: int, codes: Any) -> None:
    """Store four codes of 16 bits, the first in the lowest bits of a word of 64."""
    for i in range(4):
        out[index + i] = int(codes) >> (_CODE_BITS * i) & 0xFFFF


@intrinsic(_pair_code)
def put_pair(out: NDArray[Any], index: int, first: Any, second: Any) -> None:
    """Store two numbers of 64 bits."""
    out[index] = first
    out[index + 1] = second


def _copy_block_code(_context: Any, out: Any, _at: Any, texts: Any, _begin: Any) -> Any:
    from llvmlite import ir
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = ir.VectorType(ir.IntType(8), 32).as_pointer()
        places = []
        for array, index in ((0, 1), (2, 3)):
            make = context.make_array(signature.args[array])
            data = make(context, builder, arguments[array]).data
            places.append(builder.bitcast(builder.gep(data, [arguments[index]]), block))
        loaded = builder.load(places[1])
        loaded.align = 1
        builder.store(loaded, places[0]).align = 1
        return context.get_dummy_value()

    return types.void(out, types.int64, texts, types.int64), generate


@intrinsic(_copy_block_code)
def copy_block(out: Any, at: int, texts: Any, begin: int) -> None:
    """Copy 32 bytes."""
    out[at : at + 32] = texts[begin : begin + 32]


def _word_code(_context: Any, data: Any, _at: Any) -> Any:
    from llvmlite import ir
    from numba.core import types

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        word = builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(data, types.int64), generate


@intrinsic(_word_code)
def word_at(data: Any, at: int) -> Any:
    """Return eight bytes as a number, the first in its low bits."""
    return np.uint64(int.from_bytes(bytes(data[at : at + 8]), "little"))
