"""Parquet is read in a process of its own: a damaged file may end the process that reads it.

``python -m synthpower.dataset.validate.child`` takes a pickled request on standard input and
answers with pickles on standard output: the file that it begins, rows, checks, and at last the
results.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from synthpower.dataset.check import Check
from synthpower.dataset.inventory import Inventory
from synthpower.dataset.validate.groups import (
    Examination,
    Group,
    Result,
    Watcher,
    cannot_be_read,
    examine,
)
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.source import DEFAULT, Choices
from synthpower.tables import read_measurements

_COMMAND = [sys.executable, "-m", "synthpower.dataset.validate.child"]
_PATIENCE = 10  # seconds for a process that has closed its pipe


@dataclass(frozen=True)
class Request:
    """What is to be read: the files of a group, held against an inventory and a table."""

    group: Group
    inventory: Path
    measurements: Path | None
    workers: int
    agreed: Choices


class Child:
    """A process that reads the files of one group after another; a new one where it dies."""

    def __init__(
        self,
        inventory: Path,
        measurements: Path | None,
        workers: int = 1,
        agreed: Choices = DEFAULT,
    ) -> None:
        self._inventory, self._measurements = inventory, measurements
        self._workers, self._agreed = workers, agreed
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process:
            self._process.kill()
            self._end()

    def examine(self, group: Group, watcher: Watcher) -> Examination:
        """Do what `groups.examine` does. A file that ends the process is a finding."""
        while True:
            seen: list[Path] = []
            answer = yield from self._ask(group, watcher, seen)
            if answer is not None:
                return answer
            status = self._end()
            if not seen:
                raise OSError(f"the process that reads files ended at once, {_died(status)}")
            label = group.label(seen[-1])
            yield cannot_be_read(label, 0, f"reading it ended the process, {_died(status)}")
            rest = tuple(path for path in group.paths if path != seen[-1])
            if not rest:
                return []
            group = replace(group, paths=rest, unread=f"{label} could not be read")

    def _ask(
        self, group: Group, watcher: Watcher, seen: list[Path]
    ) -> Generator[Check, None, list[Result] | None]:
        process = self._process = self._process or _start()
        assert process.stdin
        assert process.stdout
        checks: list[Check] = []
        try:
            request = Request(
                group, self._inventory, self._measurements, self._workers, self._agreed
            )
            pickle.dump(request, process.stdin)
            process.stdin.flush()
            while True:
                kind, answer = pickle.load(process.stdout)  # noqa: S301 - of our own process
                if kind == "file":
                    seen.append(answer)
                elif kind == "progress":
                    watcher.progress(*answer)
                elif kind == "check":
                    checks.append(answer)
                else:
                    yield from checks
                    return list(answer)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            # The others are read again, without the one that it died of.
            return None

    def _end(self) -> int:
        """End the process, and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        try:
            status = process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        return status


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - of our own
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what a library says when it dies
    )


def _died(status: int) -> str:
    if status >= 0:
        return f"with status {status}"
    with contextlib.suppress(ValueError):
        return f"by {signal.Signals(-status).name}"
    return f"by signal {-status}"


class _Teller:
    """Says over a pipe how far the reading is."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    def say(self, kind: str, answer: Any) -> None:
        pickle.dump((kind, answer), self._pipe)
        self._pipe.flush()

    def file(self, path: Path) -> None:
        self.say("file", path)

    def progress(self, rows: int, size: int) -> None:
        self.say("progress", (rows, size))


def _serve(requests: BinaryIO, pipe: BinaryIO) -> None:
    teller = _Teller(pipe)
    known: tuple[object, Known] | None = None
    while True:
        try:
            request: Request = pickle.load(requests)  # noqa: S301 - of the process that began this
        except EOFError:
            return
        source = request.inventory, request.measurements, request.agreed
        if not known or known[0] != source:
            inventory = Inventory.read(request.inventory)
            table = read_measurements(request.measurements)
            known = source, Known(inventory, table, request.agreed[0])
        examination = examine(request.group, known[1], teller, request.workers, request.agreed)
        while True:
            try:
                teller.say("check", next(examination))
            except StopIteration as stop:
                teller.say("results", stop.value)
                break


def main() -> None:
    """Serve requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began this
    with contextlib.suppress(ImportError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else comes into the pipe
    with contextlib.suppress(BrokenPipeError):
        _serve(sys.stdin.buffer, pipe)


if __name__ == "__main__":
    main()
