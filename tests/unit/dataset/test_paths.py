"""Patterns of paths: which rows each file has, what it is called, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import CPU, POWER, specified

from synthpower import InputError, Inventory, Measurement, Specification
from synthpower.dataset.paths import (
    PathPattern,
    check_different,
    encoded,
    glob_of,
    joint_glob,
    pattern_of,
)
from synthpower.model.columns import COLUMNS, Column, field_of
from synthpower.model.grid import WHOLE, Part

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)


def fleet_at(*sites: str) -> Inventory:
    """Return an inventory with a server at each site."""
    rows = {"sn": [f"S{i}" for i in range(len(sites))], "location": list(sites)}
    rows |= {"model": ["m"] * len(sites), "product_id": ["p"] * len(sites)}
    table = pa.table({name: rows[name] for name in ("sn", "model", "product_id", "location")})
    for name in ("model", "product_id", "location"):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].dictionary_encode())
    return Inventory(table)


def names(pattern: str, specification: Specification, *sites: str) -> list[str]:
    """Return the names of the files that a pattern divides a specification into."""
    path = PathPattern(pattern)
    parts = path.divided(specification, fleet_at(*sites or ("Rome",)))
    return [path.name(each, ".csv") for each in parts]


@given(text=texts)
def test_an_encoded_text_is_read_back_and_harmless(text: str) -> None:
    found = encoded(text)
    assert unquote(found) == text
    assert not re.search(r"[\x00-\x20/=:*?\"'\[\]{}\\&+#]", found)
    assert found[0] not in "._"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("server power", "server%20power"), ("R&D/2", "R%26D%2F2"), ("..", "%2E."), ("_x", "%5Fx"),
     ("a=b", "a%3Db"), ("50%", "50%25"), ("DE-B-01", "DE-B-01"), ("Köln 🚀", "Köln%20🚀")],
)  # fmt: skip
def test_what_is_special_is_encoded_and_what_is_not_ascii_stays(text: str, expected: str) -> None:
    assert encoded(text) == expected


def test_an_hour_is_a_file() -> None:
    found = names("dt={date}/hour={hour}/data{suffix}", specified(interval=300))
    assert found == [f"dt=2023-02-27/hour={hour:02}/data.csv" for hour in range(24)]


def test_the_file_of_an_hour_has_that_hour() -> None:
    found = names("{date}/{hour}", specified(date="2023-02-27T05"))
    assert found == ["2023-02-27/05.csv"]


def test_sites_are_in_order_and_measurements_as_in_their_table() -> None:
    specification = specified(measurements=(POWER, CPU))
    assert names("{location}/{name}", specification, "b", "a", "b") == [
        "a/server%20power.csv",
        "a/server%20cpu%20utilization.csv",
        "b/server%20power.csv",
        "b/server%20cpu%20utilization.csv",
    ]


def test_a_specification_says_which_rows_a_file_has() -> None:
    path = PathPattern("{date}/{hour}/{location}/{name}")
    specification = specified(measurements=(POWER, CPU), interval=600, part=Part(2, 3))
    *_, last = path.divided(specification, fleet_at("a", "b"))
    assert (last.date, last.location, last.measurements) == ("2023-02-27T23", "b", (CPU,))
    assert (last.interval, last.part, last.seed) == (600, Part(2, 3), 1)


def test_a_shard_has_its_number() -> None:
    assert names("{shard}/data", specified(part=Part(3, 10))) == ["00003-of-00010/data.csv"]
    assert names("{shard}/data", specified()) == ["00001-of-00001/data.csv"]


def test_a_suffix_is_given_to_a_pattern_without() -> None:
    assert PathPattern("a/b").text == PathPattern("a/b{suffix}").text == "a/b{suffix}"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "empty path"),
        ("dt={day}/data", "{day}: choose {date}, {hour}, {location}, {name}, {shard}, {suffix}"),
        ("dt={}/data", "{}: choose"),
        ("dt={date/data", "no name may have a { in it"),
        ("dt=date}/data", "no name may have a } in it"),
        ("/tmp/{date}", "begins or ends with a /"),
        ("{date}/", "the file has no name before {suffix}"),
        ("{date}/{suffix}", "the file has no name before {suffix}"),
        ("{suffix}", "the file has no name before {suffix}"),
        ("a//b", "has two together"),
        ("../{date}", "'..' begins with a dot"),
        ("{date}/../{hour}", "'..' begins with a dot"),
        ("./{date}", "'.' begins with a dot"),
        ("{date}/.hidden", "begins with a dot"),
        ("{date}/_hidden", "begins with a _"),
        ("_delta/{date}", "begins with a _"),
        ("{date}/manifest.json/a", "'manifest.json' is the name of something else"),
        ("{date}{suffix}/data", "{suffix} must be its end"),
        ("{date}/data.csv", "end it in {suffix}"),
        ("{date}/data.csv.gz", "end it in {suffix}"),
        ("a\n{date}", "control character U+000A in path"),
        ("a\udcff{date}", "is no character"),
        ("a*{date}", "no name may have a * in it"),
        ("x" * 256 + "/{date}", "is longer than 255 bytes"),
    ],
)
def test_what_can_be_no_pattern_is_refused_in_one_line(pattern: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        PathPattern(pattern)
    assert error.value.argument == "path"
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("site", "words"),
    [("ü" * 128, "is longer than 255 bytes"), ("inventory", "is the name of something else")],
)
def test_what_makes_no_name_is_refused(site: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        names("{location}{suffix}", specified(), site)
    assert error.value.argument == "path"


@pytest.mark.parametrize(
    ("pattern", "days", "part", "interval", "words"),
    [
        ("{hour}/data", 2, WHOLE, 3600, "files of several days would be written over each other; add {date}"),
        ("{date}/data", 2, Part(1, 2), 3600, "shards of a file would be written over each other; add {shard}"),
        ("{date}/{hour}", 1, WHOLE, 7200, "7200 does not divide an hour, and each hour is a file"),
        ("{date}/{hour}", 1, WHOLE, 2700, "2700 does not divide an hour, and each hour is a file"),
    ],
)  # fmt: skip
def test_files_that_would_be_one_are_refused(
    pattern: str, days: int, part: Part, interval: int, words: str
) -> None:
    with pytest.raises(InputError, match=words.replace("{", r"\{")) as error:
        PathPattern(pattern).check(days, part, interval)
    assert error.value.argument == ("interval" if "{hour}" in pattern and days == 1 else "path")


def test_files_that_stay_apart_are_not_refused() -> None:
    PathPattern("{date}/{shard}").check(2, Part(1, 2), 86_400)
    PathPattern("data").check(1, WHOLE, 86_400)
    PathPattern("{hour}").check(1, WHOLE, 900)


def test_texts_that_run_together_are_refused() -> None:
    with pytest.raises(InputError, match=r"2 files would be 'abc\.csv'"):
        check_different(["abc.csv", "abd.csv", "abc.csv"])
    check_different(["abc.csv", "abd.csv"])


def test_columns_of_several_measurements_are_not_divided_by_name() -> None:
    columns = [c for c in COLUMNS if c.field.name in ("sn", "start_time")]
    columns += [Column("power", field_of(f"value:{POWER.name}"))]
    wide = specified(columns=tuple(columns), measurements=(POWER, CPU))
    with pytest.raises(InputError, match="divides rows of one measurement each") as error:
        names("{name}", wide)
    assert error.value.argument == "path"


pieces = st.lists(
    st.sampled_from(["dt=", "x", "-", "/", "_", "05", "h=", "a.b", " ", "é"])
    | st.sampled_from(["{date}", "{hour}", "{location}", "{name}", "{shard}"]),
    min_size=1,
    max_size=8,
).map("".join)


@given(pattern=pieces, site=texts, name=texts, part=st.sampled_from([WHOLE, Part(2, 3)]))
def test_whatever_the_pattern_is_a_name_tells_one_that_gives_it(
    pattern: str, site: str, name: str, part: Part
) -> None:
    try:
        path = PathPattern(pattern)
        parts = path.divided(
            specified(measurements=(Measurement(name, "W", 1), CPU), part=part)
            if name != CPU.name
            else specified(part=part),
            fleet_at(site, "b"),
        )
        files = [(path.name(each, ".csv"), each) for each in parts]
    except InputError:
        assume(False)  # noqa: FBT003
    globs = set()
    for file, each in files:
        told = pattern_of(file, each, ".csv")
        assert told is None or PathPattern(told).name(each, ".csv") == file
        assert all(level and level[0] not in "._" for level in file.split("/"))
        globs.add(glob_of(told, ".csv") if told else file)
    assert all(matches(joint_glob(globs), file) for file, _ in files)


def matches(glob: str, name: str) -> bool:
    """Return whether a glob without ** matches a name."""
    levels = list(zip(name.split("/"), glob.split("/"), strict=True))
    return all(fnmatchcase(one, other) for one, other in levels)


def test_a_pattern_is_told_from_a_name() -> None:
    one = specified(date="2023-02-05T05", location="05")
    assert pattern_of("dt=2023-02-05/h=05/data.csv", one, ".csv") == (
        "dt={date}/h={location}/data{suffix}"
    )
    assert pattern_of("own.csv", one, ".csv") is None
    assert pattern_of("2023-02-05.txt", one, ".csv") is None


@pytest.mark.parametrize(
    ("globs", "expected"),
    [
        (["data-*"], "data-*"),
        (["dt=*/data.csv", "dt=*/data.parquet"], "dt=*/data.*"),
        (["dt=*/data.csv", "data-*"], "**/data*"),
        (["a/x*", "b/x*"], "*/x*"),
    ],
)
def test_one_glob_matches_what_several_do(
    globs: Sequence[str], expected: str, tmp_path: Path
) -> None:
    assert joint_glob(globs) == expected
    for glob in globs:
        path = tmp_path / glob.replace("*", "1")
        path.parent.mkdir(exist_ok=True)
        path.touch()
        assert path in tmp_path.glob(expected)
