"""``clickhouse-local`` in so far as docs/RECIPES.md uses it: chdb is the same program in a module.

    … | clickhouse-local --input-format ArrowStream --query "select count() from table"

ClickHouse's own packages are in no registry that the tests may use.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from chdb.session import Session


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-format", required=True)
    parser.add_argument("--table", default="table")
    parser.add_argument("--query", required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "stdin"  # chdb would look at a pipe twice, for the columns first
        with taken.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        session = Session(f"{folder}/session")
        session.query("create database own engine = Atomic")
        session.query("use own")
        session.query(
            f"create table `{args.table}` engine = Memory as "
            f"select * from file('{taken}', {args.input_format})"
        )
        print(str(session.query(args.query, "TSV")), end="")
        session.close()


if __name__ == "__main__":
    main()
