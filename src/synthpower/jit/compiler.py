"""Python -> machine code, by Numba. Imported only if something has to be compiled."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numba
import numpy as np
from llvmlite import binding
from numba import types
from numba.extending import intrinsic

from synthpower.jit.types import UNREACHABLE, CompiledKernel, Kind

# Numbers divide as NumPy's do: no kernel divides by zero, and no test of it stops the vectoriser.
_DIVIDING = {"error_model": "numpy"}

# What compiled functions name of Python and Numba to raise errors and to free arrays.
_FOR_ERRORS = {
    "NRT_Free",
    "NRT_MemInfo_call_dtor",
    "PyBytes_FromStringAndSize",
    "PyErr_Clear",
    "PyErr_SetNone",
    "PyErr_SetString",
    "PyErr_WriteUnraisable",
    "PyExc_RuntimeError",
    "PyExc_StopIteration",
    "PyExc_SystemError",
    "PyUnicode_FromString",
    "Py_DecRef",
    "numba_do_raise",
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_runtime_build_excinfo_struct",
    "numba_unpickle",
}


def dispatcher(function: FunctionType, scope: dict[str, Any], **options: Any) -> Any:
    """Return a function as Numba's, with `scope` as its globals."""
    copy = FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
    return numba.njit(nogil=True, **_DIVIDING, **options)(copy)


def intrinsic_dispatcher(generate: Callable[..., Any]) -> Any:
    """Return a function as Numba's whose machine code `generate` makes."""
    return intrinsic(generate)


def compile_kernel(
    name: str, function: Any, kinds: tuple[Kind, ...], machine: Any
) -> CompiledKernel:
    """Return a kernel's machine code: a function in C that takes a pointer and lengths for arrays.

    Parameters
    ----------
    name : str
        The kernel's name.
    function : Numba's dispatcher
        What to compile.
    kinds : tuple of Kind
        Its arguments.
    machine : llvmlite.binding.TargetMachine
        What for.
    """
    parameters: list[str] = []
    arguments = []
    signature: list[Any] = []
    for i, (dtype, axes) in enumerate(kinds):
        number = numba.from_dtype(np.dtype(dtype))
        lengths = [f"n{i}_{axis}" for axis in range(axes)]
        parameters += [f"a{i}", *lengths]
        arguments.append(f"carray(a{i}, ({', '.join(lengths)},))" if axes else f"a{i}")
        signature += [types.CPointer(number), *[types.int64] * axes] if axes else [number]
    source = f"def {name}_entry({', '.join(parameters)}): kernel({', '.join(arguments)})"
    scope = {"kernel": function, "carray": numba.carray}
    exec(source, scope)  # noqa: S102 - a function in C has a fixed number of arguments
    entry = numba.cfunc(types.void(*signature), **_DIVIDING)(scope[f"{name}_entry"])
    text, unreachable = _detached(entry.inspect_llvm())
    return CompiledKernel(
        entry.native_name, unreachable, machine.emit_object(binding.parse_assembly(text))
    )


def _detached(text: str) -> tuple[str, list[str]]:
    """Return LLVM's text of a function with new names for all that it would need of Numba.

    That is for errors only, and a kernel has none: it divides as NumPy does and checks no bounds.
    Under their own names Numba would find them too, if it is imported later.
    """
    module = binding.parse_assembly(text)
    values = [*module.functions, *module.global_variables]
    names = {v.name for v in values if v.is_declaration and not v.name.startswith("llvm.")}
    if needed := names - _FOR_ERRORS:
        raise NotImplementedError(f"a kernel cannot use {', '.join(sorted(needed))}")
    renamed = {name: UNREACHABLE + name for name in sorted(names)}
    text = re.sub(r"@(\w+)", lambda found: f"@{renamed.get(found[1], found[1])}", text)
    return text, list(renamed.values())
