"""Machine code -> a function, by llvmlite and ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from synthpower.jit.target import target_machine
from synthpower.jit.types import CompiledKernel, Kind

_engines: list[Any] = []  # machine code lives as long as what loaded it


def load(compiled: CompiledKernel, kinds: tuple[Kind, ...]) -> Callable[..., None]:
    """Load machine code, and return its function: it takes a pointer and lengths for arrays."""
    from llvmlite import binding

    abort = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    for name in compiled.unreachable_symbols:
        binding.add_symbol(name, abort)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(compiled.object_code))
    engine.finalize_object()
    address = engine.get_function_address(compiled.entry)
    if not address:
        raise RuntimeError(f"no function {compiled.entry} in the machine code")
    _engines.append(engine)
    parameters: list[Any] = []
    for dtype, axes in kinds:
        if axes:
            parameters += [ctypes.c_void_p, *[ctypes.c_int64] * axes]
        else:
            parameters.append(ctypes.c_uint64 if dtype == "<u8" else ctypes.c_int64)
    return ctypes.CFUNCTYPE(None, *parameters)(address)
