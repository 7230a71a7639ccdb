"""What machine code is made for: the processor, as LLVM knows it, and the compiler's versions."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from synthpower.errors import InputError

CPU_NAME = "NUMBA_CPU_NAME"
CPU_FEATURES = "NUMBA_CPU_FEATURES"
_NOT_OPTIONS = (CPU_NAME, CPU_FEATURES, "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT", "NUMBA_NUM_THREADS")

# LLVM writes to standard error that a processor is unknown, or aborts: not in this process.
_TRIAL = """
import sys
from llvmlite import binding
binding.initialize_native_target()
binding.initialize_native_asmprinter()
target = binding.Target.from_default_triple()
machine = target.create_target_machine(cpu=sys.argv[1], features=sys.argv[2])
machine.emit_object(binding.parse_assembly("define void @f() { ret void }"))
"""


class Target(NamedTuple):
    """What machine code depends on besides the kernel."""

    triple: str
    cpu: str
    features: str
    llvmlite: str
    numba: str
    options: tuple[tuple[str, str], ...]  # Numba's environment variables: NUMBA_BOUNDSCHECK, ...


@cache
def target() -> Target:
    """Return what kernels are compiled for, and by what.

    Raises
    ------
    InputError
        If an environment variable names a processor or features that LLVM does not know.
    """
    import llvmlite
    from llvmlite import binding

    cpu = os.environ.get(CPU_NAME)
    features = os.environ.get(CPU_FEATURES)
    if cpu or features:
        _check(cpu or binding.get_host_cpu_name(), features or "")
    if cpu is None:
        cpu = binding.get_host_cpu_name()
        if features is None:
            features = binding.get_host_cpu_features().flatten()
    triple = binding.get_default_triple()
    options = tuple(sorted(item for item in os.environ.items() if item[0].startswith("NUMBA_")))
    options = tuple(item for item in options if item[0] not in _NOT_OPTIONS)
    return Target(triple, cpu, features or "", llvmlite.__version__, _numba_version(), options)


@cache
def target_machine() -> Any:
    """Return what LLVM makes and loads code for."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    known = target()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=known.cpu, features=known.features, opt=3, reloc="pic", codemodel="default"
    )


def _numba_version() -> str:
    """Return what names Numba's version, without importing it if possible: that takes 0.2 s."""
    if (found := find_spec("numba")) and found.origin:
        try:  # (Tried: importlib.metadata, 12 ms.)
            return Path(found.origin).with_name("_version.py").read_text("utf-8")
        except (OSError, ValueError):  # in a zip, a frozen program, or without sources
            pass
    import numba

    return str(numba.__version__)


def _check(cpu: str, features: str) -> None:
    if not sys.executable or getattr(sys, "frozen", False):
        return  # there is no Python to try it in
    if not _compiles(cpu, ""):
        raise InputError(
            f"{CPU_NAME}={cpu}: LLVM cannot compile for such a processor here; unset it for this "
            f"machine's own, or name another, such as generic"
        )
    if features and not _compiles(cpu, features):
        raise InputError(
            f"{CPU_FEATURES}={features}: LLVM knows no such features of a processor; give them "
            f"as in +avx2,-avx512f, or unset it"
        )


def _compiles(cpu: str, features: str) -> bool:
    """Return whether LLVM compiles for such a processor, and knows it."""
    import subprocess

    trial = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", _TRIAL, cpu, features],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return trial.returncode >= 0 and "is not a recognized" not in trial.stderr
