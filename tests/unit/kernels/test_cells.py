"""Other people's text: split, found, compared and read as Python would."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synthpower import kernels

short = st.text(st.characters(codec="utf-8", exclude_characters='\n\r,"'), max_size=20)


def laid_out(texts: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return texts as kernels take them, with something between any two."""
    data, begins, ends = b"", [], []
    for text in texts:
        data += b"x"
        begins.append(len(data))
        data += text.encode()
        ends.append(len(data))
    padded = np.frombuffer(data + b"y" * kernels.PADDED, np.uint8)
    return padded, np.array(begins, np.int32), np.array(ends, np.int32)


def split(text: str, columns: int, delimiter: str = ",") -> tuple[list[list[str]], int]:
    """Return the cells that are found, and how many lines end with a carriage return."""
    data = text.encode()
    rows = data.count(b"\n")
    begins, ends = (np.empty((columns, rows), np.int32) for _ in range(2))
    found = np.zeros(2, np.int64)
    kernels.split_lines(
        np.frombuffer(data, np.uint8), len(data), ord(delimiter), begins, ends, found
    )
    rows = int(found[0])
    cells = [
        [data[b:e].decode() for b, e in zip(begins[:, row], ends[:, row], strict=True)]
        for row in range(rows)
    ]
    return cells, int(found[1])


@given(st.lists(st.lists(short, min_size=3, max_size=3)), st.sampled_from(["\n", "\r\n"]))
def test_lines_are_split_into_cells(rows: list[list[str]], end: str) -> None:
    text = "".join(",".join(row) + end for row in rows)
    assert split(text, 3) == (rows, len(rows) if end == "\r\n" else 0)


@pytest.mark.parametrize("line", ["a,b", "a,b,c,d", "", "a;b;c"])
def test_the_first_line_of_other_cells_ends_it(line: str) -> None:
    assert split(f"1,2,3\n{line}\n4,5,6\n", 3) == ([["1", "2", "3"]], 0)


def test_lines_are_split_at_another_delimiter() -> None:
    assert split("a,b|c\n", 2, "|") == ([["a,b", "c"]], 0)


def row_end(data: bytes) -> int:
    found = np.zeros(1, np.int64)
    kernels.find_row_end(np.frombuffer(data, np.uint8), ord(","), found)
    return int(found[0])


cell = st.text(st.sampled_from('ab,"\n\r'), max_size=6)


@given(st.lists(st.lists(cell, min_size=2, max_size=2), min_size=1), st.integers(0, 200))
def test_the_end_of_the_last_whole_row_is_found(rows: list[list[str]], cut: int) -> None:
    ends, text = [0], ""
    for row in rows:
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow(row)
        text += out.getvalue()
        ends.append(len(text.encode()))
    cut = min(cut, len(text))
    assert row_end(text.encode()[:cut]) == max(end for end in ends if end <= cut)


def test_a_quote_within_a_cell_is_a_character() -> None:
    assert row_end(b'5",6"\n7,8\n9') == 10


def table(known: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    data = "".join(known).encode()
    offsets = np.cumsum([0, *(len(text.encode()) for text in known)], dtype=np.int32)
    padded = np.frombuffer(data + bytes(kernels.PADDED), np.uint8)
    slots = np.empty(1 << (2 * len(known)).bit_length(), np.int32)
    kernels.fill_slots(padded, offsets, slots)
    return padded, offsets, slots


@given(st.lists(short, max_size=50), st.lists(short, max_size=50), st.randoms())
def test_texts_are_found_among_the_known_ones(known, others, random) -> None:
    texts = [*known, *others, *(text + "\0" for text in known), *(text[:-1] for text in known)]
    random.shuffle(texts)
    out = np.empty(len(texts), np.int32)
    kernels.find_texts(*laid_out(texts), *table(known), out)
    assert out.tolist() == [known.index(text) if text in known else -1 for text in texts]


@given(st.lists(short, min_size=1, max_size=9), st.lists(short, min_size=1), st.randoms())
def test_texts_are_compared_with_those_of_their_things(known, texts, random) -> None:
    own = [random.randrange(len(known)) for _ in range(5)]
    things = [random.randrange(-1, 5) for _ in texts]
    texts = [
        known[own[thing]] if thing >= 0 and random.random() < 0.5 else text
        for text, thing in zip(texts, things, strict=True)
    ]
    data, offsets, _ = table(known)
    out = np.empty(len(texts), np.bool_)
    kernels.compare_texts(
        *laid_out(texts), data, offsets, np.array(own, np.int32), np.array(things, np.int32), out
    )
    assert out.tolist() == [
        thing >= 0 and text != known[own[thing]] for text, thing in zip(texts, things, strict=True)
    ]


def parsed_time(text: str) -> tuple[int, int]:
    forms, out = np.empty(1, np.uint8), np.empty(1, np.int64)
    kernels.parse_times(*laid_out([text]), forms, out)
    return int(forms[0]), int(out[0])


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE, OTHER = kernels.UTC, kernels.OTHER_FORM


@given(st.datetimes(), st.integers(-1439, 1439))
@example(datetime(2024, 2, 29), 0)
@example(datetime(2000, 2, 29), 0)
@example(datetime(1, 1, 1), 1439)
def test_times_are_read_as_python_does(time: datetime, minutes: int) -> None:
    there = time.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    seconds = round((there.replace(tzinfo=UTC) - EPOCH).total_seconds()) - 60 * minutes
    assert parsed_time(there.isoformat()) == (OTHER, seconds)
    assert parsed_time(there.isoformat(" ")) == (OTHER, seconds)
    utc = there.replace(tzinfo=None).isoformat(" ") + "Z"
    assert parsed_time(utc) == (WHOLE, seconds + 60 * minutes)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("2023-02-27 05:00:00Z", WHOLE),
        ("2023-02-27T05:00:00Z", OTHER),
        ("2023-02-27 05:00:00.0Z", OTHER),
        ("2023-02-27T05:00:00.000000000Z", OTHER),
        ("2023-02-27 05:00:00+00", OTHER),
        ("2023-02-27 05:00:00+00:00", OTHER),
        ("2023-02-27 06:30:00.000+0130", OTHER),
        ("2023-02-26T23:00:00-06:00", OTHER),
        ("2023-02-27T05:53:28+00:53:28", OTHER),
        ("2023-02-27 05:00:00.25Z", kernels.FRACTION),
        ("2023-02-27 05:00:00.000000001+00:00", kernels.FRACTION),
    ],
)
def test_forms_of_times(text: str, form: int) -> None:
    assert parsed_time(text) == (form, 1677474000)


@pytest.mark.parametrize(
    "text",
    [
        "", "yesterday", "2023-02-27", "2023-02-27 05:00:00", "2023-02-27 05:00Z",
        "2023-02-29 05:00:00Z", "2100-02-29 05:00:00Z", "2023-13-01 05:00:00Z",
        "2023-00-01 05:00:00Z", "2023-04-31 05:00:00Z", "2023-02-27 24:00:00Z",
        "2023-02-27 05:60:00Z", "2023-02-27 05:00:60Z", "2023-02-27 05:00:00.Z",
        "2023-02-27 05:00:00.0000000000Z", "2023-02-27 05:00:00ZZ", "2023-02-27 05:00:00z",
        "2023-02-27_05:00:00Z", "2023/02/27 05:00:00Z", "-023-02-27 05:00:00Z",
        "2023-02-27 05:00:00+1", "2023-02-27 05:00:00+24:00", "2023-02-27 05:00:00+01-00",
        "2023-02-27 05:00:00+01:00-00", "2023-02-27 05:00:00+01:00:60",
        "2023-02-27 05:00:00 01:00", " 2023-02-27 05:00:00Z", "2023-02-27 05:00:00.5",
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert parsed_time(text) == (kernels.NO_TIME, -1)


def parsed_number(text: str) -> float | None:
    forms, out = np.empty(1, np.uint8), np.empty(1)
    kernels.parse_decimals(*laid_out([text]), forms, out)
    return None if forms[0] == kernels.UNREAD else float(out[0])


@given(st.from_regex(r"[+-]?([0-9]{1,9}\.?[0-9]{0,6}|\.[0-9]{1,15})", fullmatch=True))
def test_decimals_are_read_as_python_does(text: str) -> None:
    found = parsed_number(text)
    assert found is not None
    assert found.hex() == float(text).hex()


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1e3", "nan", "1.2.3", " 1", "1 ", "12345678901234567", "0x1", "--1"]
)
def test_what_is_left_to_others(text: str) -> None:
    assert parsed_number(text) is None


@given(st.lists(st.integers(-(2**62), 2**62)), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_seconds_are_floors(numbers: list[int], count: int) -> None:
    forms, out = np.empty(len(numbers), np.uint8), np.empty(len(numbers), np.int64)
    kernels.whole_seconds(np.array(numbers, np.int64), count, forms, out)
    for number, form, seconds in zip(numbers, forms.tolist(), out.tolist(), strict=True):
        assert form == (kernels.FRACTION if number % count else WHOLE)
        assert seconds == min(max(number // count, -(2**50)), 2**50)
