from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from support import names_in, run_python

from synthpower import InputError
from synthpower.storage import STDOUT, LocalStore, Sink, StreamStore, locate


def open_output(path: Path) -> AbstractContextManager[Sink]:
    store, name = locate(path)
    return store.create(name)


def test_a_pipe_is_written_in_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with open_output(tmp_path / "pipe") as sink:
        sink.write(b"through")
    reader.join()
    assert found == [b"through"]
    assert names_in(tmp_path) == ["pipe"]


def test_a_pipe_and_standard_output_are_streams(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", STDOUT, Path("/dev/null")):
        assert isinstance(locate(path)[0], StreamStore)


def test_a_file_and_what_is_not_there_are_in_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "link").symlink_to("a")
    for name in ("a", "b", "link"):
        store, found = locate(tmp_path / name)
        assert isinstance(store, LocalStore)
        assert (store.directory, found) == (tmp_path, name)


def test_a_stream_has_nothing_that_could_be_read_again() -> None:
    store = StreamStore(STDOUT)
    assert (store.names(), store.size("a"), store.free()) == ([], None, None)
    for read in (store.open, store.blocks):
        with pytest.raises(OSError, match="standard output cannot be read again"):
            read("a")
    with store.lock():
        store.clear()


def test_a_stream_is_called_by_its_path(tmp_path: Path) -> None:
    assert StreamStore(STDOUT).label("a") == "standard output"
    assert StreamStore(tmp_path / "pipe").label("a") == str(tmp_path / "pipe")


def test_standard_output_is_written_and_left_open() -> None:
    script = """
import pathlib
from synthpower.storage import locate
store, name = locate(pathlib.Path("-"))
with store.create(name) as sink:
    sink.write(b"through\\n")
print(sink.size)
"""
    assert run_python(script).stdout == "through\n8\n"


def test_a_closed_standard_output_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(InputError, match="standard output is closed"), open_output(STDOUT):
        raise AssertionError


def test_a_reader_that_has_gone_is_an_error_that_names_the_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: (tmp_path / "pipe").open("rb").close())
    reader.start()
    with pytest.raises(BrokenPipeError) as found, open_output(tmp_path / "pipe") as sink:
        reader.join()
        sink.write(b"x" * 2**20)
    assert found.value.filename == str(tmp_path / "pipe")
    assert names_in(tmp_path) == ["pipe"]
