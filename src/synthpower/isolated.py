"""A function called in a process of its own.

A library that reads a damaged file may end its process, take all memory, or never come to an end.
There it does, and here that is an `InputError`.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from synthpower.errors import InputError

P = ParamSpec("P")
T = TypeVar("T")

_MEMORY = 2**33  # bytes of addresses that it may have, and some for what it is given
_SLOWEST = 10**6  # bytes of a file that are read in a second, at least
_PATIENCE = 60  # seconds more
_MODULE = [sys.executable, "-P", "-m", "synthpower.isolated"]  # -P: nothing of the current folder


def call(seconds: float, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Call a function of a module, and return what it returns.

    Parameters
    ----------
    seconds : float
        How long that may take.

    Raises
    ------
    InputError
        Where it raises something, takes too long or too much memory, or ends its process.
    """
    request = pickle.dumps((function, args, options))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(  # noqa: S603 - of our own
            _MODULE,
            check=False,
            input=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"reading it takes more than {seconds:,.0f} s") from None
    if done.returncode < 0:
        raise InputError(f"reading it ends pyarrow with {_signal_name(-done.returncode)}")
    if done.returncode:
        raise InputError(f"reading it ends pyarrow with status {done.returncode}")
    wrong, result = pickle.loads(done.stdout)  # noqa: S301 - of a process of our own
    if wrong:
        raise InputError(wrong)
    return result  # type: ignore[no-any-return]


def patience(size: int | None) -> float:
    """Return how many seconds the reading of a file of so many bytes may take."""
    return _PATIENCE + (size or 0) / _SLOWEST


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _serve() -> None:
    """Do what standard input asks for."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    out = os.dup(1)
    os.dup2(2, 1)  # nothing that a library prints comes between
    request = sys.stdin.buffer.read()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _MEMORY + 8 * len(request))
    wrong, result = "", None
    try:
        function, args, options = pickle.loads(request)  # noqa: S301 - of the process that started this
        result = function(*args, **options)
    except MemoryError:
        wrong = f"it takes more than {_MEMORY >> 30} GiB of memory"
    except InputError as error:
        wrong = str(error)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        wrong = f"it cannot be read: {reason or type(error).__name__}"
    with os.fdopen(out, "wb") as file:
        file.write(pickle.dumps((wrong, result)))
    os._exit(0)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, hard))


if __name__ == "__main__":
    _serve()
