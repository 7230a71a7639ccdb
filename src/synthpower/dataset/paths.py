"""``--path``: what files of readings are called below a dataset, and which rows each has.

A pattern such as ``dt={date}/site={location}/data{suffix}`` divides the rows: each file has those
of one date, one site. What is put into a path reads back in DuckDB, Polars, pyarrow and Spark,
which decode the values of Hive's folders: see `encoded`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product, takewhile

from synthpower.dataset.layout import check_name
from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.formats import what_says
from synthpower.model.calendar import DAY, HOUR
from synthpower.model.grid import WHOLE, Part
from synthpower.model.measurement import check_text
from synthpower.model.specification import Specification

DATE, HOUR_OF_DAY, LOCATION, NAME, SHARD, SUFFIX = _PLACEHOLDERS = (
    "{date}", "{hour}", "{location}", "{name}", "{shard}", "{suffix}",
)  # fmt: skip
_PLACEHOLDER = re.compile("{[^{}]*}")
_SPECIAL = re.compile("^[._]|[^0-9A-Za-z_.~\x80-\U0010ffff-]")


class PathPattern:
    """A pattern of names, checked.

    Parameters
    ----------
    text : str
        Literal text and placeholders. One that does not end in ``{suffix}`` is given it.

    Raises
    ------
    InputError
        Naming the argument ``path``.
    """

    def __init__(self, text: str) -> None:
        try:
            check_text("path", text)
        except InputError as error:
            raise InputError(str(error), "path") from None
        for found in _PLACEHOLDER.findall(text):
            if found not in _PLACEHOLDERS:
                raise InputError(f"{shown(found)}: choose {', '.join(_PLACEHOLDERS)}", "path")
        literal = _PLACEHOLDER.sub("", text)
        if wrong := re.search(r"[{}*?\[\]\\]", literal):
            raise InputError(f"{shown(text)!r}: no name may have a {wrong[0]} in it", "path")
        if what_says(literal).format and not text.endswith(SUFFIX):
            raise InputError(f"{shown(text)!r}: end it in {SUFFIX}, which the format says", "path")
        self.text = text.removesuffix(SUFFIX) + SUFFIX
        if SUFFIX in self.text.removesuffix(SUFFIX):
            raise InputError(f"{shown(text)!r}: {SUFFIX} must be its end", "path")
        if self.text.endswith(f"/{SUFFIX}") or self.text == SUFFIX:
            raise InputError(f"{shown(text)!r}: the file has no name before {SUFFIX}", "path")
        check_name(self.text, "path")
        if re.search("(^|/)_", self.text):
            raise InputError(
                f"{shown(text)!r}: a name in it begins with a _: who reads folders passes over it",
                "path",
            )

    def __contains__(self, placeholder: str) -> bool:
        return placeholder in self.text

    @property
    def folder(self) -> str | None:
        """The first folder, where all files are in one."""
        first, slash, _ = self.text.partition("/")
        return first if slash and not _PLACEHOLDER.search(first) else None

    def check(self, days: int, part: Part, interval: int) -> None:
        """Raise `InputError` where files would be written over each other, or hours be cut."""
        for needed, placeholder, why in (
            (days > 1, DATE, "the files of several days"),
            (part != WHOLE, SHARD, "the shards of a file"),
        ):
            if needed and placeholder not in self:
                raise InputError(
                    f"{shown(self.text)!r}: {why} would be written over each other; add "
                    f"{placeholder}",
                    "path",
                )
        if HOUR_OF_DAY in self and HOUR % interval:
            raise InputError(
                f"{shown(interval)} does not divide an hour, and each hour is a file: leave out "
                f"{HOUR_OF_DAY}, or choose a shorter one",
                "interval",
            )

    def divided(self, specification: Specification, fleet: Fleet) -> Iterator[Specification]:
        """Yield the specification of each file, in order: date, hour, location, name."""
        dates, locations = [specification.date], [specification.location]
        measurements = [specification.measurements]
        if HOUR_OF_DAY in self and specification.span == DAY:
            dates = [f"{specification.date}T{hour:02}" for hour in range(DAY // HOUR)]
        if LOCATION in self:
            locations = sorted(fleet.by_serial.templates["location"].dictionary.to_pylist())
        if NAME in self:
            if specification.wide:
                raise InputError(
                    f"{NAME} divides rows of one measurement each, and the columns have several "
                    f"in a row; leave one of them out",
                    "path",
                )
            measurements = [(each,) for each in specification.measurements]
        for date, location, those in product(dates, locations, measurements):
            yield replace(specification, date=date, location=location, measurements=those)

    def name(self, specification: Specification, suffix: str) -> str:
        """Return the name of a file; `InputError` where it can be none."""
        values = {**_values(specification), SUFFIX: suffix}
        name = _PLACEHOLDER.sub(lambda found: values[found[0]], self.text)
        check_name(name, "path")
        return name


def check_different(names: Sequence[str]) -> None:
    """Raise `InputError` where files would have one name: ``ab`` and ``c``, ``a`` and ``bc``."""
    counts = Counter(names)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise InputError(
            f"{counts[twice[0]]} files would be {shown(twice[0])!r}: divide what stands side by "
            f"side, such as by a /",
            "path",
        )


def pattern_of(name: str, specification: Specification, suffix: str) -> str | None:
    """Return a pattern that gives a file its name, None where it could be any file's.

    What is found in the name may be there by chance: the pattern is right, if not the one that was
    asked for.
    """
    values = _values(specification)
    placeholders = {value: placeholder for placeholder, value in reversed(values.items())}
    pattern, found = re.subn(
        f"(?<![0-9A-Za-z])({'|'.join(map(re.escape, placeholders))})(?![0-9A-Za-z])",
        lambda word: placeholders[word[0]],
        name.removesuffix(suffix),
    )
    return pattern + SUFFIX if name.endswith(suffix) and (found or "/" in name) else None


def glob_of(pattern: str, suffix: str) -> str:
    """Return a glob that matches all names that a pattern gives."""
    globs = _PLACEHOLDER.sub("*", pattern.removesuffix(SUFFIX))
    return re.sub("[*]+", "*", globs) + suffix


def joint_glob(globs: Collection[str]) -> str:
    """Return one glob that matches what any of some does."""
    if len(globs) == 1:
        return next(iter(globs))
    depths = {each.count("/") for each in globs}
    if len(depths) > 1:  # a ** stands for folders, or for none
        return f"**/{joint_glob({each.rpartition('/')[2] for each in globs})}"
    parts = zip(*(each.split("/") for each in globs), strict=True)
    return "/".join(each[0] if len({*each}) == 1 else f"{_alike(each)}*" for each in parts)


def _alike(names: Iterable[str]) -> str:
    """Return what some globs begin with, as far as it is plain."""
    columns = zip(*(name.partition("*")[0] for name in names), strict=False)
    return "".join(each[0] for each in takewhile(lambda each: len({*each}) == 1, columns))


def encoded(value: str) -> str:
    """Return a text as part of a file's or folder's name, as the readers of Hive's folders do.

    All of ASCII but letters, digits, ``-``, ``_``, ``.`` and ``~`` becomes ``%`` and two digits, a
    ``.`` or ``_`` at the beginning too: names that begin so are passed over. What is not ASCII
    stays: Spark takes each ``%`` and digits for a character of its own.
    """
    return _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", value)


def _values(specification: Specification) -> dict[str, str]:
    """Return what stands for the placeholders by which the file may be one of several."""
    date, _, hour = specification.date.partition("T")
    part = specification.part
    values = {DATE: date, SHARD: f"{part.number:05}-of-{part.of:05}"}
    if specification.location is not None:
        values[LOCATION] = encoded(specification.location)
    if len(specification.measurements) == 1:
        values[NAME] = encoded(specification.measurements[0].name)
    if hour:
        values[HOUR_OF_DAY] = hour
    return values
