"""Files written by Spark: they are a threaded run's, and Spark reads them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support import contents, names, names_in

import synthpower.spark
from synthpower import Dataset, InputError, Inventory, Request

pytestmark = [
    pytest.mark.servers,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

DAY = "2023-02-27"
SEED = 8123


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """A session of two cores on this machine."""
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("Spark needs java, and there is none")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        sql.SparkSession.builder.master("local[2]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.python.task.killTimeout", "100ms")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    yield session
    session.stop()
    del os.environ["PYSPARK_PYTHON"]


def made(folder: Path, servers: int = 50) -> Dataset:
    return Dataset.create(folder, Inventory.generate(servers, seed=SEED))


@pytest.mark.parametrize(
    "request_",
    [
        Request(DAY, shards=4, interval=600, format="parquet"),
        Request(DAY, days=10, interval=1800, fuzz=60),
    ],
)
def test_the_files_are_a_threaded_runs(spark: Any, tmp_path: Path, request_: Request) -> None:
    dataset = made(tmp_path / "power")
    finished: list[str] = []
    summaries = synthpower.spark.write(
        spark, dataset, request_, finished=lambda file: finished.append(file.name)
    )
    other = made(tmp_path / "other")
    expected = other.write(other.plan(request_))
    assert [each._replace(path="", seconds=0) for each in summaries] == [
        each._replace(path="", seconds=0) for each in expected
    ]
    assert sorted(finished) == sorted(each.name for each in expected)
    assert contents(tmp_path / "power") == contents(tmp_path / "other")
    assert all(check.passed for check in dataset.verify())


def test_spark_reads_what_it_has_written(spark: Any, tmp_path: Path) -> None:
    dataset = made(tmp_path / "power")
    synthpower.spark.write(spark, dataset, Request(DAY, shards=4, format="parquet"))
    reader = spark.read.option("pathGlobFilter", "data-*.parquet")
    reader.parquet(str(tmp_path / "power")).createOrReplaceTempView("readings")
    assert spark.sql(dataset.totals_query("spark", "readings")).collect() == []
    rows = spark.sql("select count(*), count(distinct sn) from readings").collect()
    assert [tuple(row) for row in rows] == [(50 * 24 * 2, 50)]


def test_what_is_whole_is_left_alone(spark: Any, tmp_path: Path) -> None:
    request = Request(DAY, shards=4, format="parquet")
    synthpower.spark.write(spark, made(tmp_path / "power"), request)
    before = contents(tmp_path / "power")
    (tmp_path / "power" / "data-2023-02-27-00002-of-00004.parquet").unlink()
    again = synthpower.spark.write(spark, Dataset.open(tmp_path / "power"), request)
    assert [each.name for each in again] == ["data-2023-02-27-00002-of-00004.parquet"]
    assert contents(tmp_path / "power") == before


def test_an_error_of_an_executor_is_one_line(spark: Any, tmp_path: Path) -> None:
    folder = tmp_path / "power"
    dataset = made(folder)
    plan = dataset.plan(Request(DAY, days=4))
    (folder / "data-2023-03-02.csv").write_text("another\n")
    with pytest.raises(InputError) as found:
        synthpower.spark.write(spark, dataset, plan)
    assert str(found.value) == f"{folder}/data-2023-03-02.csv exists; overwrite=True replaces it"
    assert names_in(folder) == names(folder)


def test_readings_that_were_never_written_are_read(spark: Any, tmp_path: Path) -> None:
    from synthpower.spark_source import register

    register(spark)
    dataset = made(tmp_path / "power")
    source = spark.read.format("synthpower").option("date", DAY).option("interval", "600")
    source.load(str(tmp_path / "power")).createOrReplaceTempView("readings")
    synthpower.spark.write(spark, dataset, Request(DAY, interval=600))
    assert (
        spark.sql(dataset.totals_query("spark", "readings", ["location", "hour"])).collect() == []
    )

    few = source.option("columns", "location, measurement_value").option("partitions", "3")
    frame = few.load(str(tmp_path / "power"))
    assert frame.columns == ["location", "measurement_value"]
    assert frame.rdd.getNumPartitions() == 3
    assert frame.count() == 50 * 144 * 2


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("columns", "sn,power", "power"),
        ("interval", "a", "'a' is not a whole number"),
        ("seed", "", "the dataset has none yet; give one"),
        ("intervall", "600", "intervall: the options are path, date"),
    ],
)
def test_a_wrong_option_of_the_source_is_named(
    spark: Any, tmp_path: Path, option: str, value: str, said: str
) -> None:
    from pyspark.errors import PySparkException

    from synthpower.spark_source import register

    register(spark)
    made(tmp_path / "power")
    if option == "seed":  # each partition would draw one of its own
        (tmp_path / "power" / "manifest.json").unlink()
        (tmp_path / "power" / "README.md").unlink()
    given = {"date": DAY, option: value} if value else {"date": DAY}
    source = spark.read.format("synthpower").options(**given)
    with pytest.raises(PySparkException, match=said):
        source.load(str(tmp_path / "power"))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ('exec "{}" -S "$@"', "No module named 'pyarrow'"),
        ('exec "{}" -I -S "$@"', "No module named 'pyspark'"),
        (None, 'Cannot run program "'),
    ],
)
def test_executors_of_another_python_are_one_line(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None, said: str
) -> None:
    other = tmp_path / "python"
    if program:
        other.write_text(f"#!/bin/sh\n{program.format(sys.executable)}\n")
        other.chmod(0o755)
    monkeypatch.setattr(spark.sparkContext, "pythonExec", str(other))
    with pytest.raises(OSError, match="another Python") as found:
        synthpower.spark.write(spark, made(tmp_path / "power"), Request(DAY))
    line = str(found.value)
    assert len(line.splitlines()) == 1
    assert line.startswith(
        f"Spark's executors run another Python, or one without synthpower: {said}"
    )
    assert line.endswith("; set PYSPARK_PYTHON before the session is made")


def test_after_an_interrupt_the_same_call_goes_on(spark: Any, tmp_path: Path) -> None:
    folder = tmp_path / "power"
    dataset = made(folder, 3000)
    request = Request(DAY, days=10, interval=300, compression="gzip")

    def interrupt() -> None:
        while not any(folder.glob("data-*")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as pool, pytest.raises(KeyboardInterrupt):
        pool.submit(interrupt)
        synthpower.spark.write(spark, dataset, request)
    end = time.monotonic() + 20
    while spark.sparkContext.statusTracker().getActiveJobsIds() and time.monotonic() < end:
        time.sleep(0.1)
    whole = [*folder.glob("data-*")]
    assert 1 <= len(whole) < 10
    rest = synthpower.spark.write(spark, Dataset.open(folder), request)
    assert len(rest) < 10
    other = made(tmp_path / "other", 3000)
    other.write(other.plan(request))
    assert contents(folder) == contents(tmp_path / "other")
