"""The key of kept machine code: what a kernel does, wherever its code comes from."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import synthpower
from synthpower.jit.digest import code_digest

SOURCE = '''
import numpy as np
from synthpower.jit import inlined, intrinsic

NUMBER = 3
WORD = np.uint64(5)
TABLE = np.arange(4, dtype=np.uint8)

def _generate(context):
    def make(builder):
        return "generated"
    return make

@intrinsic(_generate)
def generated(): ...

@inlined
def innermost(x):
    return x + 1

@inlined
def inner(x):
    return innermost(x) * 2

def kernel(x, out):
    """Fill."""
    for i in range(out.size):
        out[i] = inner(x) + NUMBER + WORD + TABLE[i] + generated()
        if i in {10, 20, 30}:
            out[i] = min(x, 7)
'''


def digest(source: str = SOURCE, path: str = "module.py") -> str:
    scope: dict[str, Any] = {"__name__": "module"}
    exec(compile(source, path, "exec"), scope)
    function = scope["kernel"]
    assert isinstance(function, FunctionType)
    return code_digest(function)


def test_the_same_code_elsewhere_has_the_same_digest() -> None:
    assert digest() == digest()
    assert digest(path="/another/place.py") == digest()
    assert digest("\n\n# a comment\n" + SOURCE) == digest()
    assert digest(SOURCE.replace("Fill.", "Fill, in other words.")) == digest()
    assert digest(SOURCE + "\ndef another(): return NUMBER\n") == digest()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("NUMBER = 3", "NUMBER = 4"),
        ("NUMBER = 3", "NUMBER = 3.0"),
        ("np.uint64(5)", "np.uint64(6)"),
        ("np.uint64(5)", "np.int64(5)"),
        ("np.arange(4, dtype=np.uint8)", "np.arange(4, dtype=np.uint8)[::-1].copy()"),
        ("np.arange(4, dtype=np.uint8)", "np.arange(4, dtype=np.int8)"),
        ("x + 1", "x + 2"),
        ("x + 1", "x - 1"),
        ("* 2", "* 3"),
        ("min(x", "max(x"),
        ("7)", "8)"),
        ("{10, 20, 30}", "{10, 20, 31}"),
        ('"generated"', '"generated otherwise"'),
    ],
)
def test_another_value_or_instruction_has_another_digest(before: str, after: str) -> None:
    assert before in SOURCE
    assert digest(SOURCE.replace(before, after)) != digest()


def test_it_is_the_same_in_each_process() -> None:
    script = (
        "from synthpower import kernels\n"
        "from synthpower.jit.digest import code_digest\n"
        "print(*[code_digest(getattr(kernels, name).function) for name in"
        " ('format_times', 'render_any_rows', 'put_serials')])"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_what_has_no_digest_is_refused() -> None:
    with pytest.raises(TypeError, match="kernel: a kernel cannot use TABLE, list"):
        digest(SOURCE.replace("TABLE = np.arange(4, dtype=np.uint8)", "TABLE = [1, 2]"))
    number = np.uint64(3)

    def inside(out: np.ndarray) -> None:
        out[0] = number

    with pytest.raises(TypeError, match="inside: a kernel cannot use variables"):
        code_digest(inside)


SCRIPT = """
import sys
import numpy as np
from synthpower import kernels
out = np.empty(3, np.int32)
kernels.fill_choices(0, np.uint64(7), np.array([2**62, 2**63], np.uint64), out)
print(*out, kernels.__file__, *{"numba"} & set(sys.modules))
"""


def run(path: Path, home: Path) -> list[str]:
    """Run a kernel of the package in `path`; return its results, and numba if it was compiled."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(path), "NUMBA_CACHE_DIR": str(home)},
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    (
        *choices,
        file,
    ) = done.stdout.removesuffix(" numba\n").split()
    assert file.startswith(str(path))
    return choices + ["numba"] * done.stdout.endswith(" numba\n")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the package."""
    source = Path(synthpower.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, tmp_path / "copied" / "synthpower", ignore=ignored)
    return tmp_path / "copied"


def change(copied: Path) -> None:
    """Make the kernel choose one more."""
    path = copied / "synthpower" / "kernels" / "servers.py"
    text = path.read_text()
    assert text.count("out[i] = low\n") == 1
    path.write_text(text.replace("out[i] = low\n", "out[i] = low + 1\n"))


def test_a_zip_is_not_stale(copied: Path, tmp_path: Path) -> None:
    def packed(name: str) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path in copied.rglob("*.py"):
                archive.write(path, path.relative_to(copied))
        return tmp_path / name

    before = packed("one.zip")
    assert run(before, tmp_path / "home") == ["2", "1", "0", "numba"]
    assert run(before, tmp_path / "home") == ["2", "1", "0"]
    assert run(copied, tmp_path / "home") == ["2", "1", "0"]
    change(copied)
    assert run(packed("two.zip"), tmp_path / "home") == ["3", "2", "1", "numba"]


def test_an_installation_without_sources_is_not_stale(copied: Path, tmp_path: Path) -> None:
    def bare(name: str) -> Path:
        shutil.copytree(copied, tmp_path / name)
        assert compileall.compile_dir(tmp_path / name, quiet=1, legacy=True)
        for path in (tmp_path / name).rglob("*.py"):
            path.unlink()
        return tmp_path / name

    before = bare("one")
    assert run(before, tmp_path / "home") == ["2", "1", "0", "numba"]
    assert run(before, tmp_path / "home") == ["2", "1", "0"]
    change(copied)
    after = bare("two")
    shutil.rmtree(before)
    after.rename(before)
    assert run(before, tmp_path / "home") == ["3", "2", "1", "numba"]


def test_another_kernels_machine_code_stays(copied: Path, tmp_path: Path) -> None:
    assert run(copied, tmp_path / "home") == ["2", "1", "0", "numba"]
    path = copied / "synthpower" / "kernels" / "values.py"
    path.write_text(path.read_text().replace("TILE = 512", "TILE = 256"))
    assert run(copied, tmp_path / "home") == ["2", "1", "0"]
