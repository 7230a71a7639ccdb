"""The lock around everything that loads or compiles, and how a fork respects it.

A child of a fork has only the thread that forked: a lock that another thread held would be held
for ever. So a fork waits until nothing is being compiled, by us or by Numba itself.

Others hold their locks through a fork too, and what is registered last runs first. The library's
modules that do so and that Numba imports are imported here, before we register: or a fork would
hold the lock of `logging`, and wait for a thread that waits for it, importing Numba.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
import sys
import threading
from typing import Any

LOCK = threading.RLock()  # reentrant: the thread that compiles may fork, too
_held: list[Any] = []


def _acquire() -> None:
    LOCK.acquire()
    module = sys.modules.get("numba.core.compiler_lock")
    numba_lock: Any = getattr(module, "global_compiler_lock", None)
    # After ours, as in compiling: two locks in two orders would be a deadlock.
    if hasattr(numba_lock, "acquire") and hasattr(numba_lock, "release"):
        numba_lock.acquire()
        _held.append(numba_lock)


def _release() -> None:
    while _held:
        _held.pop().release()
    LOCK.release()


os.register_at_fork(before=_acquire, after_in_parent=_release, after_in_child=_release)
