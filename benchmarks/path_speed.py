"""What files in folders cost: the same rows as files of days, of hours, of hours and sites.

    python benchmarks/path_speed.py            measure, and write benchmarks/results/path_speed.json
    python benchmarks/path_speed.py --render   put that file's table into benchmarks/README.md

Three days of 5,000 servers every five minutes. Each run is the command from its start to its end;
all take turns; medians.
"""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path
from typing import Any

import compare
import limits

SERVERS = 5000
JOB = "--date 2023-02-27 --days 3 --interval 300 --quiet"
FORMATS = {
    "CSV": "--format csv",
    "CSV, gzip": "--format csv --compression gzip",
    "Parquet": "--format parquet",
}
DAYS = "dt={date}/data"
PATHS = {
    "days": DAYS,
    "hours": "dt={date}/hour={hour}/data",
    "hours and sites": "dt={date}/hour={hour}/site={location}/data",
}
TARGETS = {"hours": 1.3}  # times as long as the files of days


def case(directory: Path, format: str, path: str) -> dict[str, Any]:
    """Return how long a run takes, and remove what it wrote."""
    command = [*compare.SYNTHPOWER, "data", "--directory", str(directory), *JOB.split()]
    found = compare.measure([*command, *FORMATS[format].split(), "--path", PATHS[path]])
    files = [each for each in directory.glob("dt=*/**/*") if each.is_file()]
    size = sum(each.stat().st_size for each in files)
    for folder in directory.glob("dt=*"):
        shutil.rmtree(folder)
    (directory / "manifest.json").unlink()
    return {"format": format, "path": path, **found, "files": len(files), "bytes": size}


def measure(folder: Path, servers: int, rounds: int) -> list[dict[str, Any]]:
    directory = limits.inventory(folder, servers)
    pairs = [(format, path) for format in FORMATS for path in PATHS]
    return [case(directory, *pair) for _ in range(rounds) for pair in pairs]


def table(runs: list[dict[str, Any]]) -> str:
    """Return the table of a result, with the targets."""
    lines = [
        "| format | files of | files | MB | seconds | times the days | target | met |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for format in FORMATS:
        for path in PATHS:
            own = [r for r in runs if (r["format"], r["path"]) == (format, path)]
            seconds = statistics.median(run["wall_s"] for run in own)
            if path == "days":
                days = seconds
            ratio, target, met = seconds / days, "", ""
            if path in TARGETS:
                target = f"≤ {TARGETS[path]}"
                met = "yes" if ratio <= TARGETS[path] else "no"
            lines.append(
                f"| {format} | {path} | {own[0]['files']:,} | {own[0]['bytes'] / 1e6:,.0f} | "
                f"{seconds:.2f} | {ratio:.2f} | {target} | {met} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    def made(folder: Path, tiny: bool, rounds: int) -> dict[str, Any]:
        return {"runs": measure(folder, 3 if tiny else SERVERS, rounds)}

    compare.script(__file__, __doc__, made, lambda result: table(result["runs"]))


if __name__ == "__main__":
    main()
