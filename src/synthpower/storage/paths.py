"""Can this path be what a command wants it to be? Asked before anything is done."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from synthpower.errors import InputError

STDOUT = Path("-")


def check_output(
    path: Path, overwrite: bool, argument: str | None = None, folder: Path | None = None
) -> None:
    """Raise `InputError` where `path` cannot become a file of ours: name, folder, an older file.

    `folder` is where folders are made for it, where it is to be in new ones.
    """
    if path == STDOUT:
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        _check_folder(folder or Path(os.path.realpath(path)).parent, argument)
        return
    except (OSError, ValueError) as error:
        raise cannot_write(path, error, argument) from None
    if stat.S_ISDIR(mode):
        raise InputError(f"{path} is a directory; name a file", argument)
    if stat.S_ISREG(mode):
        _check_folder(Path(os.path.realpath(path)).parent, argument)
        if not overwrite:
            raise already_exists(path)


def check_directory(path: Path) -> None:
    """Raise `InputError` unless `path` is a directory."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"{path}: no such directory", "directory") from None
    except (OSError, ValueError) as error:
        raise cannot_write(path, error, "directory") from None
    if not stat.S_ISDIR(mode):
        raise InputError(f"{path} is not a directory", "directory")


def check_new_directory(path: Path) -> None:
    """Raise `InputError` unless `path` is a directory or, by its name, could become one."""
    try:
        path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(path, error, "directory") from None
    check_directory(path)


def make_directory(path: Path, argument: str = "directory") -> None:
    """Make a directory where there is none, and those above it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error, argument) from None


def already_exists(path: Path | str) -> InputError:
    """Return the error of a file that must not be replaced."""
    return InputError(f"{path} exists; overwrite=True replaces it")


def cannot_write(path: Path, error: Exception, argument: str | None = None) -> InputError:
    """Return the error of a path that the system refuses."""
    return InputError(f"{path}: {getattr(error, 'strerror', None) or error}", argument)


def _check_folder(folder: Path, argument: str | None) -> None:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such directory", argument)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder} may not be written: its permissions forbid it", argument)
