"""What tests share: the real command line, small datasets, the reference."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent

# Kernels compile during the first example: no deadline.
settings.register_profile(
    "synthpower", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("synthpower")

Command = Callable[..., subprocess.CompletedProcess[str]]


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
    path = ROOT / "reference" / "synthpower_reference.py"
    spec = importlib.util.spec_from_file_location("synthpower_reference", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
