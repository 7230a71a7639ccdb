"""The layers: who may import what, and that nothing points back.

Values, then arrays, then files, then datasets, then the command line. A room imports only rooms
before it, and within a room a module only modules before it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import run_python

import synthpower

SOURCE = Path(synthpower.__file__).parent

# The rooms, and their modules in order. What is not a room is a module of the package itself.
LAYERS = {
    "errors": [],
    "version": [],
    "lazy": [],
    "jit": [
        "types", "notices", "forking", "compiler", "inlined", "digest", "signature", "target",
        "loader", "cache", "kernel", "__init__",
    ],
    "model": [
        "__init__", "measurement", "calendar", "streams", "grid", "columns", "kinds",
        "faults", "specification", "description", "total",
    ],
    "scheduling": [],
    "tables": ["reader", "__init__"],
    "kernels": [
        "philox", "quantity", "offsets", "blocks", "cells", "parse", "judge",
        "pages", "servers", "text", "times", "rows", "pieces",
        "values", "totals", "load_tables", "load_scratch", "load_traits", "load_slots", "load_counts", "load",
        "__init__",
    ],
    "arrays": [],
    "csv_text": [],
    "isolated": [],
    "fleet": ["__init__", "serials", "csv_file", "further", "draw", "fleet"],
    "signals": [
        "quantity", "totals", "interface", "steps", "random", "sites", "local_times", "faults", "load", "__init__",
    ],
    "storage": [
        "interface", "paths", "direct", "local", "stream", "client", "parts", "remote", "places", "__init__",
    ],
    "formats": [
        "__init__", "buffers", "findings", "codecs", "interface", "compressed", "templates", "time_strings", "batches",
        "text_batches", "cells", "provenance",
        "pyarrow_writers", "text.__init__", "text.row", "text.segments", "text.numbers", "text.times", "text.writer",
        "text.explain", "text.formats",
        "parquet.thrift", "parquet.structs", "parquet.file", "parquet.indices", "parquet.times", "parquet.values",
        "parquet.layout", "parquet.provenance", "parquet.truth", "parquet.cells",
        "parquet.explain", "parquet.writer", "parquet.__init__", "arrow.flatbuffer",
        "arrow.messages", "arrow.layout", "arrow.explain", "arrow.writer", "arrow.__init__",
    ],
    "engine": ["workers", "ordered", "chunks", "jobs", "totals", "__init__"],
    "scan": ["__init__", "source", "pruning", "polars_source", "dataset"],
    "dataset": [
        "layout", "paths", "check", "entries", "lake.__init__", "lake.files", "lake.delta", "lake.iceberg",
        "lake.table", "manifest", "prose", "readme", "create", "inventory", "servers",
        "compare", "complete", "request", "plan", "events", "planning", "sql", "totals", "writing", "verify", "rebuild",
        "validate.texts", "validate.numbers",
        "validate.cells", "validate.known", "validate.absences", "validate.intervals",
        "validate.statistics", "validate.lines", "validate.typed", "validate.source", "validate.spans",
        "validate.rows", "validate.readings", "validate.groups", "validate.files", "validate.compared", "validate.child",
        "validate.__init__", "dataset", "__init__",
    ],
    "readings": [],
    "cluster": [],
    "dask": [],
    "spark": [],
    "spark_source": [],
    "cli": [
        "__init__", "terminal", "common", "parser", "data_options", "options", "data", "inventory", "remake", "tables",
        "totals", "verify", "main",
    ],
}  # fmt: skip
ROOMS = list(LAYERS)

# Below datasets nobody knows how a dataset's directory is laid out.
BELOW_DATASETS = ROOMS[: ROOMS.index("dataset")]
NAMES_OF_A_DATASET = ("manifest.json", "README.md", "inventory.csv")

# Libraries that cost time to import, or that share something between threads: rooms, or modules.
ALLOWED = {
    "numba": {"jit", "kernels.blocks", "kernels.text"},
    "llvmlite": {"jit", "kernels.blocks", "kernels.text"},
    "rich": {"cli.terminal"},
    "numpy": {
        "jit", "kernels", "arrays", "fleet", "signals", "storage.direct", "storage.parts", "formats", "engine.totals", "dataset",
        "scan", "readings",
    },
    "pyarrow": {
        "arrays", "csv_text", "fleet", "formats", "dataset.servers", "dataset.validate",
        "scan", "readings", "spark", "spark_source",
    },
    "dask": {"dask"},
    "distributed": {"dask"},
    "pyspark": {"spark", "spark_source"},
    "threading": {"jit.forking"},
    "concurrent": {"engine", "storage.direct", "storage.remote", "jit.forking"},
}  # fmt: skip

# What the command line may use: a dataset, and what is light.
CLI = {
    "synthpower.dataset.check": {"Check"},
    "synthpower.dataset.create": {"check_new_dataset"},
    "synthpower.dataset.dataset": {"Dataset"},
    "synthpower.dataset.inventory": {"Inventory"},
    "synthpower.dataset.lake": {"LAKES"},
    "synthpower.dataset.lake.table": {"LakeTable"},
    "synthpower.dataset.manifest": {"place_of"},
    "synthpower.dataset.plan": {"Plan"},
    "synthpower.dataset.totals": {"GroupTotal"},
    "synthpower.dataset.request": {"END_COLUMNS", "Request"},
    "synthpower.model.columns": {"Column"},
    "synthpower.engine": {"Progress", "Summary"},
    "synthpower.errors": {"InputError", "Notice", "one_line", "shown"},
    "synthpower.formats": {"COMPRESSIONS", "FORMATS"},
    "synthpower.kernels": {"on_notice"},
    "synthpower.model.calendar": {"HOUR"},
    "synthpower.model.grid": {"Part", "WHOLE"},
    "synthpower.model.specification": {"DEFAULT_SIGNAL"},
    "synthpower.model.streams": {"SEED_LIMIT"},
    "synthpower.scheduling": {"array_part"},
    "synthpower.signals": {"SIGNALS"},
    "synthpower.storage": {"Store", "kind_of", "make_directory", "open_store"},
    "synthpower.tables": {
        "TABLES", "read_columns", "read_faults", "read_locations", "read_measurements", "read_server_types",
        "shipped",
    },
    "synthpower.version": {"__version__"},
}  # fmt: skip


def name_of(path: Path) -> str:
    """Return a module's name in the package, as ``formats.parquet.__init__``."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


MODULES = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}
INSIDE = [name for name in MODULES if name not in ("__init__", "__main__")]


def module_of(dotted: str) -> str:
    """Return the module of the package that a dotted name is or is in."""
    name = dotted.removeprefix("synthpower").removeprefix(".")
    package = f"{name}.__init__" if name else "__init__"
    return package if package in MODULES else name


def imports(name: str, typing: bool = True) -> Iterator[tuple[str, str]]:
    """Yield what a module imports, wherever it does: a module, and a name in it or nothing.

    Without `typing` it leaves out what only type checkers import.
    """
    tree = ast.parse(MODULES[name].read_text())
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not typing:
            skipped |= {inner for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            assert not node.level
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                if whole.startswith("synthpower.") and module_of(whole) in MODULES:
                    yield whole, ""
                else:
                    yield node.module, alias.name


def room_of(module: str) -> str:
    return module.partition(".")[0]


def place_of(module: str) -> tuple[int, int]:
    """Return a module's floor and where it is on it."""
    room, _, rest = module.partition(".")
    return ROOMS.index(room), LAYERS[room].index(rest) if rest else 0


def test_every_module_has_its_layer() -> None:
    listed = {
        f"{room}.{module}" for room, modules in LAYERS.items() for module in modules
    } | {room for room, modules in LAYERS.items() if not modules}  # fmt: skip
    package = {
        "__init__",
        "__main__",
        "dataset.validate.__init__",
        "formats.arrow.__init__",
        "formats.parquet.__init__",
    }
    assert set(MODULES) - package == listed - package


@pytest.mark.parametrize("module", INSIDE)
def test_libraries_are_imported_only_where_they_may_be(module: str) -> None:
    for name, _ in imports(module):
        allowed = ALLOWED.get(name.partition(".")[0])
        if allowed is not None:
            parts = module.split(".")
            parents = {".".join(parts[: i + 1]) for i in range(len(parts))}
            assert parents & allowed, name


@pytest.mark.parametrize("module", INSIDE)
def test_no_room_imports_a_later_one(module: str) -> None:
    for name, _ in imports(module):
        if name.partition(".")[0] == "synthpower" and room_of(module_of(name)) != room_of(module):
            assert ROOMS.index(room_of(module_of(name))) < ROOMS.index(room_of(module)), name


@pytest.mark.parametrize("module", INSIDE)
def test_no_module_imports_a_later_one_of_its_room(module: str) -> None:
    for name, _ in imports(module, typing=False):
        other = module_of(name)
        if name.startswith("synthpower.") and room_of(other) == room_of(module):
            assert place_of(other) < place_of(module), name


@pytest.mark.parametrize("module", [name for name in INSIDE if room_of(name) == "cli"])
def test_the_command_line_imports_datasets_and_what_is_light(module: str) -> None:
    for name, what in imports(module):
        if name.partition(".")[0] == "synthpower" and room_of(module_of(name)) != "cli":
            assert what in CLI.get(name, ()), f"{name}: {what}"


def test_the_command_line_imports_all_that_it_is_allowed_to() -> None:
    used = {pair for name in INSIDE if room_of(name) == "cli" for pair in imports(name)}
    assert {(name, what) for name, names in CLI.items() for what in names} <= used


def strings(tree: ast.Module) -> Iterator[str]:
    """Yield the strings of a module that are no docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
        and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(getattr(node, "value", None), str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("module", [name for name in INSIDE if room_of(name) in BELOW_DATASETS])
def test_only_datasets_know_the_names_of_their_files(module: str) -> None:
    for string in strings(ast.parse(MODULES[module].read_text())):
        for name in NAMES_OF_A_DATASET:
            assert name not in string


HEAVY = {"numba", "numpy", "pyarrow", "llvmlite"}
LOADED = f"import sys; print(*sorted({HEAVY!r} & set(sys.modules)))"


@pytest.mark.parametrize(
    "script",
    [
        "import synthpower",
        "import synthpower; synthpower.__version__, dir(synthpower)",
        "import synthpower.cli.main",
        "import synthpower.formats, synthpower.signals, synthpower.storage, synthpower.tables",
        "from synthpower import Column, Location, Measurement, Part, ServerType, Specification",
        "from synthpower import read_locations; read_locations()",
    ],
)
def test_what_needs_no_arrays_imports_none(script: str) -> None:
    assert run_python(f"{script}\n{LOADED}").stdout.strip() == ""


@pytest.mark.parametrize("command", [[], ["data"], ["inventory"], ["verify"], ["tables"]])
def test_help_imports_no_arrays(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "synthpower", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "synthpower.cli.main" in imported
    assert imported & HEAVY == set()


def test_every_public_name_can_be_had() -> None:
    for name in synthpower.__all__:
        assert getattr(synthpower, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Readngs'"):
        _ = synthpower.Readngs
