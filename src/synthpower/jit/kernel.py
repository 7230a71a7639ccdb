"""A kernel: checked arguments in, machine code found or made, and called without the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property, update_wrapper
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast

from synthpower.errors import InputError
from synthpower.jit import cache, notices
from synthpower.jit.digest import code_digest
from synthpower.jit.forking import LOCK
from synthpower.jit.inlined import compiled_scope
from synthpower.jit.loader import load
from synthpower.jit.signature import Signature, parse_argument
from synthpower.jit.target import target, target_machine
from synthpower.jit.types import Kind

P = ParamSpec("P")
R = TypeVar("R")
Entry = Callable[[Sequence[Any], Sequence[int]], object]  # takes arguments, and words for them

DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


class Kernel(Generic[P]):
    """A function over arrays that runs as machine code, without the GIL.

    The arguments' types and sizes are checked at each call against what was declared (see
    `synthpower.jit.signature`); what arrays contain is checked only by the kernel's own `check`.

    Attributes
    ----------
    function : function
        The function in Python.
    """

    def __init__(
        self,
        function: Callable[P, None],
        declared: dict[str, str],
        check: Callable[..., str | None] | None = None,
    ) -> None:
        self.function = cast(FunctionType, function)
        name, code = self.function.__name__, self.function.__code__
        if tuple(declared) != code.co_varnames[: code.co_argcount]:
            raise TypeError(f"{name}: other arguments are declared: {', '.join(declared)}")
        self._declared = declared
        self._check = check
        self._checked = _indices(check, tuple(declared)) if check else []
        self._entries: dict[tuple[Kind, ...], Entry] = {}
        update_wrapper(self, function)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> None:
        given: Sequence[Any] = self._in_order(arguments, named) if named else arguments
        kinds, words = self.signature.check(given)
        if self._check and (complaint := self._check(*[given[i] for i in self._checked])):
            raise ValueError(f"{self.function.__name__}: {complaint}")
        if DISABLED:
            self.function(*self.signature.plain(given))
            return
        entry = self._entries.get(kinds) or self._load(kinds)
        entry(given, words)

    def __repr__(self) -> str:
        return f"<kernel {self.function.__module__}.{self.function.__name__}({self.signature})>"

    def __reduce__(self) -> str:
        return self.function.__qualname__  # pickled by name

    @cached_property
    def signature(self) -> Signature:
        """The arguments as declared, parsed when first needed: a small job needs few kernels."""
        arguments = [parse_argument(*pair) for pair in self._declared.items()]
        return Signature(self.function.__name__, arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as Numba's: for use in compiled functions. It checks no argument."""
        from synthpower.jit import compiler

        return compiler.dispatcher(self.function, compiled_scope(self.function))

    def _in_order(self, arguments: Sequence[Any], named: dict[str, Any]) -> Sequence[Any]:
        import inspect

        return inspect.signature(self.function).bind(*arguments, **named).args

    def _load(self, kinds: tuple[Kind, ...]) -> Entry:
        with LOCK:
            if kinds not in self._entries:
                self._entries[kinds] = self._entry(kinds)
        return self._entries[kinds]

    def _entry(self, kinds: tuple[Kind, ...]) -> Entry:
        # Another version of llvmlite or Numba may lack or change anything that we use of it.
        try:
            machine_code = self._machine_code(kinds)
        except InputError:
            raise
        except Exception as error:
            notices.warn(f"{type(error).__name__}: {error}")
            function, plain = self.dispatcher, self.signature.plain
            return lambda arguments, _: function(*plain(arguments))
        return lambda _, words: machine_code(*words)

    def _machine_code(self, kinds: tuple[Kind, ...]) -> Callable[..., None]:
        name = self.function.__name__
        file = cache.file_name(name, code_digest(self.function), kinds, target())
        if kept := cache.read(file):
            try:
                return load(kept, kinds)
            except RuntimeError:  # LLVM cannot read it
                pass
        notices.announce(cache.cache_problem())
        from synthpower.jit.compiler import compile_kernel, dispatcher

        function = dispatcher(self.function, compiled_scope(self.function), inline="always")
        compiled = compile_kernel(name, function, kinds, target_machine())
        loaded = load(compiled, kinds)
        cache.keep(file, compiled)
        return loaded


def _indices(check: Callable[..., str | None], names: tuple[str, ...]) -> list[int]:
    """Return which of a kernel's arguments its check takes."""
    code = cast(FunctionType, check).__code__
    return [names.index(name) for name in code.co_varnames[: code.co_argcount]]


def kernel(
    check: Callable[..., str | None] | None = None, /, **declared: str
) -> Callable[[Callable[P, None]], Kernel[P]]:
    """Compile a function when it is first called, and keep the machine code.

    Parameters
    ----------
    check : callable, optional
        Called once types and sizes are as declared, with the arguments that have the names of
        its own. Returns what is wrong with them, if that could make the kernel write beyond an
        array.
    **declared : str
        The arguments in order, each with its type and sizes (see `synthpower.jit.signature`).

    Examples
    --------
    >>> @kernel(values="float64[n]", out="out float64[n]")
    ... def double(values, out):
    ...     for i in range(out.size):
    ...         out[i] = 2 * values[i]
    """

    def decorate(function: Callable[P, None]) -> Kernel[P]:
        return Kernel(function, declared, check)

    return decorate


def variant(function: Callable[P, R], name: str, **uses: object) -> Callable[P, R]:
    """Return a function that is another one but for its name and some of the globals it uses.

    So one loop serves for several kernels, each compiled with what it calls, and none with more.

    Parameters
    ----------
    function : function
        A template.
    name : str
        What the variant is called; it has to be found under this name in the template's module.
    **uses : object
        What the variant's globals are.
    """
    template = cast(FunctionType, function)
    made = FunctionType(
        template.__code__, {**template.__globals__, **uses}, name, template.__defaults__
    )
    made.__qualname__ = name
    made.__module__ = template.__module__
    made.__doc__ = template.__doc__
    made.__annotations__ = template.__annotations__
    return cast(Callable[P, R], made)
