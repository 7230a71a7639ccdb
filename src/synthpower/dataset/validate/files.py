"""Which files there are, and which of them must together hold what."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from synthpower.dataset.check import Check
from synthpower.dataset.layout import DATA, INVENTORY, OURS, README
from synthpower.dataset.readme import front_matter
from synthpower.dataset.validate.groups import Group
from synthpower.dataset.validate.source import format_of
from synthpower.dataset.validate.spans import Expected, Span, of_name
from synthpower.errors import InputError
from synthpower.model.grid import WHOLE
from synthpower.storage import LocalStore


class Match(NamedTuple):
    """What matches README.md's glob: a file, or a folder with all files below it.

    Attributes
    ----------
    path : Path
    files : tuple of Path
    """

    path: Path
    files: tuple[Path, ...]

    @property
    def expected(self) -> Expected | None:
        """What it must hold by its name, None where the name does not say it."""
        return of_name(self.path.name)


def matches(directory: Path) -> list[Match]:
    """Return what matches README.md's glob; `InputError` where it is none."""
    matter = front_matter(LocalStore(directory))
    pattern = matter.get("data") or DATA
    others = {*OURS, matter.get("devices") or INVENTORY}
    try:
        found = sorted(directory.glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{directory / README}: data: {error}") from None
    kept = [path for path in found if path.name not in others and _is_data(path.name)]
    folders = {path for path in kept if path.is_dir()}
    return [
        Match(path, tuple(_below(path)) if path in folders else (path,))
        for path in kept
        if folders.isdisjoint(path.parents)  # whose files are that folder's
    ]


def _is_data(name: str) -> bool:
    # Spark's mark of success, Hadoop's sums, hidden files
    return name[0] not in "._" and not name.endswith(".crc")


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(filter(_is_data, folders))
        yield from (Path(root, name) for name in sorted(filter(_is_data, files)))


def groups_of(
    matches: list[Match], root: Path, span: Span | None, why: str
) -> Iterator[Group | Check]:
    """Yield the files that together must hold something, and what is missing of whole files.

    Files of one format are alternatives to those of another.
    """
    formats = dict.fromkeys(format_of(file) for match in matches for file in match.files)
    for format in formats:
        chosen = [
            match._replace(files=files)
            for match in matches
            if (files := tuple(file for file in match.files if format_of(file) == format))
        ]
        yield from _groups(chosen, root, span, why)
        yield from _missing_parts(chosen)
        if span:
            yield from _missing_files(chosen, span, why, _TITLES[format])


_TITLES = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet", "arrow": "Arrow"}


def _groups(chosen: list[Match], root: Path, span: Span | None, why: str) -> Iterator[Group]:
    named = [(match, expected) for match in chosen if (expected := match.expected)]
    for match, expected in named:
        yield Group(match.files, expected, "by its name", root=root)
    others = tuple(file for match in chosen if not match.expected for file in match.files)
    if others and span:
        covered = tuple(expected.span for _, expected in named)
        yield Group(others, Expected(span), why, covered, root=root)
    elif others:
        why = "no name says what there must be, so whole hours or days of what there is"
        yield Group(others, None, why, root=root)


def _missing_parts(chosen: list[Match]) -> Iterator[Check]:
    """Yield which parts of a file that was cut are not there."""
    sets: dict[tuple[Span, int], list[tuple[int, Path]]] = {}
    for match in chosen:
        if (expected := match.expected) and expected.part != WHOLE:
            sets.setdefault((expected.span, expected.part.of), []).append(
                (expected.part.number, match.path)
            )
    for (_, of), parts in sets.items():
        there = {part for part, _ in parts}
        missing = of - len(there)
        first = next((part for part in range(1, of + 1) if part not in there), 0)
        detail = "all are there"
        if missing:
            detail = f"{missing:,} of {of:,} are missing, the first is part {first:,}"
        name = parts[0][1].name
        yield Check(name, "parts", passed=not missing, count=len(there), detail=detail)


def _missing_files(chosen: list[Match], span: Span, why: str, format: str) -> Iterator[Check]:
    """Yield which times of a span no file is for, where all say by their names what they hold."""
    named = [match.expected.span for match in chosen if match.expected]
    if len(named) < len(chosen):
        return
    at, gaps = span.start, []
    for each in sorted(named, key=lambda s: s.start):
        if each.start > at:
            gaps.append(Span(at, min(each.start, span.end)))
        at = max(at, each.end)
        if at >= span.end:
            break
    if at < span.end:
        gaps.append(Span(at, span.end))
    gaps = [gap for gap in gaps if gap.start < gap.end]
    detail = f"{span}: {why}"
    if gaps:
        more = f" and {len(gaps) - 1} more" if gaps[1:] else ""
        detail = f"no file for {gaps[0]}{more}"
    yield Check(f"all {format}", "span", passed=not gaps, count=len(chosen), detail=detail)
