"""What commands have in common."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from synthpower.cli.terminal import counted, say
from synthpower.errors import InputError

Folders = dict[Path, list[str] | None]  # the files of each that are named; None: all


def announce_compiling(args: argparse.Namespace) -> None:
    """Have a line printed where kernels have to be compiled, or cannot be kept."""
    from synthpower.kernels import on_notice

    on_notice(lambda line: say(line, args.quiet))


def title_of(names: Sequence[str]) -> str:
    """Return the names of files, in few words."""
    if len(names) == 1:
        return names[0]
    return f"{counted(len(names), 'file')}, {names[0]} to {names[-1]}"


def folders_of(paths: Sequence[Path]) -> Folders:
    """Return the datasets that are named, or that files are in."""
    from synthpower.dataset.manifest import place_of

    folders: Folders = {}
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - whatever the name is
            folders[path] = None
        elif not os.path.exists(path):  # noqa: PTH110
            raise InputError(f"{path}: no such file or directory; name files or a dataset's")
        else:
            folder, name = place_of(path)
            names = folders.setdefault(folder, [])
            if names is not None:
                names.append(name)
    return folders
