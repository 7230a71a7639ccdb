"""The walls of the house: who may import what, and that nothing points back."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import synthpower

SOURCE = Path(synthpower.__file__).parent

# The one way through; a room imports only rooms above it. kernels/ imports none.
ROOMS = [
    "errors", "lazy", "workers", "streams", "catalog", "storage", "specification", "grid", "kernels",
    "arrow", "csv_text",
    "dataset", "inventory", "signals", "templates", "batches", "writers", "generate", "origins",
    "verify", "remake", "conformance", "readings", "options", "terminal", "commands", "cli",
]  # fmt: skip

GUESTS = {
    "numba": {"kernels"},
    "llvmlite": {"kernels"},
    "rich": {"terminal"},
    "pyarrow": {
        "arrow",
        "csv_text",
        "inventory",
        "templates",
        "batches",
        "writers",
        "origins",
        "verify",
        "readings",
        "conformance",
    },
    "threading": {"generate", "kernels"},
    "concurrent": {"generate", "storage"},
}

MODULES = [path for path in SOURCE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")]
MODULES += [SOURCE / room / "__init__.py" for room in ("catalog", "kernels", "writers")]


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "synthpower":
            found |= {f"synthpower.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_guests_come_only_into_their_rooms(path: Path) -> None:
    for name in imports(path):
        allowed = GUESTS.get(name.partition(".")[0])
        assert allowed is None or room(path) in allowed, name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_points_back(path: Path) -> None:
    own = room(path)
    for name in imports(path):
        first, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if first != "synthpower" or other in ("", "__version__", own):
            continue
        assert own != "kernels", name
        assert ROOMS.index(other) < ROOMS.index(own), name
