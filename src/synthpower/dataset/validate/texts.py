"""Columns of text: which of the known texts each row has, and what it says.

A column is `Texts`, bytes and where each row's begin and end, or `CodedTexts`, each different text
once and which of them each row has.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import as_array, as_numpy, string_buffers

Flags = NDArray[np.bool_]
Codes = NDArray[np.int32]

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
_PADDING = np.zeros(kernels.PADDED, np.uint8)


class KnownTexts:
    """Texts that are known, and a table to find them by."""

    def __init__(self, strings: pa.StringArray) -> None:
        self.strings = strings
        texts = plain_texts(strings)
        self.data = texts.data
        self.offsets = np.append(texts.begins, texts.ends[-1:]) if len(texts) else texts.begins
        self.slots = np.empty(1 << (2 * len(strings)).bit_length(), np.int32)
        kernels.fill_slots(self.data, self.offsets, self.slots)


class Texts:
    """Bytes, and where each row's text begins and ends in them; an empty text is none.

    Parameters
    ----------
    data : (bytes,) uint8
        With PADDED bytes behind the last text.
    begins, ends : (rows,) int32
        Ascending.
    """

    def __init__(self, data: NDArray[np.uint8], begins: Codes, ends: Codes) -> None:
        self.data, self.begins, self.ends = data, begins, ends

    def __len__(self) -> int:
        return self.begins.size

    def __getitem__(self, row: int) -> str | None:
        text = self.data[self.begins[row] : self.ends[row]].tobytes()
        return text.decode("utf-8", "backslashreplace") or None

    @property
    def absent(self) -> Flags:
        """Which rows have none."""
        found: Flags = self.begins == self.ends
        return found

    def find(self, known: KnownTexts) -> Codes:
        """Return the index of each row's text among the known ones, -1 where it is none."""
        found = np.empty(len(self), np.int32)
        kernels.find_texts(
            self.data, self.begins, self.ends, known.data, known.offsets, known.slots, found
        )
        return found

    def others(self, known: KnownTexts, own: Codes, things: Codes) -> Flags:
        """Return which rows have another text than that of the thing that they are of.

        Parameters
        ----------
        known : KnownTexts
        own : (things,) int32
            Which of the known texts each thing has; of equal ones the first.
        things : (rows,) int32
            Which thing each row is of. Below 0 it is of none, and its text is not looked at.
        """
        found = np.empty(len(self), np.bool_)
        kernels.compare_texts(
            self.data, self.begins, self.ends, known.data, known.offsets, own, things, found
        )
        return found

    def at(self, rows: NDArray[np.int64]) -> pa.StringArray:
        """Return the texts of some rows."""
        # What is between two rows' texts is a text too.
        offsets = np.append(np.column_stack([self.begins, self.ends]), self.ends[-1:])
        buffers = pa.py_buffer(offsets), pa.py_buffer(self.data)
        return pa.StringArray.from_buffers(2 * len(self), *buffers).take(as_array(2 * rows))


class CodedTexts:
    """Each different text once, and which of them each row has."""

    def __init__(self, encoded: pa.DictionaryArray) -> None:
        self._texts = plain_texts(encoded.dictionary)
        # One more, for rows that have none.
        self._codes = as_numpy(pc.fill_null(encoded.indices, len(encoded.dictionary)))

    def __len__(self) -> int:
        return self._codes.size

    def __getitem__(self, row: int) -> str | None:
        code = int(self._codes[row])
        return self._texts[code] if code < len(self._texts) else None

    def find(self, known: KnownTexts) -> Codes:
        """Return the index of each row's text among the known ones, -1 where it is none."""
        found: Codes = np.append(self._texts.find(known), np.int32(-1))[self._codes]
        return found

    def others(self, known: KnownTexts, own: Codes, things: Codes) -> Flags:
        """Return which rows have another text than that of the thing that they are of."""
        right = np.append(own, np.int32(-1))[things]
        found: Flags = (self.find(known) != right) & (things >= 0)
        return found


TextColumn = Texts | CodedTexts


def plain_texts(strings: pa.StringArray) -> Texts:
    """Return an array's strings, null as empty ones."""
    data, offsets = string_buffers(strings)
    first, last = int(offsets[0]), int(offsets[-1])
    offsets = offsets - np.int32(first)
    return Texts(np.concatenate([data[first:last], _PADDING]), offsets[:-1], offsets[1:])


def repeated(text: str, rows: int) -> Texts:
    """Return the same text for each row."""
    data = np.frombuffer(text.encode() + _PADDING.tobytes(), np.uint8)
    ends = np.full(rows, data.size - kernels.PADDED, np.int32)
    return Texts(data, np.zeros(rows, np.int32), ends)


def texts_of(strings: pa.Array) -> CodedTexts:
    """Return strings of any Arrow type; `pyarrow.ArrowInvalid` where they are no UTF-8."""
    if strings.type == _DICTIONARY and not strings.dictionary.null_count:
        encoded = strings
    else:
        if strings.type != pa.string():
            strings.validate(full=True)
            strings = strings.cast(pa.string())
        encoded = strings.dictionary_encode()
    encoded.validate(full=True)  # a damaged file's indices may point anywhere
    return CodedTexts(encoded)
