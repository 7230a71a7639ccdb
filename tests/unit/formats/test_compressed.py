"""The writer of compressed text."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from memory_store import KeptSink

from synthpower import Inventory, Readings
from synthpower.formats import find_format
from synthpower.formats.buffers import Buffers
from synthpower.formats.compressed import CompressedWriter, as_text
from synthpower.formats.interface import Certainty, Options
from synthpower.formats.text.formats import Csv
from synthpower.model.grid import Part
from synthpower.storage import Sink


def readings(**options: Any) -> Readings:
    return Readings(Inventory.generate(50, seed=1), "2023-02-27", seed=1, **options)


def written(made: Readings, options: Options, chunk_rows: int = 300) -> bytes:
    writer = Csv(chunk_rows).writer(made.specification, made.inventory, options)
    sink = KeptSink()
    with writer.open(made.specification, sink) as write:
        for chunk in writer.grid.chunks():
            write(writer.render(chunk, made.specification.start, Buffers()).data)
    return b"".join(sink.views)


def members(data: bytes) -> Iterator[bytes]:
    while data:
        one = zlib.decompressobj(wbits=31)
        yield one.decompress(data)
        data = one.unused_data


@pytest.mark.parametrize("implementation", ["fast", "pyarrow"])
def test_the_text_is_that_of_the_writer_that_is_wrapped(implementation: str) -> None:
    made = readings()
    plain = written(made, Options(implementation))
    assert gzip.decompress(written(made, Options(implementation, "gzip"))) == plain


def test_a_header_and_each_chunk_are_members_of_whole_rows() -> None:
    made = readings()
    found = list(members(written(made, Options(compression="gzip"))))
    assert found[0] == written(made, Options()).partition(b"\n")[0] + b"\n"
    assert [member.count(b"\n") for member in found[1:]] == [300] * 8
    assert all(member.endswith(b"\n") for member in found)


def test_a_file_of_no_readings_and_no_header_is_a_file_all_the_same() -> None:
    class Bare:
        grid = readings().specification.grid(50, 300)

        @contextmanager
        def open(self, _: object, sink: Sink) -> Iterator[Callable[[Any], object]]:
            yield sink.write

    bare: Any = Bare()
    sink = KeptSink()
    with CompressedWriter(bare, gzip.compress).open(readings().specification, sink):
        pass
    assert sink.views
    assert gzip.decompress(b"".join(sink.views)) == b""


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
@pytest.mark.parametrize("part", [Part(1, 1), Part(3, 7), Part(1, 2000)])
def test_the_size_is_about_what_it_will_be(codec: str, part: Part) -> None:
    made, options = readings(part=part), Options(compression=codec)
    writer = Csv(300).writer(made.specification, made.inventory, options)
    size = writer.size(made.specification)
    assert size.certainty is Certainty.ABOUT
    assert size.bytes == pytest.approx(len(written(made, options)), rel=0.2)
    plain = Csv(300).writer(made.specification, made.inventory, Options())
    assert writer.estimate(made.specification) == plain.estimate(made.specification)


def test_only_compressed_text_is_compared_as_text() -> None:
    files: Any = object()
    csv, parquet = find_format("csv"), find_format("parquet")
    assert as_text(files, csv, Options()) == (files, Options())
    zstd = Options(compression="zstd")
    assert as_text(files, parquet, zstd) == (files, zstd)
    text, options = as_text(files, csv, zstd)
    assert text is not files
    assert options == Options()
