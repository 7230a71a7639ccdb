from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from synthpower import InputError
from synthpower.storage import LocalStore, Sink, check_output, locate, remove_own


def open_output(path: Path, overwrite: bool = False) -> AbstractContextManager[Sink]:
    store, name = locate(path)
    return store.create(name, replace=overwrite)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with open_output(tmp_path / "a") as sink:
        sink.write(b"12")
        assert not (tmp_path / "a").exists()
        (temporary,) = names(tmp_path)
        assert temporary.startswith(".")
        sink.write(memoryview(b"345"))
    assert (tmp_path / "a").read_bytes() == b"12345"
    assert sink.size == 5
    assert names(tmp_path) == ["a"]


def test_an_error_leaves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    with pytest.raises(RuntimeError), open_output(tmp_path / "a", overwrite=True) as sink:
        sink.write(b"newer")
        raise RuntimeError
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "older"


def test_an_existing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    with pytest.raises(InputError, match="overwrite=True"), open_output(tmp_path / "a") as sink:
        sink.write(b"newer")
    assert (tmp_path / "a").read_text() == "older"
    assert names(tmp_path) == ["a"]


def test_an_equal_file_that_came_in_the_meantime_is_as_good(tmp_path: Path) -> None:
    with open_output(tmp_path / "a") as sink:
        sink.write(b"ours")
        (tmp_path / "a").write_bytes(b"ours")
    assert names(tmp_path) == ["a"]


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    (tmp_path / "a").chmod(0o604)
    with open_output(tmp_path / "a", overwrite=True) as sink:
        sink.write(b"newer")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o604


def test_a_file_that_came_in_the_meantime_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists"), open_output(tmp_path / "a") as sink:
        sink.write(b"ours")
        (tmp_path / "a").write_text("theirs")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "theirs"


def test_overwrite_replaces(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    with open_output(tmp_path / "a", overwrite=True) as sink:
        sink.write(b"newer")
    assert (tmp_path / "a").read_text() == "newer"


def test_where_links_are_not_to_be_had_a_file_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: object, target: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", link)
    with open_output(tmp_path / "a") as sink:
        sink.write(b"1")
    assert names(tmp_path) == ["a"]


def test_the_users_umask_holds(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        with open_output(tmp_path / "a"):
            pass
    finally:
        os.umask(previous)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_through_a_link_the_file_that_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("older")
    (tmp_path / "link").symlink_to("target")
    with open_output(tmp_path / "link", overwrite=True) as sink:
        sink.write(b"newer")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "newer"


def test_a_pipe_is_written_in_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with open_output(tmp_path / "pipe") as sink:
        sink.write(b"through")
    reader.join()
    assert found == [b"through"]
    assert names(tmp_path) == ["pipe"]


def test_a_closed_sink_takes_nothing(tmp_path: Path) -> None:
    with open_output(tmp_path / "a") as sink:
        pass
    with pytest.raises(ValueError, match="closed"):
        sink.write(b"late")


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "is a directory"), ("no/such", "no such directory"), ("file/x", "Not a")],
)
def test_where_no_file_can_be_is_said(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=words):
        check_output(tmp_path / name, overwrite=False)


def test_the_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with LocalStore(tmp_path).lock():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with LocalStore(tmp_path).lock():
        inside.set()
        thread.join(0.05)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, too, is forbidden nothing
    with pytest.raises(InputError, match=f"^{tmp_path} may not be written"):
        check_output(tmp_path / "a", overwrite=False)


def test_an_interruption_while_a_file_is_opened_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(descriptor: int, _: int) -> None:
        os.close(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr("synthpower.storage.local.fcntl.flock", interrupted)
    with pytest.raises(KeyboardInterrupt), open_output(tmp_path / "a"):
        raise AssertionError
    assert names(tmp_path) == []


def test_what_no_with_holds_yet_is_removed_when_the_process_ends(tmp_path: Path) -> None:
    opened = open_output(tmp_path / "a")
    opened.__enter__()  # and then a signal, before anything could leave it
    assert len(names(tmp_path)) == 1
    remove_own()
    assert names(tmp_path) == []
    (tmp_path / ".synthpower-0123456789abcdef.tmp").touch()  # another process's
    remove_own()
    assert len(names(tmp_path)) == 1
