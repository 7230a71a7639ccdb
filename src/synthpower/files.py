"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from synthpower.errors import InputError

TEMPORARY_PREFIX = ".synthpower-"  # then sixteen random hex digits and .tmp
LOCK = ".synthpower.lock"
STDOUT = Path("-")

_STAGE_SIZE = 2**23  # 2 MB: 10 % slower; 32 MB: 8 % faster, and four times the memory
_ALIGNMENT = 4096
_DIRECT_SIZE = 2**20  # smaller files are faster through the page cache
_STAGES = 2  # being written; one more is being filled
_FREE_STAGES: list[mmap.mmap] = []  # of earlier files: new pages cost more than their writing

_TEMPORARY: set[Path] = set()  # of this process

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Sink:
    """Where bytes go, counted: a file descriptor, written in order.

    Attributes
    ----------
    size : int
        Bytes written.
    """

    def __init__(self, descriptor: int) -> None:
        self.size = 0
        self.closed = False
        self._descriptor = descriptor

    def write(self, data: Any) -> int:
        """Write all of a bytes-like object and return its length."""
        if self.closed:
            raise ValueError("the file is closed")
        view = memoryview(data).cast("B")
        self._put(view)
        self.size += len(view)
        return len(view)

    def _put(self, view: memoryview) -> None:
        _write_all(self._descriptor, view)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None:
        """Take no more bytes; the descriptor stays open."""
        self.closed = True


class _StagedSink(Sink):
    """A sink for regular files: large writes by a thread of its own, past the page cache.

    Bytes are gathered in aligned stages. Written directly, they cost the disk's own time and
    hardly any of the processor's: 3.2 GB/s, where the page cache takes 0.4 to 1.2 and a whole
    core. Where the file system refuses that, they are ordinary writes of the same size.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._filled = 0
        self._stages: list[mmap.mmap] = []
        self._writes: list[Future[None]] = []
        self._thread: ThreadPoolExecutor | None = None

    def _put(self, view: memoryview) -> None:
        import numpy as np  # copies without the lock that all threads share

        data = np.frombuffer(view, np.uint8)
        while data.size:
            if not self._filled:
                self._stages.append(self._free_stage())
            size = min(data.size, _STAGE_SIZE - self._filled)
            np.frombuffer(self._stages[-1], np.uint8)[self._filled :][:size] = data[:size]
            data = data[size:]
            self._filled = (self._filled + size) % _STAGE_SIZE
            if not self._filled:
                self._thread = self._thread or ThreadPoolExecutor(1)
                stage = memoryview(self._stages[-1])
                self._writes.append(self._thread.submit(_write_directly, self._descriptor, stage))

    def _free_stage(self) -> mmap.mmap:
        if len(self._writes) == _STAGES:
            self._writes.pop(0).result()
            return self._stages.pop(0)
        return _FREE_STAGES.pop() if _FREE_STAGES else mmap.mmap(-1, _STAGE_SIZE)

    def finish(self) -> None:
        """Write what has been gathered; after this, nothing more comes."""
        for write in self._writes:
            write.result()
        rest = memoryview(self._stages[-1])[: self._filled] if self._filled else memoryview(b"")
        if self._writes or len(rest) > _DIRECT_SIZE:
            whole = len(rest) // _ALIGNMENT * _ALIGNMENT
            _write_directly(self._descriptor, rest[:whole])
            rest = rest[whole:]
        _set_direct(self._descriptor, on=False)
        _write_all(self._descriptor, rest)
        self._filled = 0

    def close(self) -> None:
        super().close()
        if self._thread:
            self._thread.shutdown(cancel_futures=True)
        _FREE_STAGES.extend(self._stages[: _STAGES + 1 - len(_FREE_STAGES)])
        self._stages = []


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


def _write_directly(descriptor: int, view: memoryview) -> None:
    if view and _set_direct(descriptor, on=True):
        try:
            view = view[os.write(descriptor, view) :]
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        if view:  # refused, or not all of it: an ordinary write goes on, or says why it cannot
            _set_direct(descriptor, on=False)
    _write_all(descriptor, view)


def _set_direct(descriptor: int, *, on: bool) -> bool:
    """Switch direct writes, and return whether they are what was asked for."""
    direct = getattr(os, "O_DIRECT", 0)  # macOS has none
    if not direct:
        return not on
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | direct if on else flags & ~direct)
    except OSError:
        return False
    return True


def check_output(path: Path, overwrite: bool, option: str | None = None) -> None:
    """Raise `InputError` where `path` cannot become a file of ours: name, folder, an older file."""
    if path == STDOUT:
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _check_folder(Path(os.path.realpath(path)).parent, option)
        return
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error, option) from None
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a directory; name a file", option)
    if stat.S_ISREG(mode):
        _check_folder(Path(os.path.realpath(path)).parent, option)
        if not overwrite:
            raise _exists(path)


def check_directory(path: Path) -> None:
    """Raise `InputError` unless `path` is a directory."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"{path}: no such directory", "directory") from None
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error, "directory") from None
    if not stat.S_ISDIR(mode):
        raise InputError(f"{path} is not a directory", "directory")


def check_place(path: Path) -> None:
    """Raise `InputError` unless `path` is a directory or, by its name, could become one."""
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _cannot_write(path, error, "directory") from None
    check_directory(path)


def make_directory(path: Path, option: str = "directory") -> None:
    """Make a directory where there is none, and those above it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error, option) from None


def _check_folder(folder: Path, option: str | None) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such directory", option)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder} may not be written: its permissions forbid it", option)


def _exists(path: Path) -> InputError:
    return InputError(f"{path} exists; --overwrite replaces it")


def _cannot_write(path: Path, error: Exception, option: str | None = None) -> InputError:
    return InputError(f"{path}: {getattr(error, 'strerror', None) or error}", option)


@contextlib.contextmanager
def open_output(path: Path, overwrite: bool = False) -> Iterator[Sink]:
    """Open a file for writing that appears under its name when the block ends without an error.

    It is written beside its final place under a temporary name, brought to the disk and
    renamed. What is not a regular file (a pipe, /dev/null; ``-`` is standard output) is
    written in place.

    Raises
    ------
    InputError
        Where `path` cannot be a file, or exists and `overwrite` is not set.
    OSError
        Where writing fails; the temporary file is removed and an older one untouched.
    """
    check_output(path, overwrite)
    if path == STDOUT:
        if sys.stdout is None:
            raise InputError("standard output is closed", "output")
        with _named("standard output"):
            yield Sink(sys.stdout.fileno())
        return
    if path.exists() and not path.is_file():
        with _named(path):
            descriptor = os.open(path, os.O_WRONLY)
            try:
                with contextlib.closing(Sink(descriptor)) as sink:
                    yield sink
            finally:
                os.close(descriptor)
        return
    final = Path(os.path.realpath(path))  # through a link, the file that it names is replaced
    temporary = final.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}.tmp"
    with contextlib.ExitStack() as stack:
        _TEMPORARY.add(temporary)
        stack.callback(_remove, temporary)  # even if opening it is interrupted
        descriptor = _open_locked(temporary)
        stack.callback(os.close, descriptor)  # and with it the lock
        stack.enter_context(_named(path))
        with contextlib.closing(_StagedSink(descriptor)) as sink:
            yield sink
            sink.finish()
            os.fsync(descriptor)
        if overwrite:
            temporary.replace(final)
        else:
            _rename_anew(temporary, final)
        _sync_directory(final.parent)


def _open_locked(path: Path) -> int:
    """Make a file, locked for as long as it is open, and return its descriptor."""
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # taken for a killed run's, before it was locked


def _remove(temporary: Path) -> None:
    temporary.unlink(missing_ok=True)
    _TEMPORARY.discard(temporary)


def remove_own() -> None:
    """Remove the temporary files of this process, when it ends.

    A signal can come where no `finally` holds a file yet, such as between its opening and the
    `with` that would close it.
    """
    for path in list(_TEMPORARY):
        with contextlib.suppress(OSError):
            _remove(path)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of runs that were killed: those that nobody holds locked."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*.tmp"):
        with contextlib.suppress(OSError):  # gone already, or another user's
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def _named(path: Path | str) -> Iterator[None]:
    """Add the file to an `OSError` that names none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def _rename_anew(temporary: Path, final: Path) -> None:
    """Rename, but never over a file that has come in the meantime: a link fails where one is."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise _exists(final) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if final.exists():
            raise _exists(final) from None
        temporary.rename(final)


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock: one process at a time."""
    path = directory / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise _cannot_write(path, error, "directory") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
