"""What the terminal shows: lines, a progress bar, a table. The only room with rich."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from synthpower.errors import one_line

if TYPE_CHECKING:
    from synthpower.verify import Check


def say(line: str, quiet: bool) -> None:
    """Print a line on standard error."""
    if not quiet:
        print(one_line(line), file=sys.stderr)


def size_text(size: float) -> str:
    """Return a number of bytes in the largest unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


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


def show_checks(checks: Sequence[Check]) -> None:
    """Print a table of checks on standard output."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("file", "", "what", "count", "found", box=SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    table.columns[3].justify = "right"
    last = None
    for check in checks:
        verdict = Text("ok", "green") if check.passed else Text("WRONG", "bold red")
        file = one_line(check.file) if check.file != last else ""
        found = Text(one_line(check.detail))
        table.add_row(Text(file), verdict, check.what, f"{check.count:,}", found)
        last = check.file
    Console().print(table)
