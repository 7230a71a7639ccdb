"""What a reading is worth: the signals, by name.

A signal is one file and one line here. The line says where it is: importing this needs no
arrays, so the command line can name the signals without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from synthpower.errors import InputError, shown
from synthpower.model.columns import LOCAL, further_columns
from synthpower.model.kinds import TIME_ZONE

if TYPE_CHECKING:
    from synthpower.fleet.fleet import Fleet
    from synthpower.model.description import FleetRecord
    from synthpower.model.specification import Specification
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


def completed(specification: Specification, fleet: Fleet) -> Specification:
    """Return a specification with what it takes of a fleet, and nothing that its signal ignores.

    Raises
    ------
    InputError
        Where the signal cannot make it, or a column holds what the fleet's tables do not have.
    """
    specification = find_signal(specification.signal).complete(specification, fleet)
    fleet.further.check(
        further_columns(specification.columns),
        [name for m in specification.measurements for name, _ in m.facts],
    )
    if any(column.format == LOCAL for column in specification.columns):
        from synthpower.signals.sites import with_local_times

        return with_local_times(specification, fleet)
    return specification


def fleet_record(specification: Specification, fleet: Fleet) -> FleetRecord:
    """Return what the record of a file says of its fleet."""
    return fleet.record(facts_of(specification), further_columns(specification.columns))


def facts_of(specification: Specification) -> tuple[str, ...]:
    """Return the facts of server types and locations that values and local times depend on."""
    local = any(column.format == LOCAL for column in specification.columns)
    facts = find_signal(specification.signal).facts
    return tuple(dict.fromkeys((*facts, TIME_ZONE) if local else facts))
