"""What an Arrow file says of its making, read from its footer: no library has a part in it.

Whatever the bytes, nothing but `InputError` (or `OSError`) comes out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from itertools import islice
from typing import BinaryIO

from synthpower.errors import InputError
from synthpower.formats.arrow.flatbuffer import FlatbufferError, Table
from synthpower.formats.arrow.messages import MAGIC
from synthpower.formats.interface import Option, Options, Provenance, word_of
from synthpower.formats.provenance import METADATA_KEY, record_in
from synthpower.model.description import load_json

CREATED_BY_KEY, OPTIONS_KEY = "created_by", "options"

_TAIL = 4 + len(MAGIC)  # bytes: the footer's size, and the magic
_MOST_FOOTER = 2**27  # bytes; a file of a million record batches has 24 MB
_MOST_PAIRS = 1000  # of metadata
_FOOTER_SCHEMA, _SCHEMA_PAIRS, _KEY, _VALUE = 1, 2, 0, 1  # slots


def provenance_of(file: BinaryIO, options: Mapping[str, Option]) -> Provenance:
    """Return what a file says, with those of the options that there are."""
    said = _metadata(file)
    return Provenance(
        record_in(said.get(METADATA_KEY.encode())),
        _options(said.get(OPTIONS_KEY.encode(), b"{}"), options),
        said.get(CREATED_BY_KEY.encode(), b"").decode("utf-8", "backslashreplace"),
    )


def options_text(options: Options) -> str:
    """Return the options that are given, as a file says them."""
    given = {word_of(field): value for field, value in options.given().items()}
    return json.dumps(given, sort_keys=True)


def _options(text: bytes, known: Mapping[str, Option]) -> Options:
    try:
        said = load_json(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InputError("it does not say how it was written")
    given = {field: said[word_of(field)] for field in known if word_of(field) in said}
    if len(given) < len(said) or not all(known[f].takes(value) for f, value in given.items()):
        raise InputError("it was written in a way that this program does not know")
    return Options(**given)


def _metadata(file: BinaryIO) -> dict[bytes, bytes]:
    """Return the metadata of the schema in a file's footer."""
    file.seek(0)
    begins = file.read(len(MAGIC)) == MAGIC
    whole = file.seek(0, os.SEEK_END)
    file.seek(max(0, whole - _TAIL))
    tail = file.read(_TAIL)
    if not begins or not tail.endswith(MAGIC) or whole < 8 + _TAIL:
        end = "end" if begins else "begin"
        raise InputError(f"it is not a whole Arrow file: it does not {end} with {MAGIC.decode()}")
    size = int.from_bytes(tail[:4], "little")
    if not 0 < size <= min(whole - 8 - _TAIL, _MOST_FOOTER):
        raise InputError(f"it is not a whole Arrow file: a footer of {size:,} bytes")
    file.seek(whole - _TAIL - size)
    try:
        schema = Table(file.read(size)).table(_FOOTER_SCHEMA)
        pairs = islice(schema.tables(_SCHEMA_PAIRS), _MOST_PAIRS) if schema else ()
        return {pair.string(_KEY): pair.string(_VALUE) for pair in pairs}
    except FlatbufferError as error:
        raise InputError(f"its footer cannot be read: {error}") from None
