"""What is said while kernels are loaded, each thing once."""

from __future__ import annotations

import warnings
from collections.abc import Callable

_listeners: list[Callable[[str], None]] = []  # one, or none
_said: set[str] = set()


def on_notice(listener: Callable[[str], None]) -> None:
    """Have `listener`, and no other, called with a line when kernels have to be compiled.

    A line says that they are compiled now, and another that plain Numba has to serve, each once.
    Without a listener the first is not said, and the second is a `RuntimeWarning`.
    """
    _listeners[:] = [listener]
    _said.clear()


def announce(cache_problem: str) -> None:
    """Say that kernels are being compiled, and why they cannot be kept if there is a problem."""
    line = "compiling kernels for this machine: a few seconds, the first time only"
    if cache_problem:
        line = f"compiling kernels, each time: they cannot be kept, {cache_problem}"
    if _is_new("compiling"):
        for listener in _listeners:
            listener(line)


def warn(reason: str) -> None:
    """Say that kernels are plain Numba functions."""
    line = f"kernels are compiled by plain Numba, in each process: {reason}"
    if not _is_new("plain"):
        return
    for listener in _listeners:
        listener(line)
    if not _listeners:
        warnings.warn(line, RuntimeWarning, stacklevel=2)


def _is_new(subject: str) -> bool:
    new = subject not in _said
    _said.add(subject)
    return new
