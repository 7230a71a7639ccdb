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


def test_the_commands_of_readme_run(tmp_path: Path, environment: dict[str, str]) -> None:
    """Its short recipes, and those of its table of uses, in the dataset that it makes first."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    first = re.search(r"<!-- first -->\n```sh\n(.*?)```", readme, re.DOTALL)
    recipes = re.findall(r"<!-- recipe -->\n```sh\n(.*?)```", readme, re.DOTALL)
    uses = re.findall(r"^\| .* \| `(synthpower .*)` \|$", readme, re.MULTILINE)
    assert first
    assert len(recipes) == 7
    assert len(uses) == 11
    made = first[1].partition("\n")[2].replace(".venv/bin/", "")
    others = """
        mkdir fixture theirs
        cp power/README.md power/manifest.json fixture
        cp power/README.md power/*.csv power/data-2023-02-2[78].parquet theirs
        rm theirs/data-*.csv
    """
    month, *rest = (use.replace("\\|", "|").replace("consumer", "wc -l") for use in uses)
    for code in (made, *recipes, month, others, *rest):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"


def test_every_section_runs_something() -> None:
    for title, text in SECTIONS.items():
        assert any(kind == "prints" for kind, _ in BLOCK.findall(text)), title
        assert text.count("```sh\n") + text.count("```python\n") == len(
            [kind for kind, _ in BLOCK.findall(text) if kind != "prints"]
        )
