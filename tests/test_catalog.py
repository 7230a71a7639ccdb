from __future__ import annotations

import zoneinfo
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import InputError, Measurement, catalog

ORIGINAL_TYPES = [
    "P04654-B21",
    "P04655-B21",
    "P16696-291",
    "P15735-B21",
    "P15535-B21",
    "P18612-B21",
    "P43249-B21",
    "P38477-291",
    "R8F01A",
    "R8V67A",
    "P40792-B21",
    "P42679-B21",
    "P17642-B21",
    "P17640-B21",
    "P31733-B21",
    "P31734-B21",
    "P31732-B21",
    "P31735-B21",
    "P31736-B21",
]


def test_the_originals_server_types_stand_first() -> None:
    types = catalog.read_server_types()
    assert [kind.product_id for kind in types[:19]] == ORIGINAL_TYPES
    assert len(types) >= 44


def test_the_originals_sites_stand_first() -> None:
    sites = [site.location for site in catalog.read_locations()]
    assert sites[:8] == [
        "US-ND-01", "US-ND-02", "DE-B-01", "DE-M-01", "DE-M-02", "US-WA-02", "US-WA-03", "UK-S1-01",
    ]  # fmt: skip
    assert len(sites) >= 16


def test_every_site_has_a_time_zone_that_exists() -> None:
    rows = catalog.read_rows(catalog.shipped(catalog.LOCATIONS), ("location", "time_zone"))
    assert all(zoneinfo.ZoneInfo(row["time_zone"]) for _, row in rows)


def test_shipped_measurements_are_cpu_and_power() -> None:
    assert catalog.read_measurements() == [
        Measurement("server cpu utilization", "%", Decimal(100), 2),
        Measurement("server power", "W", Decimal(300), 2),
    ]


def table(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffname,unit,scale\na,W,3\n",
        "name,unit,scale\r\na,W,3\r\n",
        '"name","unit","scale"\n"a","W","3"\n',
        "unit,more,scale,name\nW,whatever,3,a\n",
        "\nname,unit,scale\n\na,W,3",
        "name,unit,scale,decimals\na,W,3,\n",
    ],
)
def test_csv_of_many_kinds_is_read(tmp_path: Path, text: str) -> None:
    assert catalog.read_measurements(table(tmp_path, text)) == [Measurement("a", "W", Decimal(3))]


@given(st.decimals(1, 10**6, places=6), st.integers(0, 6))
def test_the_greatest_count_is_exact(scale: Decimal, decimals: int) -> None:
    most = Measurement("a", "W", scale, decimals).max_count
    assert most <= scale * 10**decimals < most + 1


def test_the_greatest_count_of_a_third_is_that_of_its_digits() -> None:
    # As a double, 0.3 is a little less: its floor would be 2.
    assert Measurement("a", "W", Decimal("0.3"), 1).max_count == 3


def test_weights_are_read(tmp_path: Path) -> None:
    path = table(tmp_path, "location,weight\nA,2.5\nB,\nC,0\n")
    weights = [site.weight for site in catalog.read_locations(path)]
    assert weights == [Decimal("2.5"), 1, 0]


@pytest.mark.parametrize(
    ("read", "text", "line", "words"),
    [
        ("read_locations", "", None, "the file is empty"),
        ("read_locations", "location\n", None, "no row"),
        ("read_locations", "site\nA\n", 1, "no column location"),
        ("read_locations", "location,location\nA,B\n", 1, "twice"),
        ("read_locations", "location,weight\nA,1\nB\n", 3, "1 fields, where the header has 2"),
        ("read_locations", "location,weight\nA,1\n,1\n", 3, "empty location"),
        ("read_locations", "location\nA\nB\nA\n", 4, "listed twice"),
        ("read_locations", "location\nA\x00\n", 2, "U+0000"),
        ("read_locations", 'location\n"A\nB"\n', 2, "U+000A"),
        ("read_locations", "location\nA\x85\n", 2, "U+0085"),
        ("read_locations", b"location\nA\n\xff\n", 3, "not UTF-8"),
        ("read_locations", 'location\nA\n"B\n', 3, "not a CSV row"),
        ("read_locations", "location,weight\nA,-1\n", 2, "must not be negative"),
        ("read_locations", "location,weight\nA,nan\n", 2, "finite number"),
        ("read_locations", "location,weight\nA,0\nB,0e5\n", None, "all weights are zero"),
        ("read_server_types", "model,product_id\nA,P1\nA,P1\n", 3, "listed twice"),
        ("read_server_types", "model,product_id\nA,P1\nB,P1\n", 3, "two models"),
        ("read_measurements", "name,unit,scale\na,W,3\na,V,3\n", 3, "listed twice"),
        ("read_measurements", "name,unit,scale\na,W,-3\n", 2, "positive"),
        ("read_measurements", "name,unit,scale\na,W,0.0\n", 2, "positive"),
        ("read_measurements", "name,unit,scale\na,W,1e-400\n", 2, "positive"),
        ("read_measurements", "name,unit,scale\na,W,inf\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,1e400\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,NaN\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,3_0\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,٣\n", 2, "finite"),
        ("read_measurements", "name,unit,scale,decimals\na,W,3,-1\n", 2, "decimals '-1'"),
        ("read_measurements", "name,unit,scale,decimals\na,W,3,1.0\n", 2, "decimals '1.0'"),
        ("read_measurements", "name,unit,scale,decimals\na,W,3,23\n", 2, "0 to 22"),
        ("read_measurements", "name,unit,scale,decimals\na,W,1e16,0\n", 2, "a double can hold"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, read: str, text: str | bytes, line: int | None, words: str
) -> None:
    path = table(tmp_path, text)
    place = f"{path}:{line}: " if line else f"{path}: "
    with pytest.raises(InputError) as error:
        getattr(catalog, read)(path)
    assert str(error.value).startswith(place)
    assert words in str(error.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        catalog.read_locations(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read"):
        catalog.read_locations(tmp_path)


def test_a_table_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="/dev/zero: it has no end"):
        catalog.read_measurements(Path("/dev/zero"))
