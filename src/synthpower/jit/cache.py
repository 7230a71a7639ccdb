"""Machine code on disk: one file for each kernel, its types and what it was compiled for.

Code that is loaded is code that is run: a folder or a file that others may write is not used.
The digest in a file is for damage, which LLVM answers with a crash.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import sys
from functools import cache
from pathlib import Path

from synthpower.jit.target import Target
from synthpower.jit.types import UNREACHABLE, CompiledKernel, Kind
from synthpower.version import __version__

FORMAT = 2  # of a file, and of how the compiler is called: to be counted up with either
KEPT_VERSIONS = 3
_KEPT_FILES = 32  # of one kernel: who edits it leaves one each time
_LARGEST = 2**24
_FOLDER_NAME = re.compile(r"kernels-[0-9a-f]{16}")


def file_name(kernel: str, digest: str, kinds: tuple[Kind, ...], target: Target) -> str:
    """Return the name of the file with a kernel's machine code: what that depends on."""
    key = repr((FORMAT, digest, tuple(map(tuple, kinds)), tuple(target)))
    return f"{kernel}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"


def cache_problem() -> str:
    """Return why machine code cannot be kept, or nothing if it can."""
    return _folder()[1]


def read(name: str) -> CompiledKernel | None:
    """Return the machine code in a file, None if there is none, or none to be trusted."""
    folder, _ = _folder()
    data = _trusted_bytes(folder / name) if folder else None
    if data is None:
        return None
    digest, _, rest = data.partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != digest:
        return None
    head, _, code = rest.partition(b"\n")
    try:
        entry, symbols = json.loads(head)
        ours = all(symbol.startswith(UNREACHABLE) for symbol in symbols)
    except (ValueError, TypeError, AttributeError):
        return None
    return CompiledKernel(entry, symbols, code) if ours and isinstance(entry, str) else None


def keep(name: str, compiled: CompiledKernel) -> None:
    """Keep machine code in a file: whole, or not at all."""
    folder, problem = _folder()
    if folder is None or problem:
        return
    head = json.dumps([compiled.entry, compiled.unreachable_symbols])
    data = head.encode() + b"\n" + compiled.object_code
    temporary = folder / f".{os.urandom(8).hex()}"
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
            f.write(hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
        temporary.replace(folder / name)
    except OSError:  # such as a full disk: it is compiled again
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    kernel = name.rpartition("-")[0]
    for old in _newest(folder, re.compile(rf"{kernel}-[0-9a-f]{{32}}"))[_KEPT_FILES:]:
        with contextlib.suppress(OSError):
            old.unlink()


@cache
def _folder() -> tuple[Path | None, str]:
    """Return the folder, None if it cannot be used, and why nothing can be kept there."""
    # The kernels' own code has no part in its name, but in their files' names.
    digest = hashlib.sha256(f"{FORMAT} {__version__} {sys.version}".encode()).hexdigest()
    try:
        home = _home()
        folder = home / f"kernels-{digest[:16]}"
        if not folder.exists():
            home.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            _remove_old(home)
        if problem := _distrust(os.lstat(folder), stat.S_IFDIR):
            return None, f"{folder} {problem}"
        if not os.access(folder, os.W_OK | os.X_OK):
            return folder, f"{folder} cannot be written"  # but what is there can be read
    except (OSError, RuntimeError) as error:  # RuntimeError: no home directory
        return None, str(error)
    return folder, ""


def _home() -> Path:
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named) / "synthpower"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/synthpower").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "synthpower"


def _distrust(status: os.stat_result, kind: int) -> str:
    """Return why a folder or a file is not to be used, or nothing."""
    if stat.S_IFMT(status.st_mode) != kind:
        return "is not what it should be: a folder with files"
    if status.st_uid not in (os.geteuid(), 0):  # root could change this program, too
        return "belongs to somebody else"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "can be written by others"
    return ""


def _trusted_bytes(path: Path) -> bytes | None:
    try:
        # Not waiting for who writes to a pipe, and through no link.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            status = os.fstat(file.fileno())
            if _distrust(status, stat.S_IFREG) or status.st_size > _LARGEST:
                return None
            return file.read(_LARGEST)
    except OSError:
        return None


def _remove_old(home: Path) -> None:
    """Remove the folders of older versions."""
    for folder in _newest(home, _FOLDER_NAME)[KEPT_VERSIONS:]:
        if not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _newest(folder: Path, form: re.Pattern[str]) -> list[Path]:
    """Return what has a name of such a form, the newest first."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if form.fullmatch(entry.name):
                with contextlib.suppress(OSError):  # removed meanwhile
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    return [folder / name for _, name in sorted(found, reverse=True)]
