from __future__ import annotations

import os
from pathlib import Path

import pytest

from synthpower import InputError
from synthpower.storage.paths import (
    STDOUT,
    check_directory,
    check_new_directory,
    check_output,
    make_directory,
)


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "is a directory"), ("no/such", "no such directory"), ("file/x", "Not a")],
)
def test_where_no_file_can_be_is_said(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=words):
        check_output(tmp_path / name, overwrite=False)


def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, too, is forbidden nothing
    with pytest.raises(InputError, match=f"^{tmp_path} may not be written"):
        check_output(tmp_path / "a", overwrite=False)


def test_an_older_file_may_be_replaced_or_not(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    check_output(tmp_path / "a", overwrite=True)
    with pytest.raises(InputError, match="a exists; overwrite=True replaces it"):
        check_output(tmp_path / "a", overwrite=False)


def test_standard_output_and_pipes_can_always_be_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_output(tmp_path / "pipe", overwrite=False)
    check_output(STDOUT, overwrite=False)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_the_system_refuses_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as found:
        check_output(tmp_path / name, overwrite=False, argument="output")
    assert found.value.argument == "output"
    assert str(found.value).isprintable()


def test_a_directory_is_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_directory(tmp_path)
    with pytest.raises(InputError, match="file is not a directory") as found:
        check_directory(tmp_path / "file")
    assert found.value.argument == "directory"
    with pytest.raises(InputError, match="none: no such directory"):
        check_directory(tmp_path / "none")


def test_a_new_directory_may_be_there_or_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_new_directory(tmp_path)
    check_new_directory(tmp_path / "none")
    with pytest.raises(InputError, match="file is not a directory"):
        check_new_directory(tmp_path / "file")


def test_a_directory_is_made_with_those_above_it(tmp_path: Path) -> None:
    make_directory(tmp_path / "a/b/c")
    make_directory(tmp_path / "a/b/c")
    assert (tmp_path / "a/b/c").is_dir()


def test_where_no_directory_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/a: Not a directory") as found:
        make_directory(tmp_path / "file/a", "somewhere")
    assert found.value.argument == "somewhere"
