"""What tests share: the real command line, small datasets, the reference."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings
from s3_server import S3Server
from support import COLUMNS, ROOT, Command, doubles  # noqa: F401 - some tests take them from here

from synthpower import Inventory, Readings
from synthpower.cli.main import main

# A thousand processes that tests start should not each compile the sources.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Kernels compile during the first example: no deadline.
settings.register_profile(
    "synthpower",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("synthpower")


@pytest.fixture(scope="session", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile kernels before tests look at standard error, where compiling is announced."""
    folder = tmp_path_factory.mktemp("compiled")
    servers = Inventory.generate(3, seed=1)
    servers.write(folder)
    Inventory.read(folder)
    for fuzz in (0, 7):
        for name in ("csv", "parquet"):
            path = folder / f"{fuzz}.{name}"
            Readings(servers, "2023-02-27T05", fuzz=fuzz, seed=1).write(path)


@pytest.fixture(scope="session")
def command() -> Command:
    """Run ``synthpower`` with arguments, as a user does, and return what came of it."""

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LANG": "C.UTF-8", "COLUMNS": "100"}
        return subprocess.run(
            [sys.executable, "-m", "synthpower", *map(str, arguments)],
            **{"capture_output": True, "text": True, "env": environment, "timeout": 120, **options},
        )

    return run


@pytest.fixture
def command_here(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``synthpower`` with arguments in this process: twenty times in the time of one."""

    def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(cwd)
        words = [str(argument) for argument in arguments]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(words)
        return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL server of our own, and how to reach it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found or not shutil.which("psql"):
        pytest.skip("no PostgreSQL server is installed")
    programs = found[-1].parent
    as_user: list[str] = []
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        if (
            not shutil.which("runuser")
            or subprocess.run(["id", "postgres"], capture_output=True).returncode
        ):
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    folder = Path(subprocess.run(
        [*as_user, "mktemp", "-d", "/tmp/pg.XXXXXX"], check=True, capture_output=True, text=True
    ).stdout.strip())  # fmt: skip
    data = folder / "data"

    def run(*words: object) -> None:
        done = subprocess.run(
            [*as_user, *map(str, words)], capture_output=True, text=True, cwd="/", timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        log = folder / "log"
        run(programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
        try:
            yield {"PGHOST": str(folder), "PGUSER": "postgres"}
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def forbidding(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], None]:
    """What makes a child heed permissions, as its `preexec_fn`: root's, too.

    Root without the capability to override them is its files' owner like any other. As somebody
    else it might not even reach Python.
    """
    libc = ctypes.CDLL(None)

    def heed() -> None:
        if os.geteuid() == 0:
            for capability in (1, 2):  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
                libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: gone after exec

    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o500)
    script = "import os, sys; sys.exit(os.access(sys.argv[1], os.W_OK))"
    try:
        subprocess.run([sys.executable, "-c", script, closed], preexec_fn=heed, check=True)
    except subprocess.SubprocessError:
        pytest.skip("nothing is forbidden to whom the tests run as")
    return heed


@pytest.fixture(scope="session")
def power(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A dataset of 1000 servers for a day, in both formats, made by the command line. Read only."""
    directory = tmp_path_factory.mktemp("power")
    for arguments in (
        ("inventory", "--count", "1000", "--seed", "8123"),
        ("data", "--date", "2023-02-27"),
        ("data", "--date", "2023-02-27", "--format", "parquet"),
    ):
        done = command(*arguments, "--directory", directory)
        assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The plain-Python reference."""
    sys.path.append(str(ROOT / "reference"))  # its modules import each other
    return importlib.import_module("synthpower_reference")


@pytest.fixture(scope="session")
def load_reference(reference: ModuleType) -> ModuleType:
    """The load signal in plain Python."""
    return importlib.import_module("load_reference")


@pytest.fixture(scope="session")
def _s3_servers() -> Iterator[Callable[..., S3Server]]:
    """Return the server that keeps objects, or the one that does not; each is started once."""
    with contextlib.ExitStack() as stack:
        started: dict[bool, S3Server] = {}

        def server(keep: bool) -> S3Server:
            if keep not in started:
                started[keep] = stack.enter_context(S3Server(keep))
            return started[keep]

        yield server


def _emptied(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    server.set(clear=True)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def s3(_s3_servers: Callable[..., S3Server], monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """An empty S3 server of ours, which the environment names."""
    return _emptied(_s3_servers(keep=True), monkeypatch)


@pytest.fixture
def discarding_s3(
    _s3_servers: Callable[..., S3Server], monkeypatch: pytest.MonkeyPatch
) -> S3Server:
    """One that keeps no parts, only their sizes."""
    return _emptied(_s3_servers(keep=False), monkeypatch)
