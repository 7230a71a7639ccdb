"""What the terminal shows: lines, a progress bar, a table. The only module with rich."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from synthpower.errors import one_line

if TYPE_CHECKING:
    from synthpower.dataset.check import Check


def say(line: str, quiet: bool) -> None:
    """Print a line on standard error; where that is full or closed, nobody can be told."""
    if not quiet:
        with contextlib.suppress(OSError):
            print(one_line(line), file=sys.stderr)


def size_text(size: int) -> str:
    """Return a number of bytes in the largest unit that fits."""
    if size < 1000:
        return f"{size} B"
    from rich.filesize import decimal

    return decimal(size)


def counted(number: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


@contextlib.contextmanager
def progress_bar(
    title: str, rows: int | None, quiet: bool
) -> Iterator[Callable[[int, int], None] | None]:
    """Show rows, rows/s, MB/s and the time left on standard error, where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column
    from rich.text import Text

    class Rates(ProgressColumn):
        def render(self, task: Any) -> Text:
            seconds = task.elapsed or 1e-9
            done = task.fields["done"]
            return Text(
                f"{task.completed:,.0f} rows  {task.completed / seconds / 1e6:.1f} M rows/s  "
                f"{done / seconds / 1e6:,.0f} MB/s"
            )

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),  # what the others leave: all of it fits into 80 columns
        Rates(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )
    with bar:
        task = bar.add_task(one_line(title), total=rows, done=0)
        done = 0

        def progress(more_rows: int, more_bytes: int) -> None:
            nonlocal done
            done += more_bytes
            bar.update(task, advance=more_rows, done=done)

        yield progress


def show_checks(checks: Sequence[Check], only_wrong: bool) -> None:
    """Print a table on standard output: a line for a file that is right, else one for each check.

    Whole, however narrow the terminal is: a name that is cut is of no use.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("file", "", "what", "count", "found", box=SIMPLE_HEAD)
    table.columns[3].justify = "right"
    width = 0
    for _, group in groupby(checks, lambda check: check.file):
        of_file = list(group)
        if all(check.passed for check in of_file):
            if only_wrong:
                continue
            of_file = of_file[-1:]  # the last says the most
        for number, check in enumerate(of_file):
            verdict = Text("ok", "green") if check.passed else Text("WRONG", "bold red")
            if not check.checked:
                verdict = Text("not checked", "bold yellow")
            row = [
                Text("" if number else one_line(check.file)),
                verdict,
                Text(check.what),
                Text(f"{check.count:,}"),
                Text(one_line(check.detail)),
            ]
            for cell in row:
                cell.no_wrap = True
                cell.overflow = "ignore"
            table.add_row(*row)
            width = max(width, sum(cell.cell_len for cell in row))
    if not table.rows:
        return
    console = Console(soft_wrap=True)
    console.width = max(console.width, width + 60)
    for line in console.render_lines(table, pad=False):
        print("".join(segment.text for segment in line).rstrip()) if not console.is_terminal else (
            console.print(Text.assemble(*((s.text, s.style or "") for s in line)), soft_wrap=True)
        )
