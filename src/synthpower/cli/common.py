"""What commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from synthpower.cli.terminal import counted, say


def announce_compiling(args: argparse.Namespace) -> None:
    """Have a line printed where kernels have to be compiled, or cannot be kept."""
    from synthpower.kernels import on_notice

    on_notice(lambda line: say(line, args.quiet))


def title_of(names: Sequence[str]) -> str:
    """Return the names of files, in few words."""
    if len(names) == 1:
        return names[0]
    return f"{counted(len(names), 'file')}, {names[0]} to {names[-1]}"
