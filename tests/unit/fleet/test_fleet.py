from __future__ import annotations

import csv
import hashlib
import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from synthpower import InputError, Inventory, Location, ServerType, kernels, tables
from synthpower.fleet.serials import CAPACITY, PREFIXES, SERIAL_NUMBERS
from synthpower.model.columns import SERVER_FIELDS
from synthpower.model.description import FleetRecord


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
    prefixes = np.array([list(p.encode()) for p in PREFIXES], np.uint8)
    out = np.empty((1_000_000, 10), np.uint8)
    kernels.fill_serials(SERIAL_NUMBERS - len(out), np.uint64(9), prefixes, out)
    assert np.unique(out.view("S10")).size == len(out)


def test_model_product_and_site_come_from_the_tables() -> None:
    table = Inventory.generate(5000, seed=1).table
    pairs = {(t.model, t.product_id) for t in tables.read_server_types()}
    rows = table.select(["model", "product_id"]).to_pylist()
    assert {tuple(row.values()) for row in rows} == pairs
    sites = {site.location for site in tables.read_locations()}
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


@pytest.mark.parametrize("count", [0, -1, CAPACITY + 1])
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


def test_strings_that_need_quotes_are_quoted_and_others_not(tmp_path: Path) -> None:
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
    monkeypatch.setattr("synthpower.fleet.serials.hashed_server_key", lambda sn: 2**63)
    columns = {"sn": pa.array(["first one", "other one"])}
    for name in SERVER_FIELDS[1:]:
        columns[name] = pa.array(["x", "x"]).dictionary_encode()
    with pytest.raises(InputError, match="have the same hash"):
        _ = Inventory(pa.table(columns)).by_serial


def test_the_digest_is_as_documented() -> None:
    made = Inventory.generate(100, seed=1)
    rows = sorted(made.table.to_pylist(), key=lambda row: row["sn"].encode())
    digest = hashlib.sha256()

    def update(strings: list[str]) -> None:
        digest.update(b"".join(len(t.encode()).to_bytes(4, "little") for t in strings))
        digest.update("".join(strings).encode())

    update([row["sn"] for row in rows])
    for name in ("model", "product_id", "location"):
        distinct = list(dict.fromkeys(row[name] for row in rows))
        update(distinct)
        for row in rows:
            digest.update(distinct.index(row[name]).to_bytes(4, "little"))
    assert made.record() == FleetRecord(100, digest.hexdigest())


def test_the_digest_does_not_depend_on_the_order_of_the_file(tmp_path: Path) -> None:
    made = Inventory.generate(100, seed=1)
    moved = Inventory(made.table.take(list(range(99, -1, -1))))
    made.write(tmp_path)
    digests = [i.record().sha256 for i in (made, moved, Inventory.read(tmp_path))]
    assert len(set(digests)) == 1


def test_the_digest_changes_with_every_field() -> None:
    table = Inventory.generate(3, seed=1).table
    digests = {Inventory(table).record().sha256}
    for name in SERVER_FIELDS:
        other = pa.array(["changed", *table[name].to_pylist()[1:]])
        column = other if name == "sn" else other.dictionary_encode()
        index = table.schema.get_field_index(name)
        digests.add(Inventory(table.set_column(index, name, column)).record().sha256)
    assert len(digests) == 5


@pytest.mark.parametrize("table", ["server_types", "locations"])
def test_no_alternatives_are_not_the_shipped_ones(table: str) -> None:
    with pytest.raises(InputError, match="one of each needs a weight above zero"):
        Inventory.generate(3, 1, **{table: []})


def test_alternatives_of_no_weight_are_none() -> None:
    with pytest.raises(InputError, match="one of each needs a weight above zero"):
        Inventory.generate(3, 1, locations=[Location("A", Decimal(0))])


@pytest.mark.parametrize(
    ("arguments", "argument", "words"),
    [
        ({"count": 2.0}, "count", "'2.0' is not a whole number"),
        ({"count": True}, "count", "'True' is not a whole number"),
        ({"count": "3"}, "count", "'3' is not a whole number"),
        ({"seed": 1.5}, "seed", "'1.5' is not a whole number"),
        ({"seed": -1}, "seed", "0 to 2^63 - 1"),
        ({"seed": 2**63}, "seed", "0 to 2^63 - 1"),
        ({"server_types": ["DL380"]}, "server_types", "'DL380' is not a ServerType"),
        ({"server_types": 7}, "server_types", "'7' is not a ServerType"),
        ({"locations": ["DE"]}, "locations", "'DE' is not a Location"),
        (
            {"server_types": [ServerType("a", "p"), ServerType("b", "p")]},
            "server_types",
            "product id p has two models, 'a' and 'b'",
        ),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], argument: str, words: str) -> None:
    with pytest.raises(InputError) as found:
        Inventory.generate(**{"count": 3, "seed": 1, **arguments})
    assert found.value.argument == argument
    assert words in str(found.value)


def test_alternatives_may_come_from_an_iterator() -> None:
    sites = [Location("A"), Location("B")]
    made = Inventory.generate(100, 1, locations=iter(sites))  # type: ignore[arg-type]
    assert made.locations == tuple(sites)
    assert made.table == Inventory.generate(100, 1, locations=sites).table


def test_a_numpy_integer_is_a_whole_number() -> None:
    assert Inventory.generate(np.int64(3), np.uint64(1)).table == Inventory.generate(3, 1).table


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (Inventory.generate(1000, 7), "<Inventory of 1,000 servers, seed=7>"),
        (Inventory(Inventory.generate(1, 7).table), "<Inventory of 1 servers>"),
    ],
)
def test_a_fleet_shows_its_size_and_seed(made: Inventory, shown: str) -> None:
    assert repr(made) == shown


def test_a_pickle_has_no_more_than_what_the_fleet_is_made_from() -> None:
    made = Inventory.generate(1000, seed=1)
    before = pickle.dumps(made)
    digest = made.record().sha256  # works out the keys, the order and the digest
    assert len(vars(made)) > 4
    assert pickle.dumps(made) == before
    found = pickle.loads(before)
    assert (found.table, found.seed) == (made.table, 1)
    assert (found.server_types, found.locations) == (made.server_types, made.locations)
    assert found.record().sha256 == digest


def test_facts_are_what_the_tables_say_of_products_and_sites() -> None:
    types = [ServerType("m", "P1", facts={"sockets": "2"}), ServerType("m", "P2")]
    sites = [Location("A", facts={"time_zone": "Europe/Berlin"})]
    made = Inventory.generate(10, 1, types, sites)
    assert made.facts("sockets") == {"P1": "2"}
    assert made.facts("time_zone") == {"A": "Europe/Berlin"}
    assert made.facts("rack") == {}


def of_facts(
    facts: dict[str, str], zone: str = "Europe/Berlin", count: int = 50, **more: Any
) -> Inventory:
    types = [ServerType("m", "P1", facts=facts), ServerType("m", "P2")]
    sites = [Location("A", facts={"time_zone": zone})]
    return Inventory.generate(count, 1, types, [*sites, *more.get("others", [])])


def test_facts_have_no_digest_where_no_signal_needs_any() -> None:
    assert of_facts({"sockets": "2"}).record().facts is None


def test_the_digest_of_facts_is_that_of_the_facts_asked_for() -> None:
    names = ("sockets", "time_zone")
    digest = of_facts({"sockets": "2"}).record(names).facts
    assert digest == of_facts({"sockets": "2", "rack": "7"}).record(names).facts
    others = [
        of_facts({"sockets": "4"}).record(names).facts,
        of_facts({"sockets": "2"}, "Europe/Paris").record(names).facts,
        of_facts({}).record(names).facts,
        of_facts({"sockets": "2"}).record(names[:1]).facts,
    ]
    assert len({digest, *others}) == 5


def test_facts_of_what_no_server_has_make_no_difference() -> None:
    never = [Location("B", Decimal(0), {"time_zone": "Europe/Paris"})]
    names = ("time_zone",)
    assert of_facts({}).record(names) == of_facts({}, others=never).record(names)


def test_facts_make_no_difference_to_the_digest_of_the_servers() -> None:
    assert of_facts({}).record(("sockets",)).sha256 == of_facts({"sockets": "2"}).record().sha256


# --- sites -----------------------------------------------------------------------------


def test_a_site_has_its_servers_and_all_that_is_known_of_them(tmp_path: Path) -> None:
    whole = Inventory.generate(200, seed=3)
    sites = whole.by_serial.templates["location"].dictionary.to_pylist()
    found = [whole.at(site) for site in sites]
    rows = [row for fleet in found for row in fleet.table.to_pylist()]
    assert sorted(row["sn"] for row in rows) == sorted(whole.table["sn"].to_pylist())
    for site, fleet in zip(sites, found, strict=True):
        assert {row["location"] for row in fleet.table.to_pylist()} == {site}
        assert fleet.kinds == whole.kinds
        assert whole.at(site) is fleet
        assert fleet.at(site).record() == fleet.record()
        assert fleet.by_serial.sn.to_pylist() == sorted(fleet.table["sn"].to_pylist())


def test_no_site_is_all_and_one_that_is_not_there_is_nobody() -> None:
    whole = Inventory.generate(20, seed=3)
    assert whole.at(None) is whole
    assert len(whole.at("nowhere")) == 0


def test_a_site_has_further_columns_of_the_inventory(tmp_path: Path) -> None:
    path = tmp_path / "inventory.csv"
    path.write_text(
        "sn,model,product_id,location,rack\nS3,m,p,a,r3\nS1,m,p,b,r1\nS2,m,p,a,r2\nS0,m,p,a,r3\n"
    )
    whole = Inventory.read(path)
    assert whole.at("a").further.strings("rack").to_pylist() == ["r3", "r2", "r3"]
    assert whole.at("b").further.strings("rack").to_pylist() == ["r1"]
    with pytest.raises(InputError, match="no table has one"):
        whole.at("b").further.strings("row")


def test_it_can_be_sent_by_who_puts_buffers_at_any_address() -> None:
    sent = Inventory.generate(1000, seed=1)
    apart: list[pickle.PickleBuffer] = []
    data = pickle.dumps(sent, protocol=5, buffer_callback=apart.append)
    odd = [memoryview(b"?" + bytes(each.raw()))[1:] for each in apart]
    assert pickle.loads(data, buffers=odd).record() == sent.record()
