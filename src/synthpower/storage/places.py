"""An address, a path or a URL -> the store that it is in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from synthpower.errors import InputError
from synthpower.storage.client import SCHEMES, check_url
from synthpower.storage.interface import Store
from synthpower.storage.local import LocalStore
from synthpower.storage.paths import STDOUT, already_exists, check_output
from synthpower.storage.remote import ObjectStore
from synthpower.storage.stream import StreamStore

Address = str | os.PathLike[str]


def is_url(where: Address) -> bool:
    """Return whether an address is a URL; one that went through `Path` has lost a slash."""
    if isinstance(where, os.PathLike):
        first = Path(where).parts[:1]
        if first and first[0].rstrip(":") in SCHEMES and first[0].endswith(":"):
            raise InputError(
                f"{os.fspath(where)}: write {first[0]}//bucket/prefix, a string and no path"
            )
        return False
    return "://" in where


def open_store(where: Address | Store, links: bool = True) -> Store:
    """Return the store of a directory or a URL; a store itself.

    Parameters
    ----------
    where : str, path-like or Store
    links : bool
        As of `LocalStore`.

    Raises
    ------
    InputError
        Where there is no such kind of storage.
    """
    if isinstance(where, LocalStore):
        return LocalStore(where.directory, links)
    if not isinstance(where, str | os.PathLike):
        return where
    return ObjectStore(str(where)) if is_url(where) else LocalStore(Path(where), links)


def locate(where: Address) -> tuple[Store, str]:
    """Return the store of a file's path or URL, and its name there."""
    if is_url(where):
        return _split(str(where))
    path = Path(where)
    with contextlib.suppress(OSError):  # such as a name that is too long: `check_output` says it
        if path == STDOUT or (path.exists() and not path.is_file()):
            return StreamStore(path), path.name
    return LocalStore(path.parent), path.name


def check_file(where: Address, overwrite: bool) -> None:
    """Raise `InputError` where an address cannot become a file of ours."""
    if not is_url(where):
        check_output(Path(where), overwrite)
        return
    store, name = _split(str(where))
    store.check(name)
    if not overwrite and store.exists(name):
        raise already_exists(store.label(name))


def _split(url: str) -> tuple[Store, str]:
    check_url(url)
    folder, _, name = url.rpartition("/")
    if not name or folder.endswith("/"):
        raise InputError(f"{url} names no object; write s3://bucket/prefix/name")
    return ObjectStore(folder), name


def kind_of(where: Address) -> str:
    """Return what is at an address: ``directory``, ``file``, or nothing.

    A URL that is no object's is one of a directory where it is the beginning of an object's.
    """
    if is_url(where):
        check_url(str(where))
        if ObjectStore(str(where)).holds_any():
            return "directory"
        folder = str(where).rstrip("/").rpartition("/")[0]
        if str(where).endswith("/") or folder.endswith("/"):
            return ""
        store, name = _split(str(where))
        return "file" if store.exists(name) else ""
    if os.path.isdir(where):  # noqa: PTH112 - whatever the name is
        return "directory"
    return "file" if os.path.exists(where) else ""  # noqa: PTH110


def folders_above(where: Address) -> Iterator[tuple[Store, str]]:
    """Yield the stores that a file may be one of, the nearest first, and its name there."""
    if not is_url(where):
        path = Path(where)
        for folder in path.parents:
            yield LocalStore(folder), path.relative_to(folder).as_posix()
        return
    above, name = str(where), ""
    while True:
        above, _, last = above.rpartition("/")
        if above.endswith("/"):
            return
        name = f"{last}/{name}" if name else last
        yield ObjectStore(above), name


def read_all(store: Store, folder: str) -> dict[str, bytes]:
    """Return the bytes of all files in a folder, in order."""
    if isinstance(store, ObjectStore):
        return store.read_all(folder)
    found = {}
    for name in store.names(f"{folder}/*"):
        with store.open(name) as file:
            found[name] = file.read()
    return found


def address(store: Store, name: str = "") -> str:
    """Return where a store, or a file of it, is: through links, if it is on this machine."""
    label = store.label(name)
    return os.path.realpath(label) if isinstance(store, LocalStore) else label


def same_place(one: Store, other: Store) -> bool:
    """Return whether two stores are the same."""
    if one is other:
        return True
    if isinstance(one, StreamStore) or isinstance(other, StreamStore):
        return False
    return address(one) == address(other)
