"""A dataset from Python: what the command line does, without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support import contents, names

from synthpower import Dataset, InputError, Inventory, Part, Request
from synthpower.cli.main import main
from synthpower.dataset.manifest import read_manifest
from synthpower.errors import Notice
from synthpower.storage import LocalStore

DAY = "2023-02-27"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset.create(tmp_path / "power", Inventory.generate(3, seed=5))


def directory(dataset: Dataset) -> Path:
    return Path(dataset.store.label(""))


def write(dataset: Dataset, request: Request) -> list[str]:
    return [summary.name for summary in dataset.write(dataset.plan(request))]


def test_it_is_the_command_lines_to_the_byte(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, Request(DAY, days=2, interval=7200, fuzz=60))
    write(dataset, Request(DAY, format="parquet", compression="zstd", part=Part(1, 3)))
    theirs = ["--directory", str(tmp_path / "theirs"), "--quiet"]
    data = ["data", *theirs, "--date", DAY]
    assert main(["inventory", *theirs, "--count", "3", "--seed", "5"]) == 0
    assert main([*data, "--days", "2", "--interval", "7200", "--fuzz", "60"]) == 0
    options = ["--format", "parquet", "--compression", "zstd", "--shard", "1/3"]
    assert main([*data, *options]) == 0
    assert contents(directory(dataset)) == contents(tmp_path / "theirs")


def test_a_plan_writes_nothing(dataset: Dataset) -> None:
    before = contents(directory(dataset))
    plan = dataset.plan(Request(DAY, days=3))
    assert (plan.rows, [job.name for job in plan.jobs]) == (
        432,
        ["data-2023-02-27.csv", "data-2023-02-28.csv", "data-2023-03-01.csv"],
    )
    assert contents(directory(dataset)) == before


def test_what_is_whole_is_not_written_again(dataset: Dataset) -> None:
    write(dataset, Request(DAY, days=3))
    (directory(dataset) / "data-2023-02-28.csv").unlink()
    plan = dataset.plan(Request(DAY, days=3))
    assert list(plan.complete) == ["data-2023-02-27.csv", "data-2023-03-01.csv"]
    assert [summary.name for summary in dataset.write(plan)] == ["data-2023-02-28.csv"]


def test_another_file_is_refused_with_the_argument_that_replaces_it(dataset: Dataset) -> None:
    write(dataset, Request(DAY))
    with pytest.raises(InputError, match=r"interval 3600, not 7200; overwrite=True replaces it$"):
        dataset.plan(Request(DAY, interval=7200))
    assert write(dataset, Request(DAY, interval=7200, overwrite=True)) == ["data-2023-02-27.csv"]


def test_an_older_inventory_is_refused_with_the_argument_that_replaces_it(dataset: Dataset) -> None:
    other = Inventory.generate(4, seed=6)
    with pytest.raises(InputError, match=r"exists; overwrite=True replaces it$"):
        Dataset.create(directory(dataset), other)
    Dataset.create(directory(dataset), other, overwrite=True)
    assert len(Dataset.open(directory(dataset)).inventory) == 4


def test_an_inventory_of_which_readings_were_made_is_never_replaced(dataset: Dataset) -> None:
    write(dataset, Request(DAY))
    with pytest.raises(InputError, match=r"data-2023-02-27\.csv was made from the inventory"):
        Dataset.create(directory(dataset), Inventory.generate(4, seed=6), overwrite=True)


def test_the_datasets_seed_is_used(dataset: Dataset) -> None:
    assert dataset.seed() == 5
    (summary,) = dataset.write(dataset.plan(Request(DAY)))
    assert summary.seed == 5


def test_a_given_seed_is_used_instead(dataset: Dataset) -> None:
    (summary,) = dataset.write(dataset.plan(Request(DAY, seed=0)))
    assert summary.seed == 0
    assert dataset.seed() == 5


def test_a_drawn_seed_is_kept_and_used_again(tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text("sn,model,product_id,location\nA1,m,p,x\n")
    own = Dataset.open(tmp_path)
    assert own.seed() is None
    (first,) = own.write(own.plan(Request(DAY)))
    (second,) = own.write(own.plan(Request("2023-02-28")))
    assert first.seed == second.seed == own.seed()
    assert json.loads((tmp_path / "manifest.json").read_text())["seed"] == first.seed


def test_what_cannot_fit_is_refused_before_it_starts(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalStore, "free", lambda _: 1000)
    before = contents(directory(dataset))
    with pytest.raises(InputError, match="bytes are needed, and 1,000 are free"):
        write(dataset, Request(DAY, days=2))
    assert contents(directory(dataset)) == before


@pytest.mark.parametrize(
    ("request_", "argument"),
    [
        (Request(DAY, interval=7000), "interval"),
        (Request(DAY, fuzz=3600), "fuzz"),
        (Request("2023-02-30"), "date"),
        (Request(DAY, days=0), "days"),
        (Request(DAY, format="xml"), "format"),
        (Request(DAY, signal="sine"), "signal"),
        (Request(DAY, compression="snappy"), "compression"),
        (Request(DAY, implementation="slow"), "writer"),
        (Request(DAY, days=2, output=Path("x.csv")), "output"),
        (Request(DAY, seed=-1), "seed"),
    ],
)
def test_an_error_names_the_argument_and_no_flag(
    dataset: Dataset, request_: Request, argument: str
) -> None:
    with pytest.raises(InputError) as caught:
        dataset.plan(request_)
    assert caught.value.argument == argument
    assert "--" not in str(caught.value)


def test_it_is_verified(dataset: Dataset) -> None:
    write(dataset, Request(DAY))
    assert all(check.passed for check in dataset.verify())
    path = directory(dataset) / "data-2023-02-27.csv"
    path.write_bytes(path.read_bytes()[:-1])
    wrong = [check.file for check in dataset.verify() if not check.passed]
    assert wrong == [path.name]


def test_it_is_valid(dataset: Dataset) -> None:
    write(dataset, Request(DAY, days=2))
    assert all(check.passed for check in dataset.validate())


def test_it_is_rebuilt_elsewhere(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, Request(DAY, days=2))
    again = tmp_path / "again"
    written = dataset.write(dataset.rebuild(into=again))
    assert [summary.name for summary in written] == ["data-2023-02-27.csv", "data-2023-02-28.csv"]
    assert contents(again) == contents(directory(dataset))


def test_what_is_missing_is_rebuilt(dataset: Dataset) -> None:
    write(dataset, Request(DAY, days=2))
    before = contents(directory(dataset))
    for name in ("data-2023-02-28.csv", "README.md", "inventory.csv", "locations.csv"):
        (directory(dataset) / name).unlink()
    again = Dataset.open(directory(dataset))
    again.write(again.rebuild())
    assert contents(directory(dataset)) == before


def test_finished_is_called_for_each_file(dataset: Dataset) -> None:
    seen: list[str] = []
    plan = dataset.plan(Request(DAY, days=3))
    dataset.write(plan, finished=lambda summary: seen.append(summary.name))
    assert seen == [name for name in names(directory(dataset)) if name.startswith("data-")]
    files = read_manifest(dataset.store).files
    assert {entry["state"] for entry in files.values()} == {"whole"}


def test_a_measurement_table_that_is_gone_is_missed(tmp_path: Path) -> None:
    dataset = Dataset.create(tmp_path, Inventory.generate(3, seed=1))
    (tmp_path / "measurements.csv").unlink()
    with pytest.warns(Notice, match=r"measurements\.csv is gone: the shipped table serves"):
        assert len(dataset.measurements()) == 2
    (tmp_path / "manifest.json").unlink()  # another producer's, who needs none
    assert len(dataset.measurements()) == 2


def test_another_inventory_beside_the_record_of_the_drawn_one_is_noticed(tmp_path: Path) -> None:
    dataset = Dataset.create(tmp_path, Inventory.generate(3, seed=1))
    path = tmp_path / "inventory.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    with pytest.warns(Notice, match=r"inventory\.csv has 2 servers, and 3 were drawn"):
        dataset.plan(Request("2023-02-27"))


def test_all_shards_of_a_file_are_one_request(dataset: Dataset, tmp_path: Path) -> None:
    write(dataset, Request(DAY, days=2, shards=3))
    other = Dataset.create(tmp_path / "other", Inventory.generate(3, seed=5))
    for number in (1, 2, 3):
        write(other, Request(DAY, days=2, part=Part(number, 3)))
    assert contents(directory(dataset)) == contents(tmp_path / "other")
    assert len(write(dataset, Request(DAY, days=3, shards=3))) == 3


def test_one_shard_is_the_file(dataset: Dataset) -> None:
    assert write(dataset, Request(DAY, shards=1)) == ["data-2023-02-27.csv"]


@pytest.mark.parametrize(
    ("request_", "argument", "said"),
    [
        (Request(DAY, shards=0), "shards", "0: it must be 1 to 99,999"),
        (Request(DAY, shards=100_000), "shards", "100000: it must be 1 to 99,999"),
        (Request(DAY, shards="2"), "shards", "'2' is not a whole number"),  # type: ignore[arg-type]
        (Request(DAY, shards=2, part=Part(1, 3)), "shards", "they are all of a file"),
        (Request(DAY, shards=2, output=Path("a.csv")), "output", "go with shards above 1"),
        (Request(DAY, shards=2, path="day/data"), "path", "the shards of a file would be written"),
    ],
)
def test_shards_that_cannot_be_are_refused(
    dataset: Dataset, request_: Request, argument: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as found:
        dataset.plan(request_)
    assert found.value.argument == argument
