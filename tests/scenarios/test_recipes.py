"""docs/RECIPES.md: its blocks run, and print what they are said to print."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import schedulers
from s3_server import S3Server

import synthpower

PAGE = (Path(__file__).parents[2] / "docs" / "RECIPES.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
NEEDS_SERVERS = (  # or what is as large
    "psql", "adbc", "chdb", "clickhouse-local", "kcat", "LocalCluster", "SparkSession",
)  # fmt: skip
SCHEDULERS = ("sbatch", "qsub", "kubectl", "aws")  # of which stand-ins run the tasks
BLOCK = re.compile(r"<!-- (run|run: python|prints) -->\n```\w*\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which ``synthpower`` is this one."""
    folder = tmp_path_factory.mktemp("bin")
    python = shlex.quote(sys.executable)
    local = Path(__file__).parents[1] / "clickhouse_local.py"
    for name, command in {
        "synthpower": f"{python} -m synthpower",
        "python": python,
        "clickhouse-local": f"{python} {shlex.quote(str(local))}",
        **{name: shlex.join([sys.executable, schedulers.__file__, name]) for name in SCHEDULERS},
    }.items():
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
    source = str(Path(synthpower.__file__).parents[1])
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])),
        "LANG": "C.UTF-8",
    }


@pytest.fixture
def broker() -> Iterator[str]:
    """A Kafka broker of librdkafka's, in memory, which other processes reach."""
    if not shutil.which("kcat"):
        pytest.skip("kcat is not installed")
    from confluent_kafka import Producer

    mock = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1, "log_level": 0})
    (found,) = mock.list_topics(timeout=10).brokers.values()
    yield f"{found.host}:{found.port}"
    mock.flush()


def marks(text: str) -> list[pytest.MarkDecorator]:
    code = "".join(code for kind, code in BLOCK.findall(text) if kind != "prints")
    if any(word in code for word in NEEDS_SERVERS):
        return [pytest.mark.servers]
    return [pytest.mark.slow] if any(f"\n{name} " in code for name in SCHEDULERS) else []


@pytest.mark.parametrize(
    "title", [pytest.param(title, marks=marks(text)) for title, text in SECTIONS.items()]
)
def test_a_recipe_runs(
    title: str, tmp_path: Path, environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    text = SECTIONS[title]
    blocks = BLOCK.findall(text)
    code = "".join(code for kind, code in blocks if kind != "prints")
    for word, module in {
        "chdb": "chdb",
        "clickhouse-local": "chdb",
        "adbc": "adbc_driver_postgresql",
        "confluent_kafka": "confluent_kafka",
        "LocalCluster": "distributed",
        "SparkSession": "pyspark",
    }.items():
        if word in code and not find_spec(module):
            pytest.skip(f"{module} is not installed")
    if "SparkSession" in code and not shutil.which("java"):
        pytest.skip("Spark needs java, and there is none")
    if "psql" in code or "postgresql" in code:
        environment = {**environment, **request.getfixturevalue("postgres")}
    if "s3://" in code:
        environment = {**environment, **request.getfixturevalue("s3").environment}
    if "kcat" in code:
        environment = {**environment, "BROKER": request.getfixturevalue("broker")}
    printed = ""
    for kind, code in blocks:
        if kind == "prints":
            assert printed == code
            continue
        command = ["bash", "-euo", "pipefail", "-c"] if kind == "run" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        printed = done.stdout


README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FIRST = """
synthpower inventory --directory power --count 50 --seed 8123 --quiet
"""


def marked(mark: str, language: str = "sh") -> list[str]:
    """Return the blocks of README that follow a comment of that name."""
    return re.findall(rf"<!-- {mark} -->\n```{language}\n(.*?)```", README, re.DOTALL)


def run_shell(code: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a block, see it succeed, and return what it prints."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_commands_of_readme_run(tmp_path: Path, environment: dict[str, str]) -> None:
    """Its short recipes, and those of its table of uses, in the dataset that it makes first."""
    (first,) = marked("first")
    recipes = marked("recipe")
    uses = re.findall(r"^\| .* \| `(synthpower .*)` \|$", README, re.MULTILINE)
    assert len(recipes) == 6
    assert len(uses) == 11
    made = first.partition("\n")[2].replace(".venv/bin/", "")
    others = """
        mkdir fixture theirs
        cp power/README.md power/manifest.json fixture
        cp power/README.md power/*.csv power/data-2023-02-2[78].parquet theirs
        rm theirs/data-*.csv
    """
    month, *rest = (use.replace("\\|", "|").replace("consumer", "wc -l") for use in uses)
    for code in (made, *recipes, month, others, *rest):
        run_shell(code, tmp_path, environment)


def test_the_bucket_of_readme_is_filled(
    tmp_path: Path, environment: dict[str, str], s3: S3Server
) -> None:
    (code,) = marked("bucket")
    run_shell(code, tmp_path, {**environment, **s3.environment})


def test_the_array_job_of_readme_makes_the_whole_day(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (code,) = marked("array")
    run_shell(FIRST, tmp_path, environment)
    array = {
        "SLURM_ARRAY_TASK_MIN": "1",
        "SLURM_ARRAY_TASK_MAX": "3",
        "SLURM_ARRAY_TASK_COUNT": "3",
    }
    for task in "123":
        run_shell(code, tmp_path, {**environment, **array, "SLURM_ARRAY_TASK_ID": task})
    names = sorted(path.name for path in (tmp_path / "power").glob("data-*"))
    assert names == [f"data-2023-03-15-0000{n}-of-00003.csv" for n in "123"]


@pytest.mark.servers
def test_the_pipe_of_readme_fills_a_database(
    tmp_path: Path, environment: dict[str, str], postgres: dict[str, str]
) -> None:
    (code,) = marked("psql")
    environment = {**environment, **postgres}
    run_shell(FIRST + code, tmp_path, environment)
    counted = 'psql -At -d postgres -c "select count(*) from readings"'
    assert run_shell(counted, tmp_path, environment) == "2400\n"


@pytest.mark.servers
@pytest.mark.parametrize("module", ["distributed", "pyspark"])
def test_a_cluster_of_readme_writes_the_files(
    module: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    if not find_spec(module) or (module == "pyspark" and not shutil.which("java")):
        pytest.skip(f"{module} is not installed, or Java is not")
    (code,) = (each for each in marked("servers", "python") if f"from {module}" in each)
    (tmp_path / "example.py").write_text(code)
    made = run_shell("python example.py", tmp_path, environment)
    assert made.split()[0] == {"distributed": "10", "pyspark": "480000"}[module]
    assert len(list(tmp_path.glob("on-*/data-*.parquet"))) == 10


def test_every_section_runs_something() -> None:
    for title, text in SECTIONS.items():
        assert any(kind == "prints" for kind, _ in BLOCK.findall(text)), title
        assert text.count("```sh\n") + text.count("```python\n") == len(
            [kind for kind, _ in BLOCK.findall(text) if kind != "prints"]
        )
