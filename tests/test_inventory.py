from __future__ import annotations

import csv
import hashlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from synthpower import (
    InputError,
    Inventory,
    Location,
    ServerType,
    arrow,
    catalog,
    inventory,
    kernels,
)


def write(directory: Path, text: str | bytes) -> Path:
    path = directory / "inventory.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_serial_numbers_are_of_hpes_form_and_unique() -> None:
    sn = pa.compute.unique(Inventory.generate(300_000, seed=1).table["sn"])
    assert len(sn) == 300_000
    form = "^(CZ1|CZ2|CZ3|CZJ|SGH|MXQ|USE|CNX|CN7|2M2)[0-9](0[1-9]|[1-4][0-9]|5[0-2])[0-9B-DF-HJ-NP-TV-Z]{4}$"
    assert pa.compute.all(pa.compute.match_substring_regex(sn, form)).as_py()


def test_serial_numbers_at_the_end_of_their_space_are_unique_too() -> None:
    prefixes = np.array([list(p.encode()) for p in inventory.PREFIXES], np.uint8)
    out = np.empty((1_000_000, 10), np.uint8)
    kernels.fill_serials(inventory.SERIAL_NUMBERS - len(out), np.uint64(9), prefixes, out)
    assert np.unique(out.view("S10")).size == len(out)


def test_model_product_and_site_come_from_the_tables() -> None:
    table = Inventory.generate(5000, seed=1).table
    pairs = {(t.model, t.product_id) for t in catalog.read_server_types()}
    rows = table.select(["model", "product_id"]).to_pylist()
    assert {tuple(row.values()) for row in rows} == pairs
    sites = {site.location for site in catalog.read_locations()}
    assert set(table["location"].to_pylist()) == sites


def test_a_weight_makes_a_choice_likelier() -> None:
    sites = [Location("rare"), Location("common", Decimal(3)), Location("never", Decimal(0))]
    chosen = Inventory.generate(40_000, 1, locations=sites).table["location"].to_pylist()
    assert abs(chosen.count("rare") - 10_000) < 5 * 87
    assert chosen.count("never") == 0


def test_a_drawn_seed_is_known_afterwards() -> None:
    first = Inventory.generate(5)
    assert first.seed is not None
    assert Inventory.generate(5, first.seed).table == first.table


@pytest.mark.parametrize("count", [0, -1, inventory.CAPACITY + 1])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(InputError, match="1 to 214,748,364 servers"):
        Inventory.generate(count, seed=1)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    made = Inventory.generate(1000, seed=4)
    made.write(tmp_path)
    for path in (tmp_path, tmp_path / "inventory.csv"):
        read = Inventory.read(path)
        assert read.table.to_pylist() == made.table.to_pylist()
    assert Inventory.read(tmp_path).seed == 4


def test_texts_that_need_quotes_are_quoted_and_others_not(tmp_path: Path) -> None:
    types = [ServerType('a "quoted", model', "P1"), ServerType("plain", "P2")]
    made = Inventory.generate(50, 1, types)
    made.write(tmp_path)
    text = (tmp_path / "inventory.csv").read_text()
    assert '"a ""quoted"", model",P1,' in text
    assert ",plain,P2," in text
    with (tmp_path / "inventory.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == made.table.to_pylist()
    assert Inventory.read(tmp_path).table.to_pylist() == made.table.to_pylist()


@pytest.mark.parametrize(
    "text",
    [
        "sn,model,product_id,location\nA1,m,p,x\nA0,m,p,x\n",
        "\ufeffsn,model,product_id,location\r\nA1,m,p,x\r\nA0,m,p,x\r\n",
        '"sn","model","product_id","location"\n"A1","m","p","x"\n"A0","m","p","x"\n',
        'location,note,sn,product_id,model\nx,,A1,p,m\nx,"a\nb",A0,p,m',
        "sn,model,product_id,location,note,note\n\nA1,m,p,x,1,2\n\nA0,m,p,x,,\n",
    ],
)
def test_csv_of_many_kinds_is_read(tmp_path: Path, text: str) -> None:
    found = Inventory.read(write(tmp_path, text))
    assert [tuple(row.values()) for row in found.table.to_pylist()] == [
        ("A1", "m", "p", "x"),
        ("A0", "m", "p", "x"),
    ]
    assert found.by_serial.sn.to_pylist() == ["A0", "A1"]


def test_servers_are_ordered_by_the_bytes_of_their_serial_numbers(tmp_path: Path) -> None:
    sns = ["b", "B", "é", "Z", "10", "9", "a long serial number", "\U0001f600", "\uffee"]
    rows = "".join(f"{sn},m,p,x\n" for sn in sns)
    found = Inventory.read(write(tmp_path, "sn,model,product_id,location\n" + rows))
    assert found.by_serial.sn.to_pylist() == sorted(sns, key=str.encode)


def test_one_model_may_have_two_product_ids(tmp_path: Path) -> None:
    rows = "A1,m,p1,x\nA2,m,p2,x\n"
    assert len(Inventory.read(write(tmp_path, "sn,model,product_id,location\n" + rows))) == 2


def test_two_serial_numbers_of_one_hash_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "hashed_server_key", lambda sn: 2**63)
    columns = {"sn": pa.array(["first one", "other one"])}
    for name in inventory.TEMPLATES:
        columns[name] = pa.array(["x", "x"]).dictionary_encode()
    with pytest.raises(InputError, match="have the same hash"):
        _ = Inventory(pa.table(columns)).by_serial


def test_the_digest_is_as_documented() -> None:
    made = Inventory.generate(100, seed=1)
    rows = sorted(made.table.to_pylist(), key=lambda row: row["sn"].encode())
    digest = hashlib.sha256()

    def update(texts: list[str]) -> None:
        digest.update(b"".join(len(t.encode()).to_bytes(4, "little") for t in texts))
        digest.update("".join(texts).encode())

    update([row["sn"] for row in rows])
    for name in ("model", "product_id", "location"):
        distinct = list(dict.fromkeys(row[name] for row in rows))
        update(distinct)
        for row in rows:
            digest.update(distinct.index(row[name]).to_bytes(4, "little"))
    assert made.describe() == {"servers": 100, "sha256": digest.hexdigest()}


def test_the_digest_does_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    made = Inventory.generate(100, seed=1)
    moved = Inventory(made.table.take(list(range(99, -1, -1))))
    made.write(tmp_path)
    digests = [i.describe()["sha256"] for i in (made, moved, Inventory.read(tmp_path))]
    assert len(set(digests)) == 1


def test_the_digest_changes_with_every_field() -> None:
    table = Inventory.generate(3, seed=1).table
    digests = {str(Inventory(table).describe())}
    for name in inventory.COLUMNS:
        other = pa.array(["changed", *table[name].to_pylist()[1:]])
        column = other if name == "sn" else other.dictionary_encode()
        place = table.schema.get_field_index(name)
        digests.add(str(Inventory(table.set_column(place, name, column)).describe()))
    assert len(digests) == 5


def test_texts_are_in_order_of_appearance_however_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "_BLOCK", 3)
    texts = arrow.as_texts(["a", "b", "c", "d", "never"])
    rows = [2, 2, 2, 2, 2, 2, 0, 2, 2, 3, 0, 1, 3]
    made = arrow.by_appearance(np.array(rows), texts)
    assert made.dictionary.to_pylist() == ["c", "a", "d", "b"]
    assert made.to_pylist() == [texts[row].as_py() for row in rows]
    order = np.arange(len(rows))[::-1]
    backwards = arrow.by_appearance(np.array(rows), texts, order)
    assert backwards.dictionary.to_pylist() == ["d", "b", "a", "c"]
    assert backwards.to_pylist() == made.to_pylist()[::-1]
