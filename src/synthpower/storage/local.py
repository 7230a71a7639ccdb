"""A directory on this machine: files that appear under their names when they are whole."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import warnings
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from synthpower.errors import InputError, Notice
from synthpower.storage.direct import DirectReader, StagedSink
from synthpower.storage.interface import Sink
from synthpower.storage.paths import (
    already_exists,
    cannot_write,
    check_new_directory,
    check_output,
    make_directory,
)

TEMPORARY_PREFIX = ".synthpower-"  # then sixteen random hex digits and .tmp
_COMPARED = 2**20  # bytes at a time
_BLOCK = 2**22

# What file systems answer that have no such call: Lustre, NFS, FAT, FUSE and others.
_NOT_HERE = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
_NO_LOCKS = _NOT_HERE | {errno.ENOLCK, errno.EBADF}
_NO_LINKS = _NOT_HERE | {errno.EPERM, errno.EACCES, errno.EMLINK}

# Temporary files of this process, to be removed at its end. A forked child has none: those of
# its parent are not the child's to remove, nor to rename.
_temporary: set[Path] = set()
os.register_at_fork(after_in_child=_temporary.clear)


class LocalStore:
    """A directory on this machine.

    A file is written in the directory under a temporary name, brought to the disk and renamed:
    into a folder of the directory too, which is made then. Through a link that leaves the
    directory, it is written beside its final name.

    Parameters
    ----------
    directory : Path
        It need not exist before the first file is created.
    links : bool
        Whether a file may be written through a symbolic link that leaves the directory.
    """

    keeps_buffers = False
    locks = True

    def __init__(self, directory: Path, links: bool = True) -> None:
        self.directory = directory
        self.links = links

    def __repr__(self) -> str:
        return f"LocalStore({str(self.directory)!r})"

    def __getstate__(self) -> dict[str, object]:
        """Be the same directory in a process that is in another."""
        return {**self.__dict__, "directory": Path(os.path.abspath(self.directory))}  # noqa: PTH100

    def is_there(self) -> bool:
        check_new_directory(self.directory)
        return self.directory.exists()

    def make(self) -> None:
        make_directory(self.directory)

    @contextlib.contextmanager
    def create(
        self,
        name: str,
        *,
        replace: bool = False,
        size: int | None = None,  # noqa: ARG002 - see Store
    ) -> Iterator[Sink]:
        """Make a file; see `Store`."""
        path = self.directory / name
        self.check(name)
        final = Path(os.path.realpath(path))  # through a link, the file that it names is replaced
        top = Path(os.path.realpath(self.directory))
        beside = top if top in final.parents else final.parent
        temporary = beside / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}.tmp"
        with contextlib.ExitStack() as stack:
            _temporary.add(temporary)
            stack.callback(_remove, temporary)  # even if opening it is interrupted
            descriptor = _open_locked(temporary)
            stack.callback(os.close, descriptor)  # and with it the lock
            stack.enter_context(named(path))
            with contextlib.closing(StagedSink(descriptor)) as sink:
                yield sink
                if temporary not in _temporary:
                    raise OSError(errno.EBADF, "begun before a fork, it is its parent's to end")
                sink.finish()
                _sync(descriptor, self.directory)
            with _folders(final.parent):
                if replace:
                    with contextlib.suppress(FileNotFoundError):
                        os.fchmod(descriptor, stat.S_IMODE(final.stat().st_mode))
                    temporary.replace(final)
                else:
                    _rename_anew(temporary, final)
                _sync_directory(final.parent)

    def check(self, name: str, argument: str | None = None) -> None:
        path = self.directory / name
        folder = path.parent
        while folder != self.directory and not os.path.lexists(folder):
            folder = folder.parent
        above = folder if folder != path.parent else None
        check_output(path, overwrite=True, argument=argument, folder=above)
        if not self.links:
            self._check_links(path)

    def _check_links(self, path: Path) -> None:
        """Raise `InputError` where a file, or a folder that it is in, is a link that leaves."""
        target = Path(os.path.realpath(path))
        if Path(os.path.realpath(self.directory)) in target.parents:
            return
        while path != self.directory and not path.is_symlink():
            path = path.parent
        raise InputError(
            f"{path} is a symbolic link to {os.path.realpath(path)}, outside the dataset: remove "
            f"it, or put what it names in its place"
        )

    def open(self, name: str) -> BinaryIO:
        path = self.directory / name
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe may never be filled
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise InputError(f"{path}: it is not a regular file; remove it, or put one there")
        return os.fdopen(descriptor, "rb")

    def blocks(self, name: str) -> DirectReader:
        return DirectReader(self.directory / name, _BLOCK)

    def size(self, name: str) -> int | None:
        try:
            status = (self.directory / name).stat()
        except (OSError, ValueError):  # such as a name that is too long
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def exists(self, name: str) -> bool:
        return os.path.lexists(self.directory / name)

    def names(self, pattern: str = "*") -> list[str]:
        *folders, last = pattern.split("/")
        found = [""]
        for folder in folders:  # a link may lead out of the directory, or round in it
            found = [
                f"{name}/"
                for name, entry in self._matching(found, folder)
                if entry.is_dir(follow_symlinks=False)
            ]
        return sorted(name for name, entry in self._matching(found, last) if entry.is_file())

    def _matching(
        self, folders: Iterable[str], pattern: str
    ) -> Iterator[tuple[str, os.DirEntry[str]]]:
        for folder in folders:
            for entry in os.scandir(self.directory / folder):
                if not entry.name.startswith(".") and fnmatchcase(entry.name, pattern):
                    yield folder + entry.name, entry

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the directory's lock; without one, with a warning, where there are no locks.

        It is the directory itself that is locked: no file stays behind, and whoever may read
        the directory can lock it.
        """
        try:
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise cannot_write(self.directory, error, "directory") from None
        try:
            locked = _lock(descriptor, self.directory)
            try:
                yield
            finally:
                if locked:  # a forked child has the descriptor too, and would keep the lock
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def free(self) -> int:
        return shutil.disk_usage(self.directory).free

    def clear(self) -> None:
        """Remove the temporary files of runs that were killed: those that nobody holds locked."""
        for path in self.directory.glob(f"{TEMPORARY_PREFIX}*.tmp"):
            with contextlib.suppress(OSError):  # gone already, or another user's
                descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
                finally:
                    os.close(descriptor)

    def label(self, name: str) -> str:
        return str(self.directory / name)


def remove_own() -> None:
    """Remove the temporary files of this process, when it ends.

    A signal can come where no `finally` holds a file yet, such as between its opening and the
    `with` that would close it.
    """
    for path in list(_temporary):
        with contextlib.suppress(OSError):
            _remove(path)


@contextlib.contextmanager
def named(path: Path | str) -> Iterator[None]:
    """Add the file to an `OSError` that names none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror or os.strerror(error.errno), str(path)) from error


def _remove(temporary: Path) -> None:
    if temporary in _temporary:
        temporary.unlink(missing_ok=True)
        _temporary.discard(temporary)


def _open_locked(path: Path) -> int:
    """Make a file, locked for as long as it is open, and return its descriptor."""
    while True:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):  # no locks: then nobody takes it for abandoned either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # taken for a killed run's, before it was locked


def _lock(descriptor: int, directory: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(
            f"{directory}: the file system has no locks ({error.strerror}); runs at the same time "
            f"may undo each other's work",
            Notice,
            stacklevel=4,
        )
        return False
    return True


def _rename_anew(temporary: Path, final: Path) -> None:
    """Rename, but never over another file that has come in the meantime: a link fails there."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if not final.exists():
            temporary.rename(final)
            return
    else:
        return
    if not _equal(temporary, final):
        raise already_exists(final)


def _equal(one: Path, other: Path) -> bool:
    """Return whether two files have the same bytes."""
    with one.open("rb") as a, other.open("rb") as b:
        while True:
            found = a.read(_COMPARED)
            if found != b.read(_COMPARED):
                return False
            if not found:
                return True


def _sync(descriptor: int, directory: Path) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
        warnings.warn(
            f"{directory}: the file system cannot say when a file is on the disk "
            f"({error.strerror})",
            Notice,
            stacklevel=4,
        )


@contextlib.contextmanager
def _folders(folder: Path) -> Iterator[None]:
    """Have a folder and those above it; on an error those are removed that were made."""
    made: list[Path] = []
    while not folder.is_dir():
        made.append(folder)
        folder = folder.parent
    try:
        for each in reversed(made):
            each.mkdir(exist_ok=True)
        yield
    except BaseException:
        for each in made:
            with contextlib.suppress(OSError):  # another run has put a file there
                each.rmdir()
        raise
    for each in made:
        _sync_directory(each.parent)


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
