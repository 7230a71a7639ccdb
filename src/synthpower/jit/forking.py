"""The lock around everything that loads or compiles, and how a fork respects it.

A child of a fork has only the thread that forked: a lock that another thread held would be held
for ever. So a fork waits until nothing is being compiled, by us or by Numba itself.

Others hold their locks through a fork too, and what is registered last runs first. The library's
modules that do so and that Numba imports are imported here, before we register: or a fork would
hold the lock of `logging`, and wait for a thread that waits for it, importing Numba.
"""

from __future__ import annotations

import _thread
import concurrent.futures.thread  # noqa: F401
import logging  # noqa: F401
import os
import sys
import threading
from typing import Any

LOCK = threading.RLock()  # reentrant: the thread that compiles may fork, too
_held: list[Any] = []
_interrupted: list[bool] = []


def _acquire() -> None:
    _hold(LOCK)
    module = sys.modules.get("numba.core.compiler_lock")
    numba_lock: Any = getattr(module, "global_compiler_lock", None)
    # After ours, as in compiling: two locks in two orders would be a deadlock.
    if hasattr(numba_lock, "acquire") and hasattr(numba_lock, "release"):
        _hold(numba_lock)


def _hold(lock: Any) -> None:
    while True:
        try:
            lock.acquire()
        except KeyboardInterrupt:  # Python would ignore it here, and fork without the lock
            _interrupted.append(True)
        else:
            _held.append(lock)
            return


def _release_in_parent() -> None:
    _release()
    if _interrupted:
        _interrupted.clear()
        _thread.start_new_thread(_thread.interrupt_main, ())  # once the fork has ended


def _release() -> None:
    while _held:
        _held.pop().release()


os.register_at_fork(before=_acquire, after_in_parent=_release_in_parent, after_in_child=_release)
