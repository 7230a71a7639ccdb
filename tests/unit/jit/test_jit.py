"""How kernels are compiled, kept and loaded: each test in processes of its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from support import Command, run_python

pytestmark = pytest.mark.slow

SCRIPT = """
from synthpower import Inventory, Readings
readings = Readings(Inventory.generate(5, seed=3), "2023-02-27T05", interval=900, fuzz=7,
                    signal="triangular")
for row in readings.to_table().to_pylist():
    print(*row.values())
"""

# One small kernel: half a second to compile.
ONE = """
import sys
import numpy as np
from synthpower import kernels
out = np.empty(3, np.int32)
kernels.fill_choices(0, np.uint64(7), np.array([2**62, 2**63], np.uint64), out)
print(*out, *{"numba"} & set(sys.modules))
"""
CHOICES = ["2", "1", "0"]


def kept(home: Path) -> Path:
    """Return the folder with machine code under what NUMBA_CACHE_DIR names."""
    (folder,) = (home / "synthpower").iterdir()
    assert folder.name.startswith("kernels-")
    return folder


def test_without_the_jit_the_values_are_the_same() -> None:
    assert run_python(SCRIPT, NUMBA_DISABLE_JIT="1").stdout == run_python(SCRIPT).stdout


def test_with_no_directory_to_cache_in_the_kernels_compile_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = "from synthpower import kernels; print(kernels.cache_problem())\n" + SCRIPT
    found = run_python(script, NUMBA_CACHE_DIR=str(tmp_path / "file")).stdout
    problem, _, rows = found.partition("\n")
    assert str(tmp_path / "file") in problem
    assert rows == run_python(SCRIPT).stdout


IMPORTED = SCRIPT + "import sys; print(*{'numba'} & set(sys.modules))\n"


def test_machine_code_is_kept_and_numba_left_alone_the_next_time(tmp_path: Path) -> None:
    first = run_python(IMPORTED, NUMBA_CACHE_DIR=str(tmp_path)).stdout.splitlines()
    second = run_python(IMPORTED, NUMBA_CACHE_DIR=str(tmp_path)).stdout.splitlines()
    assert (first.pop(), second.pop()) == ("numba", "")
    assert first == second
    folder = kept(tmp_path)
    assert {file.name.partition("-")[0] for file in folder.iterdir()} == {
        "fill_serials", "fill_choices", "fill_server_keys", "put_serials",
        "fill_triangular_decimals_pairs", "fill_late_seconds",
    }  # fmt: skip


def test_spoilt_machine_code_is_made_again(tmp_path: Path) -> None:
    expected = run_python(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path)).stdout
    folder = kept(tmp_path)
    for number, file in enumerate(sorted(folder.iterdir())):
        data = bytearray(file.read_bytes())
        data[len(data) * number // 6] ^= 1
        file.write_bytes(data[: -1 if number == 5 else None])
    assert run_python(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path)).stdout == expected


def test_another_processor_has_machine_code_of_its_own(tmp_path: Path) -> None:
    for cpu in ("x86-64", "generic"):
        run_python(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_CPU_NAME=cpu)
    folder = kept(tmp_path)
    assert len(list(folder.iterdir())) == 2 * 6


def test_numba_works_beside_machine_code_that_was_loaded_without_it() -> None:
    script = (
        SCRIPT
        + """
import numba, numpy as np
@numba.njit
def largest(n):
    if n < 1:
        raise ValueError("nothing there")
    return [np.arange(n).max()]
print(largest(5))
try:
    largest(0)
except ValueError as error:
    print(error)
"""
    )
    run_python(SCRIPT)
    assert run_python(script).stdout.splitlines()[-2:] == ["[4]", "nothing there"]


def test_inlined_functions_serve_in_compiled_ones() -> None:
    script = """
import numba, numpy as np
from synthpower import kernels
draws = kernels.draws.dispatcher
@numba.njit
def first(a, b, key):
    return draws(a, b, key)[0]
a, b, key = map(np.uint64, (2**63 + 1, 7, 2**40 - 1))
assert first(a, b, key) == kernels.draws(a, b, key)[0]
"""
    run_python(script)


def test_machine_code_that_may_only_be_read_is_used(tmp_path: Path) -> None:
    run_python(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path))
    script = "import os; os.access = lambda *_: False\n" + IMPORTED
    assert run_python(script, NUMBA_CACHE_DIR=str(tmp_path)).stdout.splitlines()[-1] == ""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with one kernel's machine code."""
    assert run_python(ONE, NUMBA_CACHE_DIR=str(tmp_path)).stdout.split() == [*CHOICES, "numba"]
    return tmp_path


def compiles(home: Path) -> bool:
    """Return whether the kernel is compiled anew, with the right result in any case."""
    choices = run_python(ONE, NUMBA_CACHE_DIR=str(home)).stdout.split()
    assert choices[:3] == CHOICES
    return choices[3:] == ["numba"]


def test_nothing_is_made_if_no_kernel_is_called(tmp_path: Path) -> None:
    run_python("from synthpower import Inventory, kernels", NUMBA_CACHE_DIR=str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_folder_and_its_files_are_their_owners_alone(tmp_path: Path) -> None:
    run_python("import os; os.umask(0)\n" + ONE, NUMBA_CACHE_DIR=str(tmp_path))
    folder = kept(tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]
    assert not compiles(tmp_path)


PROBLEM = "from synthpower import kernels; print(kernels.cache_problem())"


@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_a_folder_that_others_may_write_is_not_used(home: Path, mode: int) -> None:
    kept(home).chmod(mode)
    assert compiles(home)
    problem = run_python(PROBLEM, NUMBA_CACHE_DIR=str(home)).stdout
    assert problem == f"{kept(home)} can be written by others\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_belongs_to_somebody_else_is_not_used(home: Path, what: str) -> None:
    (file,) = kept(home).iterdir()
    os.chown(file if what == "file" else file.parent, 12345, -1)
    assert compiles(home)


def test_a_file_that_others_may_write_is_not_used(home: Path) -> None:
    (file,) = kept(home).iterdir()
    file.chmod(0o622)
    assert compiles(home)


def test_a_link_is_not_followed(home: Path) -> None:
    folder = kept(home)
    (file,) = folder.iterdir()
    file.rename(home / file.name)
    file.symlink_to(home / file.name)
    assert compiles(home)
    (home / "moved").mkdir()
    folder.rename(home / "moved" / folder.name)
    folder.symlink_to(home / "moved" / folder.name)
    assert compiles(home)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(home: Path) -> None:
    (file,) = kept(home).iterdir()
    file.unlink()
    os.mkfifo(file, 0o600)
    assert compiles(home)


def signed(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode() + b"\n" + data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        signed(b""),
        signed(b"no JSON\n"),
        signed(b"7\n"),
        signed(b'["entry", 7]\n'),
        signed(b'["entry", ["malloc"]]\n'),  # what would be replaced in this process
        signed(b"[7, []]\n"),
        bytes(2**24 + 1),
    ],
    ids=lambda data: str(len(data)),
)
def test_a_file_that_holds_no_machine_code_is_made_again(home: Path, data: bytes) -> None:
    (file,) = kept(home).iterdir()
    file.write_bytes(data)
    assert compiles(home)
    assert not compiles(home)


def test_the_newest_three_folders_are_kept(tmp_path: Path) -> None:
    for age in range(1, 5):
        folder = tmp_path / "synthpower" / f"kernels-{age:016x}"
        folder.mkdir(parents=True)
        (folder / "file").touch()
        os.utime(folder, (1e9 - age, 1e9 - age))
    (tmp_path / "synthpower" / "kernels-of-mine").mkdir()
    run_python(ONE, NUMBA_CACHE_DIR=str(tmp_path))
    folders = sorted(folder.name for folder in (tmp_path / "synthpower").iterdir())
    assert folders[:2] == [f"kernels-{age:016x}" for age in (1, 2)]
    assert folders[-1] == "kernels-of-mine"
    assert len(folders) == 4


@pytest.mark.parametrize(
    ("provocation", "reason"),
    [
        (
            "from synthpower.jit import compiler; compiler._FOR_ERRORS.clear()",
            "NotImplementedError: a kernel cannot use ",
        ),
        ("from llvmlite import binding; del binding.get_default_triple", "AttributeError: "),
        (
            "import sys, synthpower.jit\n"
            "def refuse(*_): raise RuntimeError('no object file')\n"
            "sys.modules['synthpower.jit.kernel'].load = refuse",
            "RuntimeError: no object file",
        ),
    ],
)
def test_plain_numba_serves_if_anything_is_unexpected(
    tmp_path: Path, provocation: str, reason: str
) -> None:
    lines = []
    for listener in ("", "from synthpower import kernels; kernels.on_notice(print)\n"):
        script = (
            f"import warnings; warnings.simplefilter('default')\n{listener}{provocation}\n{SCRIPT}"
        )
        done = run_python(script, NUMBA_CACHE_DIR=str(tmp_path))
        rows = done.stdout.splitlines()
        plain = [line for line in rows if "plain Numba" in line]
        lines += plain or [line for line in done.stderr.splitlines() if "plain Numba" in line]
        expected = run_python(SCRIPT).stdout.splitlines()
        assert rows[-len(expected) :] == expected
    warned, said = lines
    assert said.startswith(f"kernels are compiled by plain Numba, in each process: {reason}")
    assert warned.endswith("RuntimeWarning: " + said)


def test_compiling_is_announced_once_and_not_if_quiet(tmp_path: Path, command: Command) -> None:
    def said(home: str, *options: str) -> list[str]:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / home)}
        arguments = ("inventory", "--count", "9", "--seed", "1", "--overwrite", *options)
        done = command(*arguments, "--directory", tmp_path / "power", env=environment)
        assert done.returncode == 0
        return [line for line in done.stderr.splitlines() if "compiling" in line]

    first = "compiling kernels for this machine: a few seconds, the first time only"
    assert said("one") == [first]
    assert said("one") == []
    assert said("another", "--quiet") == []
    (tmp_path / "file").touch()
    (line,) = said("file")
    assert line.startswith("compiling kernels, each time: they cannot be kept, ")
    assert str(tmp_path / "file") in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NUMBA_CPU_NAME", "nonsense"),
        ("NUMBA_CPU_NAME", "two\nlines"),
        ("NUMBA_CPU_FEATURES", "+nonsense"),
        ("NUMBA_CPU_FEATURES", "nonsense"),
    ],
)
def test_a_processor_that_llvm_does_not_know_is_bad_input(
    tmp_path: Path, command: Command, variable: str, value: str
) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), variable: value}
    done = command("inventory", "--count", "9", "--directory", tmp_path / "power", env=environment)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    shown = value.replace("\n", "\\n")
    assert line.startswith(f"synthpower inventory: error: {variable}={shown}: LLVM ")
    assert "unset it" in line


def test_numbas_other_variables_have_machine_code_of_their_own(home: Path) -> None:
    run_python(ONE, NUMBA_CACHE_DIR=str(home), NUMBA_OPT="1")
    assert len(list(kept(home).iterdir())) == 2
    run_python(ONE, NUMBA_CACHE_DIR=str(home), NUMBA_NUM_THREADS="1")
    assert len(list(kept(home).iterdir())) == 2
