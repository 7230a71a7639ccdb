"""Further columns of a fleet's tables."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from synthpower import InputError, Inventory, Location, Readings, ServerType
from synthpower.model.columns import Column, field_of

TYPES = [ServerType("m", "P1", facts={"owner": "A", "shared": "1"}), ServerType("n", "P2")]
SITES = [Location("x", facts={"city": "Köln", "shared": "2"}), Location("y")]


def fleet(tmp_path: Path, header: str, *lines: str) -> Inventory:
    path = tmp_path / "inventory.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return Inventory.read_file(path, "", kinds=(TYPES, SITES))


def test_each_server_has_what_its_tables_say(tmp_path: Path) -> None:
    made = fleet(
        tmp_path, "rack,sn,model,product_id,location",
        "r1,B,m,P1,x", ',A,n,P2,y', '"a ""b"", c",C,m,P1,y', "NA,D,m,P1,x",
    )  # fmt: skip
    found = {name: made.further.strings(name).to_pylist() for name in ("rack", "owner", "city")}
    assert found == {
        "rack": ["", "r1", 'a "b", c', "NA"], "owner": ["", "A", "A", "A"],
        "city": ["", "Köln", "", "Köln"],
    }  # fmt: skip
    assert pickle.loads(pickle.dumps(made)).further.strings("rack").to_pylist() == found["rack"]


@pytest.mark.parametrize(
    ("header", "column", "error"),
    [
        ("", "rack", "source 'rack': no table has one of that name"),
        ("", "shared", "source 'shared': the server types and the locations have one of that name"),
        (",owner", "owner", "source 'owner': the inventory and the server types have one of"),
        (",rack,rack", "rack", "source 'rack': no table has one of that name"),
        (",rack", "rack", "source 'rack': a control character in it"),
    ],
)
def test_a_column_that_is_nowhere_or_twice_is_refused(
    tmp_path: Path, header: str, column: str, error: str
) -> None:
    cells = ',"a\nb"' * header.count(",")
    made = fleet(tmp_path, f"sn,model,product_id,location{header}", f"A,m,P1,x{cells}")
    with pytest.raises(InputError, match=error) as found:
        made.further.strings(column)
    assert found.value.argument == "columns"


def test_a_column_may_change_its_look_late_in_a_long_file(tmp_path: Path) -> None:
    lines = [f"S{i:06},m,P1,x,{i:060},{i if i < 70_000 else 'late'}" for i in range(80_000)]
    made = fleet(tmp_path, "sn,model,product_id,location,asset,kind", *lines)
    assert made.further.strings("asset")[79_999].as_py() == f"{79_999:060}"
    assert made.further.strings("kind").to_pylist()[-1] == "late"


def test_a_column_of_measurements_too_is_refused(tmp_path: Path) -> None:
    made = fleet(tmp_path, "sn,model,product_id,location,rack", "A,m,P1,x,r1")
    made.further.check(["rack"], ["tariff"])
    with pytest.raises(InputError, match="a table of measurements and one of servers have a"):
        made.further.check([], ["rack"])
    with pytest.raises(InputError, match="rename one"):
        made.further.check([], ["city"])


def test_each_column_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fleet(tmp_path, "sn,model,product_id,location,rack", "A,m,P1,x,r1")
    columns = [Column("r", field_of("rack")), Column("v", field_of("measurement_value"))]
    Readings(made, "2023-02-27", columns=columns)
    (tmp_path / "inventory.csv").unlink()
    table = Readings(made, "2023-02-28", columns=columns).to_table()
    assert set(table["r"].to_pylist()) == {"r1"}


def test_the_digest_is_of_the_columns_that_a_file_has(tmp_path: Path) -> None:
    header = "sn,model,product_id,location,rack,row"
    one = fleet(tmp_path, header, "A,m,P1,x,r1,1", "B,m,P1,x,r2,2")
    records = [one.record((), further) for further in ((), ("rack",), ("row",), ("rack", "row"))]
    assert len({record.facts for record in records}) == 4
    assert records[0].facts is None
    two = fleet(tmp_path, header, "B,m,P1,x,r2,3", "A,m,P1,x,r1,1")
    assert two.record((), ("rack",)) == records[1]
    assert two.record((), ("row",)) != records[2]
