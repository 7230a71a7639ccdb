"""Kill the command at random moments, or make the system refuse it something, and see that
nothing is lost or half written.

    python tests/long/crash.py --kills 400 --faults 2000

writes reference/results/crashes.json. test_crash.py does the same a few times.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from synthpower.cli import main as cli

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "reference" / "results" / "crashes.json"
SYNTHPOWER = [sys.executable, "-m", "synthpower"]
DAYS = 12
CALLS = ("open", "write", "fsync", "link", "replace", "unlink")  # of the system, in module os
ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EINTR)
OLDER = "data-2023-01-02"  # a file of another specification, which --overwrite replaces


def words(directory: Path, format: str, *options: str) -> list[str]:
    days = ["--date", "2023-01-01", "--days", str(DAYS), "--format", format]
    return ["data", "--directory", str(directory), *days, *options]


def command(directory: Path, format: str, *options: str) -> list[str]:
    return [*SYNTHPOWER, *words(directory, format, *options)]


def contents(directory: Path) -> dict[str, bytes]:
    """Return what is in a directory, and in the folders in it."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


def is_data(name: str) -> bool:
    """Return whether a name is that of a file of readings."""
    return name.rpartition("/")[2].startswith("data-")


class Crashes:
    """A dataset, and what a run that nobody disturbs makes of it."""

    def __init__(
        self, folder: Path, format: str, servers: int, seed: int = 1, in_folders: bool = False
    ) -> None:
        self.format = format
        self._options = ["--path", "dt={date}/data-{date}{suffix}"] if in_folders else []
        self._older = f"dt={OLDER[5:]}/{OLDER}.{format}" if in_folders else f"{OLDER}.{format}"
        self._random = random.Random(seed)
        self._before, self._whole = folder / f"before-{format}", folder / f"whole-{format}"
        self._run = folder / f"run-{format}"
        made = ["inventory", "--directory", str(self._before), "--count", str(servers)]
        older = [
            "data",
            "--directory",
            str(self._before),
            "--date",
            OLDER[5:],
            "--interval",
            "7200",
        ]
        for arguments in (made + ["--seed", "7"], older + ["--format", format, *self._options]):
            subprocess.run([*SYNTHPOWER, *arguments, "--quiet"], check=True)
        shutil.copytree(self._before, self._whole)
        subprocess.run(self._command(self._whole, "--overwrite", "--quiet"), check=True)
        self._seconds = 0.3  # that writing may take
        self.before, self.whole = contents(self._before), contents(self._whole)

    def _words(self, directory: Path, *options: str) -> list[str]:
        return words(directory, self.format, *self._options, *options)

    def _command(self, directory: Path, *options: str) -> list[str]:
        return [*SYNTHPOWER, *self._words(directory, *options)]

    def kill(self, number: int = signal.SIGKILL) -> str:
        """Kill a run somewhere on its way, check what it left, and finish it.

        Returns
        -------
        str
            How far it came.
        """
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.copytree(self._before, self._run)
        process = subprocess.Popen(
            self._command(self._run, "--overwrite", "--quiet"), stderr=subprocess.PIPE
        )
        if self._random.random() < 0.8:  # most of the time goes by before the first file
            while process.poll() is None and not any(self._run.glob(".synthpower-*.tmp")):
                time.sleep(0.001)
            time.sleep(self._random.uniform(0, self._seconds))
        else:
            time.sleep(self._random.uniform(0, 2 * self._seconds))
        too_late = process.poll() is not None
        self._seconds *= 0.8 if too_late else 1.03  # however busy the machine is
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        left = contents(self._run)
        self._check(left)
        if number != signal.SIGKILL and process.returncode:
            if process.returncode != 128 + number:  # in the first moments of Python
                assert process.returncode == -number or b"KeyboardInterrupt" in said, said
                assert left == self.before, left.keys()
                return "before it had begun"
            assert not [name for name in left if name.startswith(".")], left.keys()
            assert said.count(b"\n") <= 1, said
        made = sum(left.get(name) == data for name, data in self.whole.items())
        unlisted = set(left) - set(json.loads(left["manifest.json"])["files"]) - set(self.before)
        self._finish(left)
        if too_late:
            return "when it had ended"
        if any(name.endswith(".tmp") for name in left):
            return "left a temporary file"
        if any(map(is_data, unlisted)):
            return "left files that are not in the manifest"
        return "left all" if made == len(self.whole) else "left some files, or none"

    def refuse(self, call: str, nth: int, number: int) -> str:
        """Have one call of the system fail while a run goes on, check what it left, and finish it.

        Returns
        -------
        str
            What became of the run.
        """
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.copytree(self._before, self._run)
        real, calls = getattr(os, call), 0

        def refused(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == nth:
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        with (
            mock.patch.object(os, call, refused),
            contextlib.redirect_stderr(io.StringIO()) as said,
        ):
            try:
                status = cli.main(self._words(self._run, "--overwrite", "--quiet"))
            except SystemExit as leaving:  # from argparse
                status = int(leaving.code or 0)
        left = contents(self._run)
        self._check(left)
        if calls < nth:
            assert (status, left) == (0, self.whole)
            return "was not reached"
        if call != "unlink":  # then one file may stay, until the next run
            assert not [name for name in left if name.startswith(".")], left.keys()
        if status:
            assert status in (1, 2), status
            assert said.getvalue().count("error: ") == 1, said.getvalue()
            assert os.strerror(number) in said.getvalue()
        else:
            assert said.getvalue() == ""
            assert self.whole.items() <= left.items()
        self._finish(left)
        return "ended the run" if status else "made no difference"

    def _finish(self, left: dict[str, bytes]) -> None:
        """See that the next run makes what is missing, and leaves alone what is there."""
        # What is there is kept, what is not is made; of the older file it must be said again.
        if left[self._older] != self.whole[self._older]:
            (self._run / self._older).unlink()
        times = {path: path.stat().st_mtime_ns for path in self._run.rglob("data-*")}
        with contextlib.redirect_stderr(io.StringIO()) as said:
            status = cli.main(self._words(self._run))
        assert status == 0, said.getvalue()
        assert contents(self._run) == self.whole, set(contents(self._run)) ^ set(self.whole)
        kept = {path: path.stat().st_mtime_ns for path in self._run.rglob("data-*")}
        assert times.items() <= kept.items()

    def _check(self, left: dict[str, bytes]) -> None:
        """See that each file is an older one, a whole new one, or recognisably temporary."""
        for name, data in left.items():
            if is_data(name):
                assert data in (self.before.get(name), self.whole[name]), f"{name} is half written"
            elif name == "manifest.json":
                json.loads(data)
            elif name == "README.md":  # its commands are brought up to date at the end
                assert data in (self.before[name], self.whole[name]), "README.md is another"
            elif name.startswith("."):
                assert name.startswith(".synthpower-"), name
                assert name.endswith(".tmp"), name
            else:
                assert data == self.before[name], f"{name} was changed"
        assert self.before.keys() <= left.keys()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=300, metavar="N")
    parser.add_argument("--faults", type=int, default=1000, metavar="N")
    parser.add_argument("--servers", type=int, default=4000, metavar="N")
    parser.add_argument("--result", type=Path, default=RESULT, metavar="FILE")
    args = parser.parse_args()
    found: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        crashes = [Crashes(Path(folder), format, args.servers) for format in ("csv", "parquet")]
        for turn in range(args.kills):
            number = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)[turn // 2 % 4]
            crash = crashes[turn % 2]
            key = f"{signal.Signals(number).name}, {crash.format}"
            found.setdefault(key, Counter())[crash.kill(number)] += 1
        draw = random.Random(1)
        refused: dict[str, Counter[str]] = {}
        crashes = [Crashes(Path(folder, "small"), format, 500) for format in ("csv", "parquet")]
        for turn in range(args.faults):
            call, crash = draw.choice(CALLS), crashes[turn % 2]
            became = crash.refuse(call, draw.randrange(1, 40), draw.choice(ERRORS))
            refused.setdefault(f"{call}, {crash.format}", Counter())[became] += 1
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python tests/long/crash.py --kills {args.kills} --faults {args.faults} "
        f"--servers {args.servers}",
        "cores": os.cpu_count(),
        "killed": {key: dict(sorted(counts.items())) for key, counts in sorted(found.items())},
        "refused": {key: dict(sorted(counts.items())) for key, counts in sorted(refused.items())},
    }
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{args.kills} kills, {args.faults} faults, nothing lost")


if __name__ == "__main__":
    main()
