"""Stand-ins for sbatch, qsub, kubectl and aws: they run the tasks of an array, one by one.

    python tests/schedulers.py sbatch day.sh

Each task has the variables that the real scheduler sets, and what it runs is what was submitted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path


def run(command: list[str], tasks: Iterable[dict[str, object]]) -> None:
    for variables in tasks:
        given = {name: str(value) for name, value in variables.items()}
        subprocess.run(command, env={**os.environ, **given}, check=True)


def array_of(script: str, option: str) -> tuple[int, int]:
    """Return the first and the last number of the array that a script asks for."""
    found = re.search(f"^{option}([0-9]+)-([0-9]+)$", Path(script).read_text(), re.MULTILINE)
    assert found
    return int(found[1]), int(found[2])


def sbatch(script: str) -> None:
    first, last = array_of(script, "#SBATCH --array=")
    array = {"MIN": first, "MAX": last, "COUNT": last - first + 1, "STEP": 1}
    run(
        ["sh", script],
        (
            {f"SLURM_ARRAY_TASK_{name}": value for name, value in {**array, "ID": task}.items()}
            for task in range(first, last + 1)
        ),
    )


def qsub(script: str) -> None:
    first, last = array_of(script, "#PBS -J ")
    here = Path.cwd()
    tasks = range(first, last + 1)
    run(["sh", script], ({"PBS_ARRAY_INDEX": task, "PBS_O_WORKDIR": here} for task in tasks))


def kubectl(*arguments: str) -> None:
    assert arguments[:2] == ("apply", "-f")
    text = Path(arguments[2]).read_text()
    completions = re.search("completionMode: Indexed\n +completions: ([0-9]+)", text)
    command = re.search(r"command: (\[[^]]*\])", text)
    assert completions
    assert command
    run(json.loads(command[1]), ({"JOB_COMPLETION_INDEX": n} for n in range(int(completions[1]))))


def aws(*arguments: str) -> None:
    assert arguments[:2] == ("batch", "submit-job")
    options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
    size = int(options["--array-properties"].removeprefix("size="))
    run(
        json.loads(options["--container-overrides"])["command"],
        ({"AWS_BATCH_JOB_ARRAY_INDEX": n, "AWS_BATCH_JOB_ARRAY_SIZE": size} for n in range(size)),
    )


if __name__ == "__main__":
    {"sbatch": sbatch, "qsub": qsub, "kubectl": kubectl, "aws": aws}[sys.argv[1]](*sys.argv[2:])
