"""The numbers of a text: all texts there can be, or counts whose digits are worked out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.model.columns import Column
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals import find_signal
from synthpower.signals.quantity import NULLS, Numbers, ValueDictionary, value_dictionary
from synthpower.signals.totals import Totals

_LONGEST_DOUBLE = 23  # as in 2.2250738585072014e-308


class NumberTexts:
    """The numbers of files that differ in their date only, as the kernels of text take them.

    Parameters
    ----------
    specification : Specification
    fleet : Fleet
    absent : bytes
        What stands for one that is not there.

    Attributes
    ----------
    quantities : Quantities
    texts : (bytes,) uint8
        All numbers' texts; empty where these are worked out.
    absent : (NUMBER + PADDING,) uint8
    decimals : (2, measurements) int64
        Of doubles, and of floats.
    render_rows, render_pieces : kernel
    """

    def __init__(self, specification: Specification, fleet: Fleet, absent: bytes) -> None:
        self._specification = specification
        self._signal = find_signal(specification.signal).bind(specification, fleet)
        self.quantities = quantities = self._signal.quantities
        dictionary = value_dictionary(quantities)
        if max(map(_longest_number, quantities.numbers)) >= kernels.NUMBER:
            dictionary = None
        self._null = dictionary.size if dictionary else NULLS[np.dtype(np.int64)]
        self._in_steps = not dictionary and bool((quantities.steps > 1).any())
        zeros = np.zeros(quantities.steps.size, np.uint64)
        self._firsts = dictionary.firsts if dictionary else zeros
        self.absent = np.zeros(kernels.NUMBER + kernels.PADDING, np.uint8)
        self.absent[: len(absent)] = np.frombuffer(absent, np.uint8)
        self.absent[kernels.NUMBER - 1] = len(absent)
        self.texts = self._known(dictionary) if dictionary else np.empty(0, np.uint8)
        floats = np.where(quantities.decimals < 0, kernels.FLOAT_DECIMALS, quantities.decimals)
        self.decimals = np.stack([quantities.decimals, floats])
        self.render_rows: Any
        self.render_pieces: Any
        if dictionary:
            self.render_rows = kernels.render_known_rows
            self.render_pieces = kernels.render_known_pieces
        elif min(quantities.decimals) >= 0 and not quantities.first_counts.any():
            self.render_rows = kernels.render_decimal_rows
            self.render_pieces = kernels.render_decimal_pieces
        else:
            self.render_rows = kernels.render_any_rows
            self.render_pieces = kernels.render_any_pieces

    def counts(
        self, chunk: Chunk, start: int, buffers: Buffers
    ) -> tuple[NDArray[np.int64], Totals]:
        """Return what the kernels are given of a chunk: places in `texts`, or counts.

        With it, what the readings come to.
        """
        shape = chunk.steps, chunk.servers, self.quantities.steps.size
        counts = buffers.array("counts", shape, np.int64)
        totals = self._signal.counts(chunk, start, self._firsts, counts)
        if self.quantities.nullable:
            counts[counts < 0] = self._null  # the place of the text of what is absent
        if self._in_steps:
            counts *= self.quantities.steps
        return counts, totals

    def place(self, column: Column) -> int:
        """Return which measurement a column has the value of; 0 where each row has its own."""
        names = [m.name for m in self._specification.measurements]
        name = column.field.measurement
        return 0 if name is None else names.index(name)

    def longest(self, column: Column) -> int:
        """Return the bytes that the numbers of a column have for a server and a time, at most."""
        chosen = self._specification.measurements_in(column)
        pairs = zip(self._specification.measurements, self.quantities.numbers, strict=True)
        lengths = [_longest_number(number) for m, number in pairs if m in chosen]
        absent = int(self.absent[kernels.NUMBER - 1]) if self.quantities.nullable else 0
        return sum(max(absent, length) for length in lengths)

    def _known(self, dictionary: ValueDictionary) -> NDArray[np.uint8]:
        """Return the texts of all counts, in the order of their codes, and of what is absent."""
        texts = [
            kernels.count_texts(count, decimals, step, first).reshape(-1)
            for (decimals, step, first), count in dictionary.counts.items()
        ]
        return np.concatenate([*texts, self.absent])


def _longest_number(numbers: Numbers) -> int:
    if numbers.decimals is None or numbers.max_count is None:
        return _LONGEST_DOUBLE + (numbers.minimum < 0)
    ends = numbers.first, numbers.first + numbers.max_count * numbers.step
    whole = max(len(str(abs(end) // 10**numbers.decimals)) + (end < 0) for end in ends)
    return whole + bool(numbers.decimals) + numbers.decimals
