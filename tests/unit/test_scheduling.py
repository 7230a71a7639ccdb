"""The shard of a task of an array job, by the variables of its scheduler."""

from __future__ import annotations

import pytest

from synthpower import InputError, Part, array_part
from synthpower.scheduling import INDEXES


def slurm(task: int, first: int, last: int, count: int, **more: int) -> dict[str, str]:
    numbers = {"ID": task, "MIN": first, "MAX": last, "COUNT": count, **more}
    return {f"SLURM_ARRAY_TASK_{name}": str(number) for name, number in numbers.items()}


@pytest.mark.parametrize(
    ("of", "variables", "part"),
    [
        (None, slurm(1, 1, 10, 10, STEP=1), Part(1, 10)),
        (None, slurm(9, 0, 9, 10), Part(10, 10)),
        (None, slurm(5, 1, 7, 4, STEP=2), Part(3, 4)),
        (10, slurm(3, 1, 10, 10), Part(3, 10)),
        (None, slurm(7, 7, 7, 1), Part(1, 1)),
        (4, {"JOB_COMPLETION_INDEX": "0"}, Part(1, 4)),
        (4, {"JOB_COMPLETION_INDEX": "3"}, Part(4, 4)),
        (
            None,
            {"AWS_BATCH_JOB_ARRAY_INDEX": "2", "AWS_BATCH_JOB_ARRAY_SIZE": "10"},
            Part(3, 10),
        ),
        (10, {"AWS_BATCH_JOB_ARRAY_INDEX": "2", "AWS_BATCH_JOB_ARRAY_SIZE": "10"}, Part(3, 10)),
        (10, {"AWS_BATCH_JOB_ARRAY_INDEX": "9"}, Part(10, 10)),
        (10, {"PBS_ARRAY_INDEX": "1"}, Part(1, 10)),
        (10, {"PBS_ARRAYID": "10"}, Part(10, 10)),
        (10, {"PBS_ARRAY_INDEX": "3", "PBS_ARRAYID": "3"}, Part(3, 10)),
        (4, {"JOB_COMPLETION_INDEX": "1", "PBS_ARRAY_INDEX": ""}, Part(2, 4)),
    ],
)
def test_a_task_has_its_shard(of: int | None, variables: dict[str, str], part: Part) -> None:
    assert array_part(of, variables) == part


def test_the_variables_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in INDEXES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "2")
    assert array_part(3) == Part(3, 3)


@pytest.mark.parametrize(
    "variables",
    [
        [slurm(task, 3, 12, 4, STEP=3) for task in (3, 6, 9, 12)],
        [{"JOB_COMPLETION_INDEX": str(task)} for task in range(4)],
        [{"AWS_BATCH_JOB_ARRAY_INDEX": str(task)} for task in range(4)],
        [{"PBS_ARRAY_INDEX": str(task)} for task in range(1, 5)],
    ],
)
def test_the_tasks_have_all_shards(variables: list[dict[str, str]]) -> None:
    assert [array_part(4, each) for each in variables] == [Part(n, 4) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("of", "variables", "said"),
    [
        (None, {}, "none of SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, AWS_BATCH_JOB_ARRAY_INDEX, "
                   "PBS_ARRAY_INDEX, PBS_ARRAYID is set"),
        (4, {"JOB_COMPLETION_INDEX": "0", "PBS_ARRAYID": "1"},
         "JOB_COMPLETION_INDEX and PBS_ARRAYID are set, of several schedulers"),
        (None, {"JOB_COMPLETION_INDEX": "0"},
         "JOB_COMPLETION_INDEX is set, and Kubernetes does not say how many tasks there are; "
         "write auto/N"),
        (None, {"PBS_ARRAY_INDEX": "1"}, "PBS does not say how many tasks there are"),
        (None, {"AWS_BATCH_JOB_ARRAY_INDEX": "1"}, "AWS Batch does not say how many"),
        (4, {"AWS_BATCH_JOB_ARRAY_INDEX": "1", "AWS_BATCH_JOB_ARRAY_SIZE": "5"},
         "4 tasks, and AWS Batch says that there are 5"),
        (10, slurm(3, 3, 3, 1), "10 tasks, and Slurm says that there are 1"),
        (4, {"JOB_COMPLETION_INDEX": "4"}, "JOB_COMPLETION_INDEX is 4, and the tasks are 0 to 3"),
        (4, {"PBS_ARRAY_INDEX": "0"}, "PBS_ARRAY_INDEX is 0, and the tasks are 1 to 4"),
        (None, slurm(4, 1, 7, 4, STEP=2), "is 4, and the tasks are 1 to 7 in steps of 2"),
        (None, slurm(3, 1, 7, 3), "the 3 tasks of SLURM_ARRAY_TASK_MIN=1 to "
                                  "SLURM_ARRAY_TASK_MAX=7 have gaps"),
        (None, {"SLURM_ARRAY_TASK_ID": "1"}, "SLURM_ARRAY_TASK_MIN is not set"),
        (4, {"JOB_COMPLETION_INDEX": "one"}, "JOB_COMPLETION_INDEX is 'one', and no whole number"),
        (4, {"JOB_COMPLETION_INDEX": "-1"}, "JOB_COMPLETION_INDEX is '-1', and no whole number"),
        (0, {"JOB_COMPLETION_INDEX": "0"}, "0 is no number of tasks"),
        (100_000, {"JOB_COMPLETION_INDEX": "0"}, "100000 is no number of tasks"),
    ],
)  # fmt: skip
def test_what_no_shard_follows_from_is_one_line(
    of: int | None, variables: dict[str, str], said: str
) -> None:
    with pytest.raises(InputError) as found:
        array_part(of, variables)
    assert said in str(found.value)
    assert str(found.value).startswith("auto: ")
    assert found.value.argument == "shard"
