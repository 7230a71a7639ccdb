"""What a reading is worth: the signals, by name.

A signal is one file and one line here. The line says where it is: importing this needs no
arrays, so the command line can name the signals without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from synthpower.errors import InputError, shown

if TYPE_CHECKING:
    from synthpower.signals.interface import Signal

SIGNALS = {
    "uniform": "synthpower.signals.random:Uniform",
    "triangular": "synthpower.signals.random:Triangular",
    "load": "synthpower.signals.load:Load",
}


def find_signal(name: object) -> Signal:
    """Return the signal of that name.

    Raises
    ------
    InputError
        Where there is none.
    """
    if not isinstance(name, str) or name not in SIGNALS:
        raise InputError(f"{shown(name)!r}: choose {', '.join(SIGNALS)}", "signal")
    module, _, attribute = SIGNALS[name].partition(":")
    signal: Signal = getattr(import_module(module), attribute)()
    return signal
