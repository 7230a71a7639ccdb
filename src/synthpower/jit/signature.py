"""What a kernel takes: its arguments as declared, and the check of those it is given.

A declaration is a type with sizes in brackets: ``"uint64[servers]"``, ``"uint8[bytes]"``,
``"int64"``. A size is a number, a name that has one value throughout a call, a name plus a number
(``servers + 1``), or ``>= 64``. ``integer[...]`` is an array of any integers. ``out`` before it
says that the kernel writes it. Without brackets it is a number, ``int64`` or ``uint64``.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from synthpower.jit.types import Kind

_FORM = re.compile(r"(out )?(\w+)(?:\[(.+)\])?")
_SIZE = re.compile(r"(?:(>= )?(\d+)|([a-z_]+)(?: \+ (\d+))?)")
_INTEGERS = [f"{kind}{size}" for kind in ("int", "uint") for size in (8, 16, 32, 64)]
_RANGES = {"int64": (-(2**63), 2**63), "uint64": (0, 2**64)}


class Size(NamedTuple):
    """An axis's size: that of a name, and so many more; or if there is no name, a number."""

    name: str
    number: int
    minimum: bool


class Argument(NamedTuple):
    """An argument as declared."""

    name: str
    text: str
    written: bool
    kinds: dict[np.dtype[Any], Kind]
    sizes: tuple[Size, ...]  # none: a number


def parse_argument(name: str, text: str) -> Argument:
    """Return an argument of its declaration."""
    if not (found := _FORM.fullmatch(text)):
        raise ValueError(f"{name}: {text!r} declares no argument")
    written, type_name, brackets = found.groups()
    if not brackets and (written or type_name not in _RANGES):
        raise ValueError(f"{name}: {text!r}: a number is int64 or uint64, and not written")
    types = _INTEGERS if type_name == "integer" else [type_name]
    sizes = tuple(_parse_size(size.strip()) for size in brackets.split(",")) if brackets else ()
    kinds = {dtype: Kind(dtype.str, len(sizes)) for dtype in map(np.dtype, types)}
    return Argument(name, text, bool(written), kinds, sizes)


def _parse_size(text: str) -> Size:
    if not (found := _SIZE.fullmatch(text)):
        raise ValueError(f"{text!r} declares no size")
    minimum, number, name, more = found.groups()
    return Size(name or "", int(number or more or 0), bool(minimum))


class Signature:
    """A kernel's arguments."""

    def __init__(self, kernel: str, arguments: Sequence[Argument]) -> None:
        self.kernel = kernel
        self.arguments = tuple(arguments)

    def __str__(self) -> str:
        return ", ".join(f"{argument.name}: {argument.text}" for argument in self.arguments)

    def check(self, given: Sequence[Any]) -> tuple[tuple[Kind, ...], list[int]]:
        """Return the types of arguments, and the words a function in C takes for them.

        Raises
        ------
        TypeError, ValueError, OverflowError
            If an argument is not as declared. The message names the kernel and the argument.
        """
        if len(given) != len(self.arguments):
            raise TypeError(
                f"{self.kernel} takes {len(self.arguments)} arguments, not {len(given)}"
            )
        kinds = []
        words: list[int] = []
        lengths: dict[str, int] = {}
        for argument, value in zip(self.arguments, given, strict=True):
            if argument.sizes:
                kinds.append(self._array_kind(argument, value, lengths))
                words += (value.__array_interface__["data"][0], *value.shape)
            else:
                kinds += argument.kinds.values()
                words.append(self._number(argument, value))
        return tuple(kinds), words

    def plain(self, given: Sequence[Any]) -> list[Any]:
        """Return checked arguments as Numba and Python take them: numbers of the declared type."""
        return [
            value
            if argument.sizes
            else np.uint64(value)
            if argument.text == "uint64"
            else operator.index(value)
            for argument, value in zip(self.arguments, given, strict=True)
        ]

    def _array_kind(self, argument: Argument, value: Any, lengths: dict[str, int]) -> Kind:
        """Return an array's type; `lengths` has the sizes so far, and those of its names too."""
        if not isinstance(value, np.ndarray):
            raise self._wrong(TypeError, argument, f"is {type(value).__name__}, not an array")
        shape, flags = value.shape, value.flags
        if not (kind := argument.kinds.get(value.dtype)):
            raise self._wrong(TypeError, argument, f"is of {value.dtype}")
        if not (flags.c_contiguous and flags.aligned):
            raise self._wrong(ValueError, argument, "is not contiguous and aligned")
        if argument.written and not flags.writeable:
            raise self._wrong(ValueError, argument, "is read-only")
        if len(shape) != len(argument.sizes):
            raise self._wrong(ValueError, argument, f"is of shape {shape}")
        for (name, number, minimum), length in zip(argument.sizes, shape, strict=True):
            if name:
                known = lengths.setdefault(name, length - number)
                if known != length - number or known < 0:
                    what = f"is of shape {shape}, where {name} is {known}"
                    raise self._wrong(ValueError, argument, what)
            elif length != number and not (minimum and length > number):
                raise self._wrong(ValueError, argument, f"is of shape {shape}")
        return kind

    def _number(self, argument: Argument, value: Any) -> int:
        try:
            number = operator.index(value)
        except TypeError:
            raise self._wrong(
                TypeError, argument, f"is {type(value).__name__}, not a whole number"
            ) from None
        least, end = _RANGES[argument.text]
        if not least <= number < end:
            raise self._wrong(OverflowError, argument, f"is {number}")
        return number

    def _wrong(self, error: type[Exception], argument: Argument, what: str) -> Exception:
        return error(f"{self.kernel}: {argument.name} {what}; it must be {argument.text}")
