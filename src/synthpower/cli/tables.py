"""``synthpower tables``."""

from __future__ import annotations

import argparse
import csv

from synthpower.cli.terminal import say
from synthpower.errors import InputError


def run(args: argparse.Namespace) -> None:
    """Show the shipped tables, or copy them out."""
    from synthpower.storage import make_directory
    from synthpower.tables import TABLES, shipped

    texts = {name: shipped(name).read_bytes() for name in TABLES}
    if args.copy is None:
        print("\n\n".join(_aligned(name, data.decode()) for name, data in texts.items()))
        return
    for name in TABLES:
        if (args.copy / name).exists():
            raise InputError(f"{args.copy / name} exists; remove it or choose another DIR")
    make_directory(args.copy, "copy")
    for name, data in texts.items():
        (args.copy / name).write_bytes(data)
    say(f"{args.copy}: {', '.join(TABLES)}", args.quiet)


def _aligned(name: str, text: str) -> str:
    """Return a table as text, its columns aligned, below its comments."""
    comments = [line for line in text.splitlines() if line.startswith("#")]
    rows = list(csv.reader(text.splitlines()[len(comments) :]))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([f"{name}:", *comments, *lines])
