"""Functions that are compiled into kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class Inlined(Generic[P, R]):
    """A function that is compiled into kernels; called by itself it is plain Python.

    Attributes
    ----------
    function : function
        The function.
    generate : function or None
        How Numba is to make machine code of it, if not from the function.
    inline : str
        ``always`` or ``never``: whether Numba copies it to where it is called.
    """

    def __init__(
        self,
        function: Callable[P, R],
        generate: Callable[..., Any] | None = None,
        inline: str = "always",
    ) -> None:
        self.inline = inline
        self.function = cast(FunctionType, function)
        self.generate = cast("FunctionType | None", generate)
        self._call = function
        update_wrapper(self, function)

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> R:
        return self._call(*arguments, **named)

    def __repr__(self) -> str:
        return f"<inlined {self.function.__module__}.{self.function.__name__}>"

    def __reduce__(self) -> str:
        return self.function.__qualname__  # pickled by name

    @cached_property
    def dispatcher(self) -> Any:
        """The function as Numba's: for use in compiled functions."""
        from synthpower.jit import compiler

        if self.generate:
            return compiler.intrinsic_dispatcher(self.generate)
        return compiler.dispatcher(self.function, compiled_scope(self.function), inline=self.inline)


def inlined(function: Callable[P, R]) -> Inlined[P, R]:
    """Compile `function` into its callers, before LLVM sees them.

    Left to LLVM, Philox stays a call and its caller's loop a scalar one: 50 M cells/s, not 200.
    """
    return Inlined(function)


def called(function: Callable[P, R]) -> Inlined[P, R]:
    """Compile `function` by itself, for kernels to call: what has a loop of its own.

    Numba takes half a second to copy one of a screen into another, 30 s for a kernel of a dozen.
    """
    return Inlined(function, inline="never")


def intrinsic(generate: Callable[..., Any]) -> Callable[[Callable[P, R]], Inlined[P, R]]:
    """Compile what `generate` says (see `numba.extending.intrinsic`) in place of a function."""

    def decorate(function: Callable[P, R]) -> Inlined[P, R]:
        return Inlined(function, generate)

    return decorate


def compiled_scope(function: FunctionType) -> dict[str, Any]:
    """Return a function's globals, with Numba's functions in place of the inlined ones it calls."""
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        if isinstance(found := scope.get(name), Inlined):
            scope[name] = found.dispatcher
    return scope
