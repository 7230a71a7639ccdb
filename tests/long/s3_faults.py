"""Have an S3 server fail at every kind of request, or kill the command, and see that no object is
half there, that the upload is aborted, and that the next run finishes.

    python tests/long/s3_faults.py --faults 300 --kills 100

writes reference/results/s3_faults.json. test_s3_faults.py does the same a few times.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from s3_server import S3Server

from synthpower.cli import main as cli
from synthpower.storage import client, parts

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "reference" / "results" / "s3_faults.json"
URL = "s3://bucket/power"
DAYS = 4
PART = 2**17  # bytes, so that files of a megabyte have several
REQUESTS = ("create", "part", "complete", "put", "head", "get", "list", "abort")
KINDS = ("403", "500", "503", "cut", "lost")
SHARE = 0.1
RATE = 2e6  # bytes a second of a connection of a slow server
_SMALL = f"from synthpower.storage import parts; parts._LEAST_PART = {PART}; "
_SMALL += f"parts._IN_FLIGHT = {4 * PART}; "
COMMAND = [
    sys.executable,
    "-c",
    f"{_SMALL}from synthpower.__main__ import synthpower; synthpower()",
]


class Faults:
    """A dataset on a server of ours, and what a run that nobody disturbs makes of it."""

    def __init__(self, server: S3Server, format: str, servers: int = 300, seed: int = 1) -> None:
        self.server = server
        self.format = format
        interval, servers = (1200, servers) if format == "csv" else (60, 4 * servers)
        self._words = ["data", "--directory", URL, "--date", "2023-01-01", "--days", str(DAYS)]
        self._words += ["--interval", str(interval), "--format", format]
        self._random = random.Random(seed)
        self._seconds = 0.5  # that writing may take
        server.set(clear=True)
        self._run("inventory", "--directory", URL, "--count", str(servers), "--seed", "7")
        self.before = self._objects()
        self._run(*self._words)
        self.whole = self._objects()
        assert server.report()["counts"]["part"] >= 3 * DAYS

    def _run(self, *words: str) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            status = cli.main(words)
        assert status == 0, said.getvalue()

    def _objects(self) -> dict[str, bytes]:
        return {key: self.server.data(key) for key in self.server.report()["objects"]}

    def _begin_again(self, **changes: Any) -> None:
        self.server.set(clear=True)
        for key, data in self.before.items():
            self.server.put(key, data)
        self.server.set(**changes)

    def fail(self, on: str, kind: str, **rule: Any) -> str:
        """Have requests fail while a run goes on, check what it left, and finish it.

        Returns
        -------
        str
            What became of the run.
        """
        self._begin_again(faults=[{"on": on, "kind": kind, **rule}])
        with contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                status = cli.main(self._words)
            except SystemExit as leaving:
                status = int(leaving.code or 0)
        failed = self.server.report()["counts"].get("faults", 0)
        self.server.set(faults=[])
        if status:
            assert status in (1, 2), status
            assert said.getvalue().count("\n") == 1, said.getvalue()
        # Two uploads stay, for the bucket's rule to remove: one that the server does not let be
        # aborted, and one of which the client was never told.
        self._check(aborted="abort" not in on and (on, kind) != ("create", "lost"))
        if not status:
            for key, data in self.whole.items():
                if "README" not in key and "_manifest" not in key:
                    assert self.server.data(key) == data, key
        self._finish()
        if not failed:
            return "was not reached"
        return "ended the run" if status else "made no difference"

    def kill(self, number: int, slow: bool = False) -> str:
        """Kill a run somewhere on its way, check what it left, and finish it."""
        self._begin_again(rate=RATE if slow else 0)
        process = subprocess.Popen([*COMMAND, *self._words, "--quiet"], stderr=subprocess.PIPE)
        while process.poll() is None and not self.server.report()["counts"].get("create"):
            time.sleep(0.005)
        time.sleep(self._random.uniform(0, self._seconds))
        too_late = process.poll() is not None
        self._seconds *= 0.8 if too_late else 1.03  # however busy the machine is
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
        if number != signal.SIGKILL and process.returncode:
            assert process.returncode == 128 + number, said
            assert said.count(b"\n") <= 1, said
        self.server.set(rate=0)
        left = self._check(aborted=number != signal.SIGKILL)
        abandoned = self.server.report()["open"]
        self._finish()
        if too_late:
            return "when it had ended"
        whole = sum(key in left for key in self.whole if "/data-" in key)
        unseen = "; parts that nobody sees" if abandoned else ""
        return f"{whole} of {DAYS} files whole{unseen}"

    def _check(self, aborted: bool) -> dict[str, bytes]:
        """See that each object is an older one or a whole new one, and that nothing is begun."""
        report = self.server.report()
        if aborted:
            assert report["open"] == 0, report
        left = self._objects()
        for key, data in left.items():
            if "/data-" in key:
                assert data == self.whole[key], f"{key} is half written"
            elif "_manifest/" in key:
                json.loads(data)
            else:
                assert data in (self.before[key], self.whole[key]), f"{key} is another"
        assert self.before.keys() <= left.keys()
        return left

    def _finish(self) -> None:
        """See that the next run makes what is missing."""
        self._run(*self._words)
        found = self._objects()
        assert found == self.whole, {key for key in found if found[key] != self.whole.get(key)}


@contextlib.contextmanager
def disturbed() -> Any:
    """Have small parts here, and few and fast tries; yield a server."""
    retry = {"max_retries": 2, "retry_timeout": timedelta(seconds=5)}
    retry["backoff"] = {"init_backoff": timedelta(milliseconds=5)}
    kept = client._RETRY, parts._LEAST_PART, parts._IN_FLIGHT, dict(os.environ)
    with S3Server(keep=True) as server:
        client._RETRY, parts._LEAST_PART, parts._IN_FLIGHT = retry, PART, 4 * PART
        os.environ.update(server.environment)
        try:
            yield server
        finally:
            client._RETRY, parts._LEAST_PART, parts._IN_FLIGHT, environment = kept
            os.environ.clear()
            os.environ.update(environment)


def rules(draw: random.Random) -> tuple[str, str, dict[str, Any]]:
    """Return a request, how it fails, and which of them do: one, a tenth, or all from one on."""
    on, kind = draw.choice(REQUESTS), draw.choice(KINDS)
    skip = {"part": 30, "head": 30, "get": 20, "list": 8}.get(on, 5)
    which = draw.choice(({"times": 1}, {"share": SHARE}, {}))
    if on == "abort":
        on = "abort|part"  # there is something to abort
    return on, kind, {"skip": draw.randrange(skip), **which}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faults", type=int, default=300, metavar="N")
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    parser.add_argument("--result", type=Path, default=RESULT, metavar="FILE")
    args = parser.parse_args()
    failed: dict[str, Counter[str]] = {}
    killed: dict[str, Counter[str]] = {}
    injected = 0
    with disturbed() as server:
        draw = random.Random(1)
        for format in ("csv", "parquet"):
            faults = Faults(server, format)
            for _ in range(args.faults // 2):
                on, kind, rule = rules(draw)
                became = faults.fail(on, kind, **rule)
                failed.setdefault(f"{on}, {kind}", Counter())[became] += 1
                injected += became != "was not reached"
            for turn in range(args.kills // 2):
                number = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)[turn % 3]
                slow = turn % 2 == 1
                key = signal.Signals(number).name + (", slow server" if slow else "")
                became = faults.kill(number, slow)
                killed.setdefault(key, Counter())[became] += 1
                injected += became != "when it had ended"
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python tests/long/s3_faults.py --faults {args.faults} --kills {args.kills}",
        "cores": os.cpu_count(),
        "injected": injected,
        "failed": {key: dict(sorted(counts.items())) for key, counts in sorted(failed.items())},
        "killed": {key: dict(sorted(counts.items())) for key, counts in sorted(killed.items())},
    }
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{injected} runs disturbed, no object half there")


if __name__ == "__main__":
    main()
