from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from synthpower import InputError, Inventory, Measurement, dataset
from synthpower.catalog import read_measurements


def readme(directory: Path, text: str) -> Path:
    (directory / "README.md").write_text(text)
    return directory


def test_front_matter_says_who_what_and_how_often(tmp_path: Path) -> None:
    Inventory.generate(10, seed=8123).write(tmp_path)
    _, front, prose = (tmp_path / "README.md").read_text().split("---\n", 2)
    fields = dict(line.split(": ") for line in front.splitlines())
    assert len(fields["glcp_customer_id"]) == 32
    assert set(fields["glcp_customer_id"]) <= set("0123456789abcdef")
    assert fields["devices"] == "inventory.csv"
    assert fields["update"] == "24 hr"
    assert fields["seed"] == "8123"
    assert fields["servers"] == "10"
    assert "synthetic" in prose.lower()
    assert "UTC" in prose


def test_the_glob_of_the_front_matter_finds_the_data_files(power: Path) -> None:
    fields = (power / "README.md").read_text().split("---\n")[1].splitlines()
    (glob,) = [line.removeprefix("data: ") for line in fields if line.startswith("data: ")]
    assert sorted(path.name for path in power.glob(glob)) == [
        "data-2023-02-27.csv",
        "data-2023-02-27.parquet",
    ]


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("---\nseed: 7\n---\n", 7),
        ("---\r\nseed: 7\r\n---\r\n", 7),
        ("\ufeff---\nother: x\nseed: '7' # ours\n---\n", 7),
        ("---\nseed: 0\n---\n", 0),
        ("---\nother: 7\n---\nseed: 8\n", None),
        ("# no front matter\nseed: 8\n", None),
        ("", None),
    ],
)
def test_the_seed_is_found_in_the_front_matter(tmp_path: Path, text: str, seed: int | None) -> None:
    assert dataset.readme_seed(readme(tmp_path, text)) == seed


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "9223372036854775808", "", "٣"])
def test_a_seed_that_is_none_is_named(tmp_path: Path, seed: str) -> None:
    with pytest.raises(InputError, match=r"README.md:2: the seed"):
        dataset.readme_seed(readme(tmp_path, f"---\nseed: {seed}\n---\n"))


def test_measurements_are_written_so_that_they_are_read_back(tmp_path: Path) -> None:
    table = [
        Measurement('a, "b"', "W", Decimal("0.30"), 2),
        Measurement("c", "%", Decimal("1E+2"), 0),
        Measurement("d", "Cel", Decimal("45.5")),
    ]
    path = tmp_path / "measurements.csv"
    path.write_text(dataset.measurements_text(table))
    assert read_measurements(path) == table


def test_the_manifest_drops_what_is_gone_and_keeps_the_rest(tmp_path: Path) -> None:
    for name in ("data-a", "data-b"):
        (tmp_path / name).touch()
        dataset.update_manifest(tmp_path, {name: {"rows": 1}})
    (tmp_path / "data-a").unlink()
    assert dataset.keep_seed(tmp_path, 5) == 5
    dataset.update_manifest(tmp_path, {})
    assert dataset.read_manifest(tmp_path) == {"files": {"data-b": {"rows": 1}}, "seed": 5}
    assert dataset.manifest_seed(tmp_path) == 5


def test_the_seed_that_was_kept_first_stays(tmp_path: Path) -> None:
    assert dataset.keep_seed(tmp_path, 5) == 5
    assert dataset.keep_seed(tmp_path, 6) == 5


@pytest.mark.parametrize("line", ['"seed": 5', "seed : 5", "seed:\t5 \t# five", "seed: '5'"])
def test_front_matter_is_yaml(tmp_path: Path, line: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{line}\n---\n")
    assert dataset.readme_seed(tmp_path) == 5


def test_data_files_go_by_their_names_and_the_manifest(tmp_path: Path) -> None:
    for name in ("data-2023-02-27.csv", "data-2023-02-27T05.parquet", "data-notes.txt", "mine.csv"):
        (tmp_path / name).touch()
    dataset.update_manifest(tmp_path, {"mine.csv": {}})
    assert dataset.data_files(tmp_path) == [
        "data-2023-02-27.csv", "data-2023-02-27T05.parquet", "mine.csv",
    ]  # fmt: skip


def test_two_at_once_lose_no_entry(tmp_path: Path) -> None:
    names = [f"data-{i}" for i in range(8)]
    for name in names:
        (tmp_path / name).touch()
    threads = [
        threading.Thread(target=dataset.update_manifest, args=(tmp_path, {name: {}}))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(dataset.read_manifest(tmp_path)["files"]) == names


@pytest.mark.parametrize("text", ["", "[]", '{"files": []}', "{" * 100_000, "\xff"])
def test_a_manifest_of_somebody_else_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest.json: not a manifest"):
        dataset.read_manifest(tmp_path)


def test_the_manifest_has_the_whole_specification(power: Path) -> None:
    manifest = json.loads((power / "manifest.json").read_text())
    entry = manifest["files"]["data-2023-02-27.csv"]
    assert entry["rows"] == 48_000
    assert entry["bytes"] == (power / "data-2023-02-27.csv").stat().st_size
    assert entry["specification"] == {
        "model_version": 1,
        "format_version": 1,
        "seed": 8123,
        "signal": "uniform",
        "start": "2023-02-27 00:00:00Z",
        "end": "2023-02-28 00:00:00Z",
        "interval": 3600,
        "fuzz": 0,
        "times": "start and end",
        "measurements": [
            {"name": "server cpu utilization", "unit": "%", "scale": "100", "decimals": 2},
            {"name": "server power", "unit": "W", "scale": "300", "decimals": 2},
        ],
        "inventory": Inventory.read(power).describe(),
    }


def test_a_dataset_is_made_again_from_its_readme_alone(
    command, power: Path, tmp_path: Path
) -> None:
    """The commands of the section 'Made again' of README.md, run in an empty directory."""
    text = (power / "README.md").read_text()
    lines = [line.split() for line in text.splitlines() if line.startswith("    synthpower ")]
    assert [line[1] for line in lines] == ["inventory", "data"]
    for line in lines:
        assert command(*line[1:], cwd=tmp_path).returncode == 0
    for name in ("inventory.csv", "measurements.csv", "README.md", "data-2023-02-27.csv"):
        assert (tmp_path / name).read_bytes() == (power / name).read_bytes(), name
