"""File systems that lack a call: no lock, no hard link, no fsync, no direct write."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support import contents, names, ok

pytestmark = pytest.mark.slow

# Each variable has the number of the error that a call ends in.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
#define REAL(result, name, ...) ((result (*)(__VA_ARGS__)) dlsym(RTLD_NEXT, name))
static int refused(const char *name) {
    const char *number = getenv(name);
    if (number) errno = atoi(number);
    return number != NULL;
}
static int direct(int fd) { return getenv("REFUSE_DIRECT") && (fcntl(fd, F_GETFL) & O_DIRECT); }
int flock(int fd, int how) {
    return refused("REFUSE_FLOCK") ? -1 : REAL(int, "flock", int, int)(fd, how);
}
int link(const char *a, const char *b) {
    return refused("REFUSE_LINK") ? -1 : REAL(int, "link", const char *, const char *)(a, b);
}
int linkat(int c, const char *a, int d, const char *b, int how) {
    if (refused("REFUSE_LINK")) return -1;
    return REAL(int, "linkat", int, const char *, int, const char *, int)(c, a, d, b, how);
}
int fsync(int fd) { return refused("REFUSE_FSYNC") ? -1 : REAL(int, "fsync", int)(fd); }
ssize_t write(int fd, const void *from, size_t size) {
    if (direct(fd) && refused("REFUSE_DIRECT")) return -1;
    return REAL(ssize_t, "write", int, const void *, size_t)(fd, from, size);
}
ssize_t readv(int fd, const struct iovec *to, int count) {
    if (direct(fd) && refused("REFUSE_DIRECT")) return -1;
    return REAL(ssize_t, "readv", int, const struct iovec *, int)(fd, to, count);
}
"""
NO_LOCKS = r"synthpower {}: warning: {}: the file system has no locks \(.*\); runs at the same .*"
NO_FSYNC = (
    r"synthpower {}: warning: {}: the file system cannot say when a file is on the disk \(.*\)"
)
# What is refused, with which error, and the line that says which guarantee is weaker.
REFUSED = [
    ("FLOCK", errno.ENOSYS, NO_LOCKS),
    ("FLOCK", errno.ENOLCK, NO_LOCKS),
    ("LINK", errno.EACCES, ""),
    ("LINK", errno.EINVAL, ""),
    ("LINK", errno.EPERM, ""),
    ("FSYNC", errno.EINVAL, NO_FSYNC),
    ("DIRECT", errno.EINVAL, ""),
]

Refusing = Callable[[str, int], dict[str, str]]


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Refusing:
    """Return what makes the environment of a process whose calls are refused."""
    compiler = shutil.which("gcc")
    if not compiler:
        pytest.skip("there is no gcc to compile what refuses the calls")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    library = folder / "shim.so"
    made = [compiler, "-shared", "-fPIC", "-O1", "-o", library, folder / "shim.c", "-ldl"]
    subprocess.run(made, check=True)

    def environment(call: str, number: int) -> dict[str, str]:
        return {**os.environ, "LD_PRELOAD": str(library), f"REFUSE_{call}": str(number)}

    return environment


def check_said(said: str, warning: str, command: str, directory: Path) -> None:
    """See that standard error is a warning, if one is due, and the summary."""
    *warnings, summary = said.splitlines()
    assert re.search(r"  seed 5", summary)
    assert len(warnings) == bool(warning), said
    for line in warnings:
        assert re.fullmatch(warning.format(command, re.escape(str(directory))), line), line


@pytest.mark.parametrize(("call", "number", "warning"), REFUSED)
def test_an_inventory_is_made(
    command, refusing: Refusing, tmp_path: Path, call: str, number: int, warning: str
) -> None:
    directory = tmp_path / "power"
    arguments = ["--count", "30", "--seed", "5"]
    done = ok(
        command("inventory", "--directory", directory, *arguments, env=refusing(call, number))
    )
    check_said(done.stderr, warning, "inventory", directory)
    ok(command("inventory", "--directory", tmp_path / "right", *arguments))
    assert contents(directory) == contents(tmp_path / "right")


@pytest.mark.parametrize(("call", "number", "warning"), REFUSED)
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_readings_are_made(
    command, refusing: Refusing, tmp_path: Path, call: str, number: int, warning: str, format: str
) -> None:
    """Large enough for direct writes, and two files."""
    for name in ("power", "right"):
        ok(command("inventory", "--directory", tmp_path / name, "--count", "500", "--seed", "5"))
    arguments = ["--date", "2023-02-27", "--days", "2", "--interval", "600", "--format", format]
    done = command(
        "data", "--directory", tmp_path / "power", *arguments, env=refusing(call, number)
    )
    check_said(ok(done).stderr, warning, "data", tmp_path / "power")
    ok(command("data", "--directory", tmp_path / "right", *arguments))
    assert contents(tmp_path / "power") == contents(tmp_path / "right")


def test_what_may_not_be_linked_is_still_never_replaced(
    command, refusing: Refusing, tmp_path: Path
) -> None:
    ok(command("inventory", "--directory", tmp_path, "--count", "3", "--seed", "5"))
    (tmp_path / "data-2023-02-27.csv").write_text("mine")
    before = contents(tmp_path)
    arguments = ["data", "--directory", tmp_path, "--date", "2023-02-27"]
    done = command(*arguments, env=refusing("LINK", errno.EPERM))
    assert done.returncode == 2
    assert contents(tmp_path) == before


def test_files_are_verified_without_direct_reads(
    command, refusing: Refusing, tmp_path: Path
) -> None:
    ok(command("inventory", "--directory", tmp_path, "--count", "3", "--seed", "5"))
    ok(command("data", "--directory", tmp_path, "--date", "2023-02-27"))
    done = ok(command("verify", tmp_path, env=refusing("DIRECT", errno.EINVAL)))
    assert "  0 wrong  " in done.stderr
    assert "data-2023-02-27.csv" in names(tmp_path)
