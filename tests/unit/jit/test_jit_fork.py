"""Forks while another thread compiles: no child waits for a lock that nobody will release."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# The thread compiles one kernel, of a second or so, and children want the same one and another.
SCRIPT = """
import multiprocessing, os, sys, threading, time
import numpy as np
from synthpower import kernels

def choose():
    out = np.empty(3, np.int32)
    kernels.fill_choices(0, np.uint64(7), np.array([2**62, 2**63], np.uint64), out)
    return out.tolist()

def both(_=None):
    times = np.empty((1, kernels.SLOT), np.uint8)
    kernels.format_times(np.array([0]), times)
    return *choose(), bytes(times[0, :4]).decode()

def wait_for(module):
    while module not in sys.modules:
        time.sleep(0.001)

if __name__ == "__main__":
    method, moment = sys.argv[1:]
    thread = threading.Thread(target=choose)
    thread.start()
    wait_for(moment)
    with multiprocessing.get_context(method).Pool(2) as pool:
        found = pool.map_async(both, range(2)).get(timeout=60)
    thread.join()
    assert found == [(2, 1, 0, "1970")] * 2, found
    assert both() == found[0]
    print("done")
"""


def run(script: str, tmp_path: Path, *arguments: str) -> str:
    path = tmp_path / "script.py"
    path.write_text(script)
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", path, *arguments],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# When Numba is being imported, and when it has been and its lock is in use.
@pytest.mark.parametrize("moment", ["numba", "synthpower.jit.compiler"])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_run_kernels_while_a_thread_compiles(
    tmp_path: Path, method: str, moment: str
) -> None:
    assert run(SCRIPT, tmp_path, method, moment) == "done\n"


def test_a_child_compiles_while_numba_compiles_for_somebody_else(tmp_path: Path) -> None:
    script = """
import os, signal, threading, time
import numba, numpy as np
from numba.core.compiler_lock import global_compiler_lock
from synthpower import kernels

held = threading.Event()
def hold():
    with global_compiler_lock:
        held.set()
        time.sleep(0.5)

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if not child:
    signal.alarm(60)
    kernels.format_times(np.array([0]), np.empty((1, kernels.SLOT), np.uint8))
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
thread.join()
"""
    run(script, tmp_path)


def test_the_thread_that_compiles_may_fork(tmp_path: Path) -> None:
    script = """
import os, signal
import numpy as np
from synthpower import kernels

def fork(line):
    if not os.fork():
        signal.alarm(60)
        os._exit(0)
    assert os.wait()[1] == 0

signal.alarm(60)
kernels.on_notice(fork)
kernels.format_times(np.array([0]), np.empty((1, kernels.SLOT), np.uint8))
print("done")
"""
    assert run(script, tmp_path) == "done\n"


def test_a_fork_holds_no_lock_that_the_thread_that_compiles_waits_for(tmp_path: Path) -> None:
    script = """
import os, signal, threading, time
from synthpower.jit.forking import LOCK
import logging

held = threading.Event()
def compile_and_log():
    with LOCK:
        held.set()
        time.sleep(0.5)
        logging.getLogger("numba")

signal.alarm(60)
thread = threading.Thread(target=compile_and_log)
thread.start()
held.wait()
if not os.fork():
    os._exit(0)
thread.join()
print("done")
"""
    assert run(script, tmp_path) == "done\n"


def test_loaded_kernels_serve_in_a_child(tmp_path: Path) -> None:
    script = """
import os, signal
import numpy as np
from synthpower import kernels
times = np.empty((1, kernels.SLOT), np.uint8)
kernels.format_times(np.array([0]), times)
times[:] = 0
child = os.fork()
if not child:
    signal.alarm(60)
    kernels.format_times(np.array([0]), times)
    os._exit(bytes(times[0, :4]) != b"1970")
assert os.waitpid(child, 0)[1] == 0
"""
    run(script, tmp_path)


def test_an_interrupt_waits_with_the_fork(tmp_path: Path) -> None:
    script = """
import os, signal, threading, time
from synthpower.jit.forking import LOCK

held = threading.Event()
def hold():
    with LOCK:
        held.set()
        time.sleep(1)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
signal.alarm(60)
threading.Thread(target=hold).start()
held.wait()
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    child = os.fork()
    if not child:
        os._exit(not LOCK.acquire(timeout=5))
    time.sleep(5)
except KeyboardInterrupt:
    assert os.wait()[1] == 0
    print("done")
"""
    assert run(script, tmp_path) == "done\n"
