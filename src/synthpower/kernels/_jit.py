"""How a kernel is compiled and where its machine code is kept.

Numba's own cache has two traps. It notices a change of the function's file only,
not of the functions it calls in other files: so the folder is named by a digest
of all kernel sources. And where no folder can be written it refuses to import:
so there a kernel is compiled anew in each process, and `CACHE_PROBLEM` says why.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event

F = TypeVar("F", bound=Callable[..., Any])


def _cache_home() -> Path:
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named)
    if sys.platform == "darwin":
        return Path("~/Library/Caches/synthpower").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "synthpower"


def _cache_folder() -> tuple[str, str]:
    """Return the folder, or "" and the reason why there is none."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    try:
        folder = _cache_home() / f"kernels-{digest.hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            return "", f"{folder} cannot be written"
    except (OSError, RuntimeError) as error:  # RuntimeError: no home directory
        return "", str(error)
    return str(folder), ""


CACHE_FOLDER, CACHE_PROBLEM = _cache_folder()


def kernel(function: F) -> F:
    """Compile `function` on its first call, without the GIL, and keep the machine code."""
    dispatcher = numba.njit(nogil=True)(function)
    if CACHE_FOLDER and not numba.config.DISABLE_JIT:
        # Numba reads the folder from its global configuration when caching is switched on;
        # it is put back at once, so that nobody else's functions land in ours.
        previous = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = CACHE_FOLDER
        try:
            dispatcher.enable_caching()
        finally:
            numba.config.CACHE_DIR = previous
    return dispatcher  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """Compile `function` into its callers, before LLVM sees them.

    Left to LLVM, Philox stays a call and its caller's loop a scalar one: 50 M cells/s, not 200.
    """
    return numba.njit(nogil=True, inline="always")(function)  # type: ignore[no-any-return]


class _Once(event.Listener):  # type: ignore[misc]
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def on_start(self, event: Any) -> None:  # noqa: ARG002
        if self._tell:
            tell, self._tell = self._tell, None
            tell()

    def on_end(self, event: Any) -> None: ...


def tell_compiling(tell: Callable[[], None]) -> None:
    """Call `tell` once, when first a kernel has to be compiled: on a machine's first run."""
    event.register("numba:compile", _Once(tell))
