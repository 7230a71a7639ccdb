"""A digest of what a kernel does: its code as it was imported, with all that it uses.

Not of source files: in a zip, a frozen program or an installation without sources there are
none, and machine code would outlive what it was made from. Line numbers, file names and
docstrings have no part in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from synthpower.jit.inlined import Inlined


def code_digest(function: FunctionType) -> str:
    """Return a digest of a function's code, of the functions it calls and of their globals."""
    digest = hashlib.sha256()
    for part in _function_parts(function, set()):
        digest.update(b"%d:%s" % (len(part), part))
    return digest.hexdigest()


def _function_parts(function: FunctionType, seen: set[FunctionType]) -> Iterator[bytes]:
    if function in seen:
        yield b"seen " + function.__name__.encode()
        return
    seen.add(function)
    if function.__closure__:
        raise TypeError(f"{function.__name__}: a kernel cannot use variables of a function around")
    yield from _code_parts(function.__code__, function.__doc__)
    yield from _value_parts(function.__name__, function.__defaults__, function, seen)
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield name.encode()
            yield from _value_parts(name, function.__globals__[name], function, seen)


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _code_parts(code: CodeType, docstring: str | None = None) -> Iterator[bytes]:
    yield code.co_code
    yield code.co_exceptiontable
    names = (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
    yield repr((code.co_argcount, code.co_flags, names)).encode()
    for i, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        elif i == 0 and docstring is not None and constant == docstring:
            yield b"docstring"
        elif isinstance(constant, frozenset):  # of no fixed order
            yield repr(sorted(map(repr, constant))).encode()
        else:
            yield repr(constant).encode()


def _value_parts(
    name: str, value: Any, user: FunctionType, seen: set[FunctionType]
) -> Iterator[bytes]:
    yield type(value).__name__.encode()
    if isinstance(value, Inlined):
        yield from _function_parts(value.function, seen)
        if value.generate:
            yield from _function_parts(value.generate, seen)
    elif isinstance(value, np.ndarray | np.generic):
        yield repr((value.dtype.str, value.shape)).encode()
        yield value.tobytes()
    elif isinstance(value, FunctionType) and _package(value) == _package(user):
        yield from _function_parts(value, seen)
    elif isinstance(value, type | FunctionType | BuiltinFunctionType | np.ufunc | ModuleType):
        yield f"{getattr(value, '__module__', '')} {value.__name__}".encode()
    elif isinstance(value, tuple):
        yield str(len(value)).encode()
        for item in value:
            yield from _value_parts(name, item, user, seen)
    elif value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value).encode()
    else:
        raise TypeError(
            f"{user.__name__}: a kernel cannot use {name}, {type(value).__name__}: "
            f"numbers, strings, arrays, tuples and inlined functions have digests"
        )


def _package(function: FunctionType) -> str:
    return function.__module__.partition(".")[0]
