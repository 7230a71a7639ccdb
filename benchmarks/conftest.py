"""What benchmarks share: their sizes, their servers and specifications, the one way to measure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from synthpower import Inventory, Measurement, Specification
from synthpower.formats import FORMATS, find_format
from synthpower.formats.interface import FAST, PYARROW, Options

SERVERS = {"tiny": 50, "full": 100_000}
ROW = "power,sn={sn:tag} {name:tag}={measurement_value} {end_time:ns}"

Measure = Callable[..., Any]
Specify = Callable[..., Specification]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--size", choices=tuple(SERVERS), default="full", help="how many servers")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("python_files", "bench_*.py")


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> int:
    return SERVERS[request.config.getoption("--size")]


@pytest.fixture(scope="session")
def inventory(servers: int) -> Inventory:
    made = Inventory.generate(servers, seed=1)
    _ = made.by_serial  # sorted here, not in the first benchmark
    return made


@pytest.fixture(scope="session")
def specify() -> Specify:
    """Return a maker of specifications: 24 hours of two measurements."""

    def specification(day: int = 1, fuzz: int = 0, decimals: int | None = 2) -> Specification:
        measurements = (
            Measurement("server cpu utilization", "%", Decimal(100), decimals),
            Measurement("server power", "W", Decimal(300), decimals),
        )
        return Specification(f"2023-02-{day:02}", measurements, seed=1, fuzz=fuzz)

    return specification


@pytest.fixture
def measure(benchmark: Any) -> Measure:
    """Return a function that times a call making so many rows, and keeps their number."""

    def timed(rows: int, function: Callable[..., Any], *arguments: Any) -> Any:
        benchmark.extra_info["rows"] = rows
        return benchmark(function, *arguments)

    return timed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "options" not in metafunc.fixturenames:
        return
    formats = {name: find_format(name).options for name in FORMATS}
    cases = [
        pytest.param(name, Options(each, row=ROW if "row" in takes else None), id=f"{name}-{each}")
        for name, takes in formats.items()
        for each in ((FAST, PYARROW) if "implementation" in takes else (FAST,))
    ]
    metafunc.parametrize(("format", "options"), cases)
