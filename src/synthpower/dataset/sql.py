"""Totals -> one SQL query that finds what is wrong with a table that the files were loaded into.

It counts and adds up whole numbers only, so that neither the order of the rows nor an engine's
type of a sum makes a difference: of decimals the counts of 10**-decimals, of doubles those of a
power of two, rounded, which is what the tolerance is for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from synthpower.errors import InputError, shown
from synthpower.model.calendar import TIME_UNITS
from synthpower.model.columns import LOCAL, Column, Kind
from synthpower.model.specification import Specification
from synthpower.model.total import Total

_EXACT = 2**51  # counts below it come back from a double and a product
_MOST = 2**53
_UNION = "\n  UNION ALL "
_SUMS = ("readings", "absent", "numbers", "total", "lowest", "highest")


@dataclass(frozen=True)
class Dialect:
    """How an engine writes what they write differently.

    Attributes
    ----------
    identifier, text : callable
        Quote a name, and a string.
    double, whole, text_type : str
        Types: of doubles, of whole numbers of 64 bits, of text.
    wide : str
        Make a whole number of 38 digits: a pattern.
    seconds : str
        The seconds since the epoch of a time, whatever the session's time zone: a pattern.
    date : str
        The date of a number of days since the epoch, as text: a pattern.
    padded : str
        A whole number as text of two digits: a pattern.
    values_function : bool
        Rows of its own are a table function's.
    most_bytes : int or None
        How long a query may be, unless a setting says otherwise.
    """

    identifier: Callable[[str], str]
    text: Callable[[str], str]
    double: str
    whole: str
    wide: str
    seconds: str
    date: str
    padded: str
    values_function: bool = False
    most_bytes: int | None = None


def _doubled(quote: str) -> Callable[[str], str]:
    return lambda text: quote + text.replace(quote, quote * 2) + quote


def _escaped(quote: str) -> Callable[[str], str]:
    return lambda text: quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


DIALECTS = {
    "duckdb": Dialect(
        _doubled('"'), _doubled("'"), "DOUBLE", "BIGINT", "CAST({} AS HUGEINT)",
        "CAST(floor(epoch({})) AS BIGINT)", "CAST(DATE '1970-01-01' + CAST({} AS INTEGER) AS TEXT)",
        "lpad(CAST({} AS TEXT), 2, '0')",
    ),
    # A sum of Int64 goes round without a word, and what is not in both sides of a join is 0.
    "clickhouse": Dialect(
        _escaped("`"), _escaped("'"), "Nullable(Float64)", "Nullable(Int64)", "toInt128({})",
        "toInt64(toUnixTimestamp({}))", "toString(toDate32('1970-01-01') + toInt32({}))",
        "leftPad(toString({}), 2, '0')", values_function=True, most_bytes=2**18,
    ),
    "postgres": Dialect(
        _doubled('"'), _doubled("'"), "DOUBLE PRECISION", "BIGINT", "CAST({} AS NUMERIC)",
        "CAST(floor(extract(epoch FROM {})) AS BIGINT)",
        "CAST(DATE '1970-01-01' + CAST({} AS INTEGER) AS TEXT)", "lpad(CAST({} AS TEXT), 2, '0')",
    ),
    "spark": Dialect(
        _doubled("`"), _escaped("'"), "DOUBLE", "BIGINT", "CAST({} AS DECIMAL(38, 0))",
        "unix_timestamp({})", "CAST(date_add(DATE'1970-01-01', CAST({} AS INT)) AS STRING)",
        "lpad(CAST({} AS STRING), 2, '0')",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class _Measured:
    """A measurement in the table: where its values are, and how they become whole numbers."""

    name: str
    column: Column
    factor: float
    slack: int  # how much a whole number may be off

    def count(self, number: Fraction | None) -> int:
        return 0 if number is None else round(number * Fraction(self.factor))


def check_query(
    engine: str,
    table: str,
    specification: Specification,
    expected: Sequence[tuple[Mapping[str, str], str, Total]],
    by: Sequence[str],
) -> str:
    """Return a query on a loaded table that returns no row if it has what it should have.

    Parameters
    ----------
    engine : str
        One of `DIALECTS`.
    table : str
        Its name; with a schema's before a dot.
    specification : Specification
        Of the files, for their columns.
    expected : sequence of (group, measurement, Total)
    by : sequence of str
        What groups have in common.

    Raises
    ------
    InputError
        Where the files have no column that the query needs.
    """
    if engine not in DIALECTS:
        raise InputError(f"{shown(engine)!r}: choose {', '.join(DIALECTS)}", "sql")
    query = _Query(DIALECTS[engine], table, specification, [each for each in by if each != "name"])
    text = query.text(expected)
    most = DIALECTS[engine].most_bytes
    if most and len(text.encode()) > most:
        text = f"-- Before it: SET max_query_size = {2 * len(text.encode())};\n{text}"
    return text


class _Query:
    def __init__(
        self, dialect: Dialect, table: str, spec: Specification, groups: Sequence[str]
    ) -> None:
        self._dialect, self._spec, self._groups = dialect, spec, groups
        self._table = ".".join(map(dialect.identifier, table.split(".")))
        self._keys = [*groups, "name"]

    def text(self, expected: Sequence[tuple[Mapping[str, str], str, Total]]) -> str:
        """Return the query."""
        measured = {}
        for name in dict.fromkeys(name for _, name, _ in expected):
            column = self._value_column(name)
            if column:
                own = [total for _, each, total in expected if each == name]
                measured[name] = _measured(name, column, own)
        rows = [
            self._expected(group, measured[name], total)
            for group, name, total in expected
            if name in measured
        ]
        keys, found = ", ".join(self._keys), self._found(list(measured.values()))
        sums = ",\n    ".join(
            f"sum(e_{each}) AS e_{each}, sum(f_{each}) AS f_{each}" for each in _SUMS
        )
        factor = self._case("name", {m.name: repr(m.factor) for m in measured.values()})
        shown_sums = ",\n  ".join(
            f"{self._as_double(f'{side[0]}_{column}')} / factor AS {side}_{word}"
            for column, word in (("total", "sum"), ("lowest", "minimum"), ("highest", "maximum"))
            for side in ("expected", "found")
        )
        return f"""\
{_comment(measured.values())}
WITH expected AS (
  {self._values(rows)}
), found AS (
  {found}
), both_sides AS (
  SELECT {keys}, {self._wide("tolerance")} AS tolerance, {self._wide("slack")} AS slack,
    {self._sides("e", "f")} FROM expected
  UNION ALL SELECT {keys}, {self._wide("0")}, {self._wide("0")}, {self._sides("f", "e")} FROM found
), compared AS (
  SELECT {keys}, sum(tolerance) AS tolerance, sum(slack) AS slack,
    {sums}
  FROM both_sides GROUP BY {keys}
), shown AS (
  SELECT compared.*, {factor} AS factor FROM compared
)
SELECT {keys},
  e_readings AS expected_rows, f_readings AS found_rows,
  e_absent AS expected_nulls, f_absent AS found_nulls,
  {shown_sums}
FROM shown
WHERE e_readings <> f_readings OR e_absent <> f_absent OR e_numbers <> f_numbers
  OR abs(e_total - f_total) > tolerance
  OR abs(e_lowest - f_lowest) > slack OR abs(e_highest - f_highest) > slack
ORDER BY {keys};"""

    def _value_column(self, name: str) -> Column | None:
        """Return which column has a measurement's values; a wide table may lack it."""
        values = [column for column in self._spec.columns if column.field.is_value]
        if not self._spec.wide:
            return values[0]
        return next((column for column in values if column.field.measurement == name), None)

    def _values(self, rows: Sequence[str]) -> str:
        """Return the query of rows of text, as short as can be: there may be thousands."""
        names, lines = [*self._keys, "tolerance", "slack", *_SUMS], ",\n    ".join(rows)
        if self._dialect.values_function:
            types = self._dialect.text(", ".join(f"{name} String" for name in names))
            return f"SELECT * FROM values({types},\n    {lines})"
        return f"SELECT * FROM (VALUES\n    {lines}\n  ) AS rows_of ({', '.join(names)})"

    def _expected(self, group: Mapping[str, str], measured: _Measured, total: Total) -> str:
        """Return the row that a group and measurement should have."""
        numbers = [
            total.count + total.absent, total.absent, total.count,
            measured.count(total.sum), measured.count(total.minimum), measured.count(total.maximum),
        ]  # fmt: skip
        texts = [*(group[each] for each in self._groups), measured.name]
        texts += map(str, [measured.slack * (total.count + 1), measured.slack, *numbers])
        return f"({', '.join(map(self._dialect.text, texts))})"

    def _found(self, measured: Sequence[_Measured]) -> str:
        """Return the query of what the table has: of a wide one, a query of each measurement."""
        if self._spec.wide:
            return _UNION.join(
                self._added_up(self._dialect.text(m.name), m.column, repr(m.factor))
                for m in measured
            )
        name = self._dialect.text(measured[0].name)
        if any(self._spec.columns_of("name")) or len(measured) > 1:
            name = self._column("name")
        factor = self._case(name, {m.name: repr(m.factor) for m in measured})
        return self._added_up(name, measured[0].column, factor)

    def _added_up(self, name: str, column: Column, factor: str) -> str:
        dialect, value = self._dialect, self._dialect.identifier(column.name)
        keys = {each: self._key(each) for each in self._groups} | {"name": name}
        scaled = f"{self._as_double(value)} * {self._as_double(factor)}"
        # NaN is no number, and what is beyond is none that can be right.
        number = (
            f"CASE WHEN abs(scaled) <= {_MOST} "
            f"THEN CAST(round(scaled) AS {dialect.whole}) ELSE NULL END"
        )
        cells = ", ".join(f"{cell} AS {key}" for key, cell in keys.items())
        names = ", ".join(keys)
        return f"""\
SELECT {names}, count(*) AS readings, count(*) - count(value) AS absent, count(number) AS numbers,
    coalesce(sum({self._wide("number")}), 0) AS total,
    coalesce(min(number), 0) AS lowest, coalesce(max(number), 0) AS highest
  FROM (SELECT {names}, value, {number} AS number
    FROM (SELECT {cells}, {value} AS value, {scaled} AS scaled FROM {self._table}) AS scaled_values
  ) AS whole_numbers GROUP BY {names}"""

    def _key(self, group: str) -> str:
        """Return what the rows of a group have in common."""
        if group not in ("date", "hour"):
            return self._column(group)
        seconds = self._seconds()
        date = self._dialect.date.format(f"floor({seconds} / 86400.0)")
        if group == "date":
            return date
        hour = f"CAST(floor((({seconds}) % 86400) / 3600.0) AS {self._dialect.whole})"
        return f"concat({date}, 'T', {self._dialect.padded.format(hour)})"

    def _seconds(self) -> str:
        """Return when the nominal interval of a reading begins, whatever its fuzz."""
        times = [*self._spec.columns_of("start_time"), *self._spec.columns_of("end_time")]
        for column in times:
            if column.format == LOCAL:
                continue  # which the table may have as text
            name = self._dialect.identifier(column.name)
            seconds = self._dialect.seconds.format(name)
            if column.kind is Kind.INTEGER:
                unit = TIME_UNITS[column.format]
                seconds = f"CAST(floor({name} / {unit}.0) AS {self._dialect.whole})"
            interval, whole = self._spec.interval, self._dialect.whole
            number = f"CAST(floor({seconds} / {interval}.0) AS {whole})"
            return f"({number} - {int(column.field.name == 'end_time')}) * {interval}"
        raise InputError("the files have no column of times in UTC, which date and hour need", "by")

    def _column(self, field: str) -> str:
        column = next(self._spec.columns_of(field), None)
        if column is None:
            raise InputError(f"the files have no column of {field}, which the query needs", "sql")
        return self._dialect.identifier(column.name)

    def _case(self, name: str, by_name: Mapping[str, str]) -> str:
        cases = " ".join(
            f"WHEN {self._dialect.text(each)} THEN {self._as_double(value)}"
            for each, value in by_name.items()
        )
        return f"CASE {name} {cases} ELSE NULL END"

    def _sides(self, one: str, other: str) -> str:
        """Return the columns of one side, and nothing for the other."""
        names = {side: [f"{side}_{each}" for each in _SUMS] for side in ("e", "f")}
        cells = {name: self._wide(each) for name, each in zip(names[one], _SUMS, strict=True)}
        cells |= dict.fromkeys(names[other], self._wide("0"))
        return ", ".join(f"{cells[name]} AS {name}" for name in [*names["e"], *names["f"]])

    def _wide(self, number: str) -> str:
        return self._dialect.wide.format(number)

    def _as_double(self, number: str) -> str:
        return f"CAST({number} AS {self._dialect.double})"


def _comment(measured: Iterable[_Measured]) -> str:
    """Return what the query is for, and how exact it is."""
    lines = ["-- Returns no row if the table has what it should have."]
    for each in measured:
        if each.slack:
            off, name = each.slack / each.factor, " ".join(each.name.split())
            lines.append(f"-- {name}: a sum may be off by {off:.3g} for each reading.")
    return "\n".join(lines)


def _measured(name: str, column: Column, totals: Sequence[Total]) -> _Measured:
    """Return how the values of a measurement become whole numbers."""
    ends = [abs(end) for t in totals for end in (t.minimum, t.maximum) if end is not None]
    greatest, decimals = max(ends, default=Fraction(0)), totals[0].decimals
    if decimals is None:
        bits = _EXACT.bit_length() - 1 - math.frexp(float(greatest))[1]
        measured = _Measured(name, column, math.ldexp(1.0, min(bits, 1023)), 1)
    else:
        few = greatest * 10**decimals < _EXACT
        measured = _Measured(name, column, float(10**decimals), 0 if few else 2)
    if column.kind is Kind.FLOAT:  # a value may be off by 2**-24 of itself
        slack = measured.slack + (measured.count(greatest) >> 23)
        measured = _Measured(name, column, measured.factor, slack)
    return measured
