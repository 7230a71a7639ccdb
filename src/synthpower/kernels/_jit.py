"""How a kernel is called: as machine code that Numba made once, and that is kept.

Importing Numba and having it look into its own cache take 0.2 s, as long as all the rest of a
small job. So what is kept is the machine code alone: llvmlite loads it and ctypes calls it, which
takes 0.03 s. Numba is imported only where something has to be compiled, on the
first run of a machine. The folder is named by what the code depends on: a digest of the kernels'
sources and Numba's version; a file by the processor and the types of the arguments.

Where nothing can be kept, what is not there is compiled anew in each process, and `CACHE_PROBLEM`
says why. `NUMBA_DISABLE_JIT`, `NUMBA_CPU_NAME`, `NUMBA_CPU_FEATURES` and `NUMBA_CACHE_DIR` mean
what they do for Numba.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import operator
import os
import secrets
import sys
import threading
from collections.abc import Callable
from functools import cache, cached_property, update_wrapper
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")

_lock = threading.Lock()
_before_compiling: list[Callable[[], None]] = []
_engines: list[Any] = []  # machine code lives as long as what loaded it


class Kind(NamedTuple):
    """What an argument is: an array of a type and of so many axes, or with none a number."""

    dtype: str
    axes: int


class Code(NamedTuple):
    """Machine code: an object file, its function, and what that names but never calls."""

    name: str
    never: list[str]
    code: bytes


class Inlined:
    """A function that is compiled into kernels; called by itself it is plain Python.

    Attributes
    ----------
    function : callable
        The function.
    intrinsic : callable or None
        How Numba is to make machine code of it, where that is not from the function.
    """

    def __init__(
        self, function: Callable[..., Any], intrinsic: Callable[..., Any] | None = None
    ) -> None:
        self.function = function
        self.intrinsic = intrinsic
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as Numba's: for use in compiled functions."""
        from synthpower.kernels._compile import inlined_dispatcher

        return inlined_dispatcher(self)


class Kernel:
    """A function over arrays that runs as machine code, without the GIL.

    As in all compiled code, no length is checked: the caller sees to it that arrays are as long
    as the function's description says.
    """

    def __init__(self, function: Callable[..., Any], written: int) -> None:
        self.function = function
        self._written = written
        self._entries: dict[tuple[Kind, ...], Callable[..., None]] = {}
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> None:
        name, count = self.function.__name__, self.function.__code__.co_argcount
        if len(arguments) != count:
            raise TypeError(f"{name} takes {count} arguments, not {len(arguments)}")
        if DISABLED:
            self.function(*arguments)
            return
        kinds = []
        words = []
        for place, argument in enumerate(arguments):
            if isinstance(argument, np.ndarray) and argument.ndim:
                if not (argument.flags.c_contiguous and argument.flags.aligned):
                    raise ValueError(f"{name} takes contiguous arrays")
                if place >= count - self._written and not argument.flags.writeable:
                    raise ValueError(f"{name} writes argument {place + 1}, which is read-only")
                kinds.append(Kind(argument.dtype.str, argument.ndim))
                words += [argument.__array_interface__["data"][0], *argument.shape]
            else:
                number = operator.index(argument)
                signed = not isinstance(argument, np.uint64)
                if signed and not -(2**63) <= number < 2**63:
                    raise OverflowError(f"{name}: {number} has more than 64 bits")
                kinds.append(Kind("<i8" if signed else "<u8", 0))
                words.append(number)
        entry = self._entries.get(tuple(kinds)) or self._load(tuple(kinds))
        entry(*words)

    @cached_property
    def dispatcher(self) -> Any:
        """The function as Numba's: for use in compiled functions."""
        from synthpower.kernels._compile import dispatcher

        return dispatcher(self.function)

    def _load(self, kinds: tuple[Kind, ...]) -> Callable[..., None]:
        with _lock:
            if kinds not in self._entries:
                digest = hashlib.sha256(repr((_processor(), kinds)).encode()).hexdigest()[:16]
                path = CACHE_FOLDER / f"{self.function.__name__}-{digest}" if CACHE_FOLDER else None
                code = _read(path) if path else None
                if not code:
                    code = self._compile(kinds)
                    if path:
                        _keep(path, code)
                self._entries[kinds] = _entry(code, kinds)
        return self._entries[kinds]

    def _compile(self, kinds: tuple[Kind, ...]) -> Code:
        while _before_compiling:
            _before_compiling.pop()()
        from synthpower.kernels._compile import compile_kernel

        return compile_kernel(self, kinds, target_machine())


def kernel(written: int = 1) -> Callable[[F], F]:
    """Compile a function when it is first called, and keep the machine code.

    Parameters
    ----------
    written : int
        How many of its last arguments it writes.
    """

    def decorate(function: F) -> F:
        return cast(F, Kernel(function, written))

    return decorate


def inlined(function: F) -> F:
    """Compile `function` into its callers, before LLVM sees them.

    Left to LLVM, Philox stays a call and its caller's loop a scalar one: 50 M cells/s, not 200.
    """
    return cast(F, Inlined(function))


def intrinsic(generate: Callable[..., Any]) -> Callable[[F], F]:
    """Compile what `generate` says (see `numba.extending.intrinsic`) in place of a function."""

    def decorate(function: F) -> F:
        return cast(F, Inlined(function, generate))

    return decorate


def tell_compiling(tell: Callable[[], None]) -> None:
    """Call `tell` once, when first a kernel has to be compiled: on a machine's first run."""
    _before_compiling.append(tell)


@cache
def _processor() -> tuple[str, str]:
    """Return the processor's name and features, as LLVM has them."""
    from llvmlite import binding

    name = os.environ.get("NUMBA_CPU_NAME")
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if name is None:
        name = binding.get_host_cpu_name()
        if features is None:
            features = binding.get_host_cpu_features().flatten()
    return name, features or ""


@cache
def target_machine() -> Any:
    """Return what LLVM makes and loads code for."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    name, features = _processor()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=name, features=features, opt=3, reloc="pic", codemodel="default"
    )


def _entry(code: Code, kinds: tuple[Kind, ...]) -> Callable[..., None]:
    """Load machine code, and return its function."""
    from llvmlite import binding

    abort = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    for name in code.never:
        binding.add_symbol(name, abort)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine())
    engine.add_object_file(binding.ObjectFileRef.from_data(code.code))
    engine.finalize_object()
    _engines.append(engine)
    parameters: list[Any] = []
    for dtype, axes in kinds:
        if axes:
            parameters += [ctypes.c_void_p, *[ctypes.c_int64] * axes]
        else:
            parameters.append(ctypes.c_uint64 if dtype == "<u8" else ctypes.c_int64)
    return ctypes.CFUNCTYPE(None, *parameters)(engine.get_function_address(code.name))


def _read(path: Path) -> Code | None:
    """Return the machine code that is kept in a file, None where there is none or it is spoilt."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, _, rest = data.partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        return None
    head, _, code = rest.partition(b"\n")
    name, never = json.loads(head)
    return Code(name, never, code)


def _keep(path: Path, code: Code) -> None:
    data = json.dumps([code.name, code.never]).encode() + b"\n" + code.code
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    try:
        temporary.write_bytes(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
        temporary.replace(path)
    except OSError:  # such as a full disk: it is compiled again
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _cache_home() -> Path:
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named)
    if sys.platform == "darwin":
        return Path("~/Library/Caches/synthpower").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "synthpower"


def _cache_folder() -> tuple[Path | None, str]:
    """Return the folder, None where it cannot be had, and why nothing can be kept there."""
    digest = hashlib.sha256()
    numba = find_spec("numba")  # not imported for its version
    versions = [Path(numba.origin).with_name("_version.py")] if numba and numba.origin else []
    for source in [*sorted(Path(__file__).parent.glob("*.py")), *versions]:
        digest.update(source.read_bytes())
    try:
        folder = _cache_home() / f"kernels-{digest.hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            return folder, f"{folder} cannot be written"  # but what is there can be read
    except (OSError, RuntimeError) as error:  # RuntimeError: no home directory
        return None, str(error)
    return folder, ""


CACHE_FOLDER, CACHE_PROBLEM = _cache_folder()
