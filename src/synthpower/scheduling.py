"""Which shard is the task of an array job's: by the variables that its scheduler sets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from synthpower.errors import InputError, shown, whole_number
from synthpower.model.grid import MOST_PARTS, Part

SLURM, KUBERNETES, AWS_BATCH, PBS = "Slurm", "Kubernetes", "AWS Batch", "PBS"
INDEXES = {  # by the variable that has the number of a task
    "SLURM_ARRAY_TASK_ID": SLURM,
    "JOB_COMPLETION_INDEX": KUBERNETES,
    "AWS_BATCH_JOB_ARRAY_INDEX": AWS_BATCH,
    "PBS_ARRAY_INDEX": PBS,
    "PBS_ARRAYID": PBS,  # of Torque
}
_AWS_SIZE = "AWS_BATCH_JOB_ARRAY_SIZE"
_MIN, _MAX, _COUNT, _STEP = (f"SLURM_ARRAY_TASK_{name}" for name in ("MIN", "MAX", "COUNT", "STEP"))
_FIRST = {KUBERNETES: 0, AWS_BATCH: 0, PBS: 1}


def array_part(of: int | None = None, environment: Mapping[str, str] | None = None) -> Part:
    """Return the shard that this task of an array job is to make.

    Slurm, AWS Batch, and Kubernetes with an indexed job, number their tasks; so does PBS, from 1
    where an array was submitted as ``1-N``.

    Parameters
    ----------
    of : int, optional
        How many tasks there are: needed for Kubernetes and PBS, which do not say it, and compared
        with what Slurm and AWS Batch say.
    environment : mapping of str to str, optional
        The variables; those of this process otherwise.

    Raises
    ------
    InputError
        Naming the argument ``shard``, where no scheduler or several have set variables, or they
        do not say which shard of how many.
    """
    variables = os.environ if environment is None else environment
    number = None if of is None else whole_number(of, "shard")
    if number is not None and not 1 <= number <= MOST_PARTS:
        raise _error(f"{shown(number)} is no number of tasks")
    found = {system: name for name, system in reversed(INDEXES.items()) if variables.get(name)}
    if not found:
        raise _error(f"none of {', '.join(INDEXES)} is set, as in a task of an array job")
    if len(found) > 1:
        raise _error(f"{' and '.join(sorted(found.values()))} are set, of several schedulers")
    ((system, name),) = found.items()
    index = _number(variables, name)
    first, step, count = _FIRST.get(system, 0), 1, number
    if system == SLURM:
        first, step, count = _slurm_array(variables)
    elif system == AWS_BATCH and variables.get(_AWS_SIZE):
        count = _number(variables, _AWS_SIZE)
    if count is None:
        raise InputError(
            f"auto: {name} is set, and {system} does not say how many tasks there are; write "
            f"auto/N",
            "shard",
        )
    if number not in (None, count):
        raise _error(f"{shown(number)} tasks, and {system} says that there are {count}")
    last = first + (count - 1) * step
    if not first <= index <= last or (index - first) % step:
        steps = f" in steps of {step}" if step > 1 else ""
        raise _error(f"{name} is {index}, and the tasks are {first} to {last}{steps}")
    return Part((index - first) // step + 1, count)


def _slurm_array(variables: Mapping[str, str]) -> tuple[int, int, int]:
    """Return the first number of an array of Slurm's, the step to the next, and how many."""
    for name in (_MIN, _MAX, _COUNT):
        if not variables.get(name):
            raise _error(f"{name} is not set")
    first, last, count = (_number(variables, name) for name in (_MIN, _MAX, _COUNT))
    step = max(1, _number(variables, _STEP)) if variables.get(_STEP) else 1
    if first + (count - 1) * step != last:
        raise _error(
            f"the {count} tasks of {_MIN}={first} to {_MAX}={last} have gaps; submit --array=1-N"
        )
    return first, step, count


def _number(variables: Mapping[str, str], name: str) -> int:
    text = variables[name]
    if not re.fullmatch("[0-9]{1,9}", text):
        raise _error(f"{name} is {shown(text)!r}, and no whole number")
    return int(text)


def _error(what: str) -> InputError:
    return InputError(f"auto: {what}; write I/N, with 1 <= I <= N <= {MOST_PARTS:,}", "shard")
