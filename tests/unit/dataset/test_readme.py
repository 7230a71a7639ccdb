"""README.md: what it says, and what is read of somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthpower import InputError, Inventory, Measurement
from synthpower.dataset.readme import front_matter, readme_seed
from synthpower.storage import LocalStore


def readme(directory: Path, text: str) -> LocalStore:
    (directory / "README.md").write_text(text)
    return LocalStore(directory)


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
    assert front_matter(LocalStore(tmp_path)) == fields
    assert "synthetic" in prose.lower()
    assert "UTC" in prose


def test_own_measurements_are_among_the_commands(tmp_path: Path) -> None:
    own = [Measurement("inlet temperature", "C", 60, 1)]
    Inventory.generate(10, seed=1).write(tmp_path, own)
    command = "synthpower inventory --directory . --count 10 --seed 1"
    assert (
        f"    {command} --measurements measurements.csv\n" in (tmp_path / "README.md").read_text()
    )
    Inventory.generate(10, seed=1).write(tmp_path, overwrite=True)
    assert f"    {command}\n" in (tmp_path / "README.md").read_text()


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
    assert readme_seed(readme(tmp_path, text)) == seed


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", "9223372036854775808", "", "٣"])
def test_a_seed_that_is_none_is_named(tmp_path: Path, seed: str) -> None:
    with pytest.raises(InputError, match=r"README.md:2: the seed"):
        readme_seed(readme(tmp_path, f"---\nseed: {seed}\n---\n"))


@pytest.mark.parametrize("line", ['"seed": 5', "seed : 5", "seed:\t5 \t# five", "seed: '5'"])
def test_front_matter_is_yaml(tmp_path: Path, line: str) -> None:
    assert readme_seed(readme(tmp_path, f"---\n{line}\n---\n")) == 5


def test_a_dataset_is_made_again_from_its_readme_alone(
    command, power: Path, tmp_path: Path
) -> None:
    """The commands of the section 'Made again' of README.md, run in an empty directory."""
    text = (power / "README.md").read_text()
    lines = [line.split() for line in text.splitlines() if line.startswith("    synthpower ")]
    assert [line[1] for line in lines] == ["inventory", "data", "data"]
    for line in lines:
        assert command(*line[1:], cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in power.iterdir()}
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (power / path.name).read_bytes(), path.name
