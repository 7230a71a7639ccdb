"""Every benchmark runs once, on a few servers, so that none can rot. Nothing is timed here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

pytestmark = pytest.mark.slow

BENCHMARKS = ROOT / "benchmarks"


def run(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_benchmark_runs() -> None:
    said = run(
        "-m",
        "pytest",
        "benchmarks",
        "--benchmark-disable",
        "--size",
        "tiny",
        "-p",
        "no:cacheprovider",
    )
    assert " passed" in said


def test_the_comparison_runs_and_renders(tmp_path: Path) -> None:
    result, readme = tmp_path / "result.json", tmp_path / "README.md"
    script = BENCHMARKS / "compare.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    readme.write_text("# A\n\n<!-- compare:begin -->\nold\n<!-- compare:end -->\n\nB\n")
    run(script, "--render", "--result", result, "--readme", readme)
    assert json.loads(result.read_text())["runs"]
    assert readme.read_text() == (
        f"# A\n\n<!-- compare:begin -->\n{said}<!-- compare:end -->\n\nB\n"
    )


def test_the_limits_run(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    said = run(
        BENCHMARKS / "limits.py", "--size", "tiny", "--result", result, "--scratch", tmp_path
    )
    assert "| M rows/s |" in said
    assert json.loads(result.read_text())["runs"]


def test_the_value_kernels_run(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    said = run(BENCHMARKS / "value_kernels.py", "--size", "tiny", "--result", result)
    assert "| native | uniform | codes |" in said
    assert json.loads(result.read_text())["runs"]


def test_the_load_speed_runs(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    script = BENCHMARKS / "load_speed.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| one cell alone through `at`, µs |" in said
    assert json.loads(result.read_text())["runs"]


def test_the_formats_speed_runs_and_renders(tmp_path: Path) -> None:
    result, readme = tmp_path / "result.json", tmp_path / "README.md"
    script = BENCHMARKS / "formats_speed.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| Arrow, by pyarrow's writer | " in said
    readme.write_text("<!-- formats_speed:begin -->\n<!-- formats_speed:end -->\n")
    run(script, "--render", "--result", result, "--readme", readme)
    assert said in readme.read_text()


def test_the_totals_speed_runs_and_renders(tmp_path: Path) -> None:
    result, readme = tmp_path / "result.json", tmp_path / "README.md"
    script = BENCHMARKS / "totals_speed.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| without files, by site, M rows/s | " in said
    readme.write_text("<!-- totals_speed:begin -->\n<!-- totals_speed:end -->\n")
    run(script, "--render", "--result", result, "--readme", readme)
    assert said in readme.read_text()


def test_the_path_speed_runs(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    script = BENCHMARKS / "path_speed.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| Parquet | hours | 72 |" in said
    assert json.loads(result.read_text())["runs"]


def test_the_object_storage_runs(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    script = BENCHMARKS / "object_storage.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| Parquet, 208 objects | " in said
    assert json.loads(result.read_text())["runs"]


def test_the_lake_tables_run(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    script = BENCHMARKS / "lake_tables.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| by Polars | " in said
    assert json.loads(result.read_text())["runs"]


def test_the_scaling_runs(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    script = BENCHMARKS / "scaling.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| M rows/s on 16 cores | computing |" in said
    assert json.loads(result.read_text())["runs"]


@pytest.mark.servers
def test_the_databases_run(
    tmp_path: Path, postgres: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("adbc_driver_postgresql", reason="adbc_driver_postgresql is not installed")
    for name, value in postgres.items():
        monkeypatch.setenv(name, value)
    result = tmp_path / "result.json"
    script = BENCHMARKS / "databases.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| DuckDB, a pipe into `read_csv` | " in said
    assert json.loads(result.read_text())["runs"]


@pytest.mark.servers
def test_the_clusters_run_and_render(tmp_path: Path) -> None:
    for package in ("distributed", "pyspark"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    if not shutil.which("java"):
        pytest.skip("Spark needs java, and there is none")
    result, readme = tmp_path / "result.json", tmp_path / "README.md"
    script = BENCHMARKS / "clusters.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| Dask, two workers, 10 files | " in said
    readme.write_text("<!-- clusters:begin -->\n<!-- clusters:end -->\n")
    run(script, "--render", "--result", result, "--readme", readme)
    assert said in readme.read_text()


def test_the_queries_in_the_process_run_and_render(tmp_path: Path) -> None:
    result, readme = tmp_path / "result.json", tmp_path / "README.md"
    script = BENCHMARKS / "in_process.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| one server | polars | " in said
    readme.write_text("<!-- in_process:begin -->\n<!-- in_process:end -->\n")
    run(script, "--render", "--result", result, "--readme", readme)
    assert said in readme.read_text()


def test_the_agreed_job_runs_and_renders(tmp_path: Path) -> None:
    result, readme = tmp_path / "result.json", tmp_path / "README.md"
    script = BENCHMARKS / "agreed_job.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| DuckDB | " in said
    readme.write_text("<!-- agreed_job:begin -->\n<!-- agreed_job:end -->\n")
    run(script, "--render", "--result", result, "--readme", readme)
    assert said in readme.read_text()


def test_the_validate_speed_runs(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    script = BENCHMARKS / "validate_speed.py"
    said = run(script, "--size", "tiny", "--result", result, "--scratch", tmp_path)
    assert "| 10 servers, by the second | parquet |" in said
    assert json.loads(result.read_text())["runs"]


def test_the_realism_runs_and_draws(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    script = BENCHMARKS / "realism.py"
    said = run(script, "--servers", "40", "--result", result, "--scratch", tmp_path)
    assert "| readings below idle | 0 | 0 | yes |" in said
    assert json.loads(result.read_text())


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("compare.py", "benchmarks/README.md"),
        ("limits.py", "benchmarks/README.md"),
        ("limits.py", "README.md"),
        ("load_speed.py", "benchmarks/README.md"),
        ("formats_speed.py", "benchmarks/README.md"),
        ("totals_speed.py", "benchmarks/README.md"),
        ("path_speed.py", "benchmarks/README.md"),
        ("in_process.py", "benchmarks/README.md"),
        ("object_storage.py", "benchmarks/README.md"),
        ("lake_tables.py", "benchmarks/README.md"),
        ("scaling.py", "benchmarks/README.md"),
        ("databases.py", "benchmarks/README.md"),
        ("validate_speed.py", "benchmarks/README.md"),
        ("clusters.py", "benchmarks/README.md"),
        ("agreed_job.py", "benchmarks/README.md"),
        ("agreed_job.py", "README.md"),
        ("realism.py", "benchmarks/README.md"),
        ("value_kernels.py", "benchmarks/README.md"),
    ],
)
def test_the_page_shows_the_committed_result(tmp_path: Path, script: str, page: str) -> None:
    copy = tmp_path / "README.md"
    copy.write_text((ROOT / page).read_text())
    run(BENCHMARKS / script, "--render", "--readme", copy)
    assert copy.read_text() == (ROOT / page).read_text()


def test_readme_says_when_to_use_what_with_the_committed_figures(tmp_path: Path) -> None:
    copy = tmp_path / "README.md"
    copy.write_text((ROOT / "README.md").read_text())
    run(BENCHMARKS / "reach.py", "--readme", copy)
    assert copy.read_text() == (ROOT / "README.md").read_text()
