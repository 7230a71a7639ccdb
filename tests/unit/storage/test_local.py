from __future__ import annotations

import errno
import fcntl
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from support import names_in, run_python

from synthpower import InputError, Notice
from synthpower.storage import LocalStore, Sink, locate, remove_own


def open_output(path: Path, overwrite: bool = False) -> AbstractContextManager[Sink]:
    store, name = locate(path)
    return store.create(name, replace=overwrite)


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with open_output(tmp_path / "a") as sink:
        sink.write(b"12")
        assert not (tmp_path / "a").exists()
        (temporary,) = names_in(tmp_path)
        assert temporary.startswith(".")
        sink.write(memoryview(b"345"))
    assert (tmp_path / "a").read_bytes() == b"12345"
    assert sink.size == 5
    assert names_in(tmp_path) == ["a"]


def test_an_error_leaves_nothing_and_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    with pytest.raises(RuntimeError), open_output(tmp_path / "a", overwrite=True) as sink:
        sink.write(b"newer")
        raise RuntimeError
    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "older"


def test_an_existing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    with pytest.raises(InputError, match="overwrite=True"), open_output(tmp_path / "a") as sink:
        sink.write(b"newer")
    assert (tmp_path / "a").read_text() == "older"
    assert names_in(tmp_path) == ["a"]


def test_an_equal_file_that_came_in_the_meantime_is_as_good(tmp_path: Path) -> None:
    with open_output(tmp_path / "a") as sink:
        sink.write(b"ours")
        (tmp_path / "a").write_bytes(b"ours")
    assert names_in(tmp_path) == ["a"]


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
    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "theirs"


def test_overwrite_replaces(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("older")
    with open_output(tmp_path / "a", overwrite=True) as sink:
        sink.write(b"newer")
    assert (tmp_path / "a").read_text() == "newer"


def refusing(number: int) -> Callable[..., Any]:
    """Return a call of the system that fails."""

    def call(*_: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOSYS,
                                    errno.EOPNOTSUPP, errno.EMLINK])  # fmt: skip
def test_where_there_are_no_links_a_file_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refusing(number))
    with open_output(tmp_path / "a") as sink:
        sink.write(b"1")
    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL])
def test_where_there_are_no_links_an_equal_file_is_as_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refusing(number))
    with open_output(tmp_path / "a") as sink:
        sink.write(b"ours")
        (tmp_path / "a").write_bytes(b"ours")
    assert names_in(tmp_path) == ["a"]


def test_where_there_are_no_links_another_file_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    with pytest.raises(InputError, match="exists"), open_output(tmp_path / "a") as sink:
        sink.write(b"ours")
        (tmp_path / "a").write_bytes(b"theirs")
    assert (tmp_path / "a").read_bytes() == b"theirs"
    assert names_in(tmp_path) == ["a"]


def test_a_disk_that_is_full_when_a_file_is_linked_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"), open_output(tmp_path / "a"):
        pass
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_sync_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.warns(Notice) as found, open_output(tmp_path / "a") as sink:
        sink.write(b"1")
    assert (tmp_path / "a").read_bytes() == b"1"
    assert [str(w.message) for w in found] == [
        f"{tmp_path}: the file system cannot say when a file is on the disk ({os.strerror(number)})"
    ]


def test_a_disk_that_fails_to_sync_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", refusing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error") as found, open_output(tmp_path / "a"):
        pass
    assert found.value.filename == str(tmp_path / "a")
    assert names_in(tmp_path) == []


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


def test_a_closed_sink_takes_nothing(tmp_path: Path) -> None:
    with open_output(tmp_path / "a") as sink:
        pass
    with pytest.raises(ValueError, match="closed"):
        sink.write(b"late")


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


def test_an_interruption_while_a_file_is_opened_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(descriptor: int, _: int) -> None:
        os.close(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr("synthpower.storage.local.fcntl.flock", interrupted)
    with pytest.raises(KeyboardInterrupt), open_output(tmp_path / "a"):
        raise AssertionError
    assert names_in(tmp_path) == []


def test_what_no_with_holds_yet_is_removed_when_the_process_ends(tmp_path: Path) -> None:
    opened = open_output(tmp_path / "a")
    opened.__enter__()  # and then a signal, before anything could leave it
    assert len(names_in(tmp_path)) == 1
    remove_own()
    assert names_in(tmp_path) == []
    (tmp_path / ".synthpower-0123456789abcdef.tmp").touch()  # another process's
    remove_own()
    assert len(names_in(tmp_path)) == 1


@pytest.mark.parametrize(
    "number", [errno.ENOSYS, errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF]
)
def test_without_locks_it_is_noticed_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    calls = []

    def flock(descriptor: int, operation: int) -> None:
        calls.append(operation)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    entered = []
    with pytest.warns(Notice) as found, LocalStore(tmp_path).lock():
        entered.append(True)
    assert entered
    assert [str(w.message) for w in found] == [
        f"{tmp_path}: the file system has no locks ({os.strerror(number)}); runs at the same time "
        f"may undo each other's work"
    ]
    assert calls == [fcntl.LOCK_EX]  # what is not held is not released


def test_a_lock_that_fails_otherwise_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"), LocalStore(tmp_path).lock():
        raise AssertionError


def test_files_are_written_where_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK))
    with open_output(tmp_path / "a") as sink:
        sink.write(b"1")
    assert names_in(tmp_path) == ["a"]


def test_a_lock_is_released_although_a_forked_child_has_its_descriptor(tmp_path: Path) -> None:
    run_python(
        """
import fcntl, os, pathlib, signal, sys
from synthpower.storage import LocalStore
signal.alarm(60)
store = LocalStore(pathlib.Path(sys.argv[1]))
read, write = os.pipe()
with store.lock():
    child = os.fork()
    if not child:
        os.close(write)
        os.read(read, 1)  # until the parent is done
        os._exit(0)
with store.lock():  # it would wait for the child
    pass
os.close(write)
assert os.waitpid(child, 0)[1] == 0
""",
        tmp_path,
    )


def test_an_error_releases_the_lock(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), LocalStore(tmp_path).lock():
        raise RuntimeError
    with LocalStore(tmp_path).lock():
        pass


def test_a_directory_that_is_not_there_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"), LocalStore(tmp_path / "none").lock():
        raise AssertionError


# A parent has written a file, whose stage is kept for the next, and is within another.
FORKED = """
import os, pathlib, signal, sys
from synthpower.storage import LocalStore, remove_own
signal.alarm(60)
folder = pathlib.Path(sys.argv[1])
store = LocalStore(folder)
with store.create("first") as sink:
    sink.write(b"1" * 2**20)
"""


def test_a_forked_child_does_not_write_into_its_parents_stages(tmp_path: Path) -> None:
    run_python(
        FORKED
        + """
ready, done = os.pipe(), os.pipe()
with store.create("parent") as sink:
    child = os.fork()
    if not child:
        os.read(ready[0], 1)
        with store.create("child") as own:
            own.write(b"c" * 2**20)
        os._exit(0)
    sink.write(b"p" * 2**20)  # into the stage of the first file
    os.write(ready[1], b".")
    assert os.waitpid(child, 0)[1] == 0
""",
        tmp_path,
    )
    assert (tmp_path / "parent").read_bytes() == b"p" * 2**20
    assert (tmp_path / "child").read_bytes() == b"c" * 2**20
    assert names_in(tmp_path) == ["child", "first", "parent"]


def test_a_forked_child_that_fails_leaves_its_parents_stages_alone(tmp_path: Path) -> None:
    run_python(
        FORKED
        + """
child = None
try:
    with store.create("parent") as sink:
        sink.write(b"p" * 2**20)
        child = os.fork()
        if not child:
            raise RuntimeError
        assert os.waitpid(child, 0)[1] == 0
        sink.write(b"p" * 2**20)
except RuntimeError:
    with store.create("child") as own:
        own.write(b"c" * 2**20)
    os._exit(0)
""",
        tmp_path,
    )
    assert (tmp_path / "parent").read_bytes() == b"p" * 2**21
    assert (tmp_path / "child").read_bytes() == b"c" * 2**20


def test_an_interrupt_gives_no_stage_to_two_files(tmp_path: Path) -> None:
    run_python(
        """
import pathlib, sys
from synthpower.storage import LocalStore, direct

store = LocalStore(pathlib.Path(sys.argv[1]))
lines = 0

def interrupt(frame, event, argument):
    global lines
    if frame.f_code.co_filename != direct.__file__:
        return None
    if event == "line":
        lines -= 1
        if not lines:
            raise KeyboardInterrupt
    return interrupt

for number in range(1, 200):  # at each line that ends a file, one after the other
    lines = number
    try:
        with store.create("a", replace=True) as sink:
            sink.write(b"1" * 2**20)
            sys.settrace(interrupt)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    pool = direct._free_stages
    assert len(set(map(id, pool))) == len(pool), number
    if lines > 0:
        break
assert 10 < number < 199
""",
        tmp_path,
    )


def test_a_forked_child_does_not_remove_its_parents_temporary_files(tmp_path: Path) -> None:
    run_python(
        FORKED
        + """
with store.create("parent") as sink:
    sink.write(b"p")
    child = os.fork()
    if not child:
        remove_own()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
""",
        tmp_path,
    )
    assert (tmp_path / "parent").read_bytes() == b"p"


def test_a_forked_child_that_leaves_the_context_ends_no_file(tmp_path: Path) -> None:
    run_python(
        FORKED
        + """
child = None
try:
    with store.create("parent") as sink:
        sink.write(b"p")
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
except OSError as error:
    assert child == 0 and "begun before a fork" in str(error), error
    assert not (folder / "parent").exists()
    os._exit(0)
if not child:
    os._exit(7)
""",
        tmp_path,
    )
    assert (tmp_path / "parent").read_bytes() == b"p"
    assert names_in(tmp_path) == ["first", "parent"]


def test_what_killed_runs_have_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    abandoned = tmp_path / ".synthpower-0123456789abcdef.tmp"
    abandoned.touch()
    (tmp_path / ".synthpower").touch()
    with store.create("a") as sink:
        sink.write(b"1")
        store.clear()
        assert not abandoned.exists()
        assert len(names_in(tmp_path)) == 2
    assert names_in(tmp_path) == [".synthpower", "a"]


def test_what_is_there_is_known(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / "b").write_bytes(b"123")
    (tmp_path / "a").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert store.names() == ["a", "b"]
    sizes = {name: store.size(name) for name in ("a", "b", "c", "folder", "pipe", "x" * 300)}
    assert sizes == {"a": 0, "b": 3, "c": None, "folder": None, "pipe": None, "x" * 300: None}
    assert [store.exists(name) for name in ("a", "c", "pipe", "dangling")] == [
        True,
        False,
        True,
        True,
    ]
    assert store.label("b") == str(tmp_path / "b")
    assert store.free() > 0


def test_a_file_is_opened_and_can_seek(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with LocalStore(tmp_path).open("a") as file:
        file.seek(3)
        assert file.read() == b"45"


def test_a_pipe_that_nobody_fills_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=f"^{tmp_path}/pipe: it is not a regular file"):
        LocalStore(tmp_path).open("pipe")


def test_a_file_that_is_not_there_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LocalStore(tmp_path).open("a")


@pytest.mark.parametrize("size", [0, 1, 4096, 2**22, 2**22 + 1])
def test_a_file_is_read_in_blocks(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)
    found = b""
    with LocalStore(tmp_path).blocks("a") as blocks:
        while block := blocks.read(len(found)):
            found += block
    assert found == data


@pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1, 2**23, 2**23 + 5, 5 * 2**23 + 4097])
def test_a_file_of_any_size_is_whole(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    with LocalStore(tmp_path).create("a") as sink:
        for begin in range(0, size, 3_000_001):
            sink.write(data[begin : begin + 3_000_001])
    assert (tmp_path / "a").read_bytes() == data
    assert sink.size == size


def test_a_link_out_of_the_directory_may_be_forbidden(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/a").symlink_to(tmp_path / "outside")
    store = LocalStore(tmp_path / "inside", links=False)
    with pytest.raises(InputError, match=r"is a symbolic link to .*/outside, outside the dataset"):
        store.check("a")
    with pytest.raises(InputError, match="is a symbolic link"), store.create("a", replace=True):
        raise AssertionError
    assert not (tmp_path / "outside").exists()


def test_a_link_within_the_directory_is_not_forbidden(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("target")
    with LocalStore(tmp_path, links=False).create("a") as sink:
        sink.write(b"1")
    assert (tmp_path / "target").read_bytes() == b"1"


# --- folders ---------------------------------------------------------------------------


def test_folders_are_made_for_a_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with store.create("a/b/c") as sink:
        sink.write(b"1")
        assert not (tmp_path / "a").exists()  # readers of the folder see whole files only
        assert len(names_in(tmp_path)) == 1
    assert (tmp_path / "a/b/c").read_bytes() == b"1"
    assert names_in(tmp_path) == ["a"]
    assert store.size("a/b/c") == 1


def test_a_file_that_fails_makes_no_folder(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(ValueError, match="failed"), store.create("a/b/c") as sink:
        sink.write(b"1")
        raise ValueError("failed")
    assert names_in(tmp_path) == []


def test_folders_that_a_failed_file_made_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="No space left"), LocalStore(tmp_path).create("a/b/c/d"):
        pass
    assert names_in(tmp_path) == ["a"]
    assert names_in(tmp_path / "a") == []


def test_files_of_one_new_folder_end_at_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def write(number: int) -> None:
        with store.create(f"a/b/{number % 4}/{number}") as sink:
            sink.write(b"1")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    assert len(store.names("a/b/*/*")) == 64


def test_files_are_found_in_folders_by_a_pattern(tmp_path: Path) -> None:
    for name in (
        "a/x.csv",
        "a/y.csv",
        "b/x.csv",
        "b/c/x.csv",
        ".hidden/x.csv",
        "a/.x.csv",
        "x.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "outside").symlink_to(tmp_path.parent)
    (tmp_path / "c").symlink_to("a")
    store = LocalStore(tmp_path)
    assert store.names() == ["x.csv"]
    assert store.names("*/*") == ["a/x.csv", "a/y.csv", "b/x.csv"]
    assert store.names("*/x*") == ["a/x.csv", "b/x.csv"]
    assert store.names("b/c/*") == ["b/c/x.csv"]


def test_a_folder_that_leaves_the_directory_may_be_forbidden(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside/a").symlink_to(tmp_path / "outside")
    store = LocalStore(tmp_path / "inside", links=False)
    for name in ("a/b", "a/b/c"):
        with pytest.raises(InputError, match=r"/a is a symbolic link to .*/outside, outside"):
            store.check(name)
        with pytest.raises(InputError, match="is a symbolic link"), store.create(name):
            raise AssertionError
    assert names_in(tmp_path / "outside") == []


def test_through_a_folder_that_leaves_the_directory_files_are_written_there(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside/a").symlink_to(tmp_path / "outside")
    with LocalStore(tmp_path / "inside").create("a/b") as sink:
        sink.write(b"1")
        assert names_in(tmp_path / "inside") == ["a"]  # it may be another disk
    assert (tmp_path / "outside/b").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("name", "words"),
    [("file/a", "Not a directory"), ("a/" + "x" * 300, "too long"), ("a/b\0", "null byte"),
     ("dangling/a", "no such directory"), ("folder", "is a directory")],
)  # fmt: skip
def test_what_cannot_be_in_a_folder_is_said_before(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match=words) as error:
        LocalStore(tmp_path).check(name, "path")
    assert error.value.argument == "path"


def test_it_is_the_same_directory_in_a_process_that_is_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(LocalStore(Path("power"), links=False))
    monkeypatch.chdir(tmp_path / "there")
    store = pickle.loads(sent)
    assert (store.directory, store.links) == (tmp_path / "power", False)
