"""What commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthpower.cli.terminal import counted, say
from synthpower.errors import InputError

if TYPE_CHECKING:
    from synthpower.storage import Store

Folders = dict[str, tuple["Store", list[str] | None]]  # of each the files that are named, or all


def announce_compiling(args: argparse.Namespace) -> None:
    """Have a line printed where kernels have to be compiled, or cannot be kept."""
    from synthpower.kernels import on_notice

    on_notice(lambda line: say(line, args.quiet))


def title_of(names: Sequence[str]) -> str:
    """Return the names of files, in few words."""
    if len(names) == 1:
        return names[0]
    return f"{counted(len(names), 'file')}, {names[0]} to {names[-1]}"


def folders_of(paths: Sequence[Path | str]) -> Folders:
    """Return the datasets that are named, or that files are in, by their addresses."""
    from synthpower.dataset.dataset import Dataset
    from synthpower.dataset.manifest import place_of
    from synthpower.storage import kind_of

    folders: Folders = {}
    for path in paths:
        kind = kind_of(path)
        if not kind:
            raise InputError(f"{path}: no such file or directory; name files or a dataset's")
        if kind == "directory":
            store = Dataset.open(path).store
            folders[store.label("")] = store, None
        else:
            store, name = place_of(path)
            _, names = folders.setdefault(store.label(""), (store, []))
            if names is not None:
                names.append(name)
    return folders
