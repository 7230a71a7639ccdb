"""What Hypothesis draws for the tests that compare with the reference."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a variable here
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from synthpower import Measurement
from synthpower.model.measurement import QUANTITIES

seeds = st.integers(0, 2**63 - 1)
printable = st.characters(exclude_categories=["Cc", "Cs"])
texts = st.text(printable, min_size=1, max_size=8)
serials = st.one_of(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=14), texts)


@st.composite
def measurement(draw: st.DrawFn) -> Measurement:
    decimals = draw(st.none() | st.integers(0, 8) | st.integers(9, 22))
    minimum = Decimal(0)
    if decimals is None:
        scale = draw(st.floats(1e-300, 1e300).map(lambda x: Decimal(repr(x))))
        if draw(st.booleans()):
            low = float(scale) * draw(st.floats(-4, 0.999) | st.floats(-1e-9, 1e-9))
            minimum = Decimal(repr(low))
    else:
        counts = st.integers(1, 2**53) | st.integers(1, 40_000)
        scale = Decimal(draw(counts)).scaleb(-decimals)
        if draw(st.booleans()):  # the minimum, and the scale too, may be within a count
            least = scale - Decimal(draw(counts)).scaleb(-decimals)
            part = Decimal(draw(st.integers(0, 9))).scaleb(-decimals - 1)
            minimum = least + part if least + part < scale else least
    return Measurement(draw(texts), draw(texts), scale, decimals, minimum=minimum)


measurements = st.lists(measurement(), min_size=1, max_size=4, unique_by=lambda m: m.name)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    """Return a date with an interval of few steps, and a fuzz below it."""
    day = draw(
        st.dates(
            min_value=Date.fromisoformat("1970-01-01"), max_value=Date.fromisoformat("9999-12-30")
        )
    ).isoformat()
    if draw(st.booleans()):
        date, interval = day, draw(st.sampled_from([86_400, 43_200, 28_800, 14_400]))
    else:
        date = f"{day}T{draw(st.integers(0, 23)):02d}"
        interval = draw(st.sampled_from([3600, 1800, 900]))
    fuzz = draw(st.just(0) | st.integers(0, interval - 1))
    return {"date": date, "interval": interval, "fuzz": fuzz}


@st.composite
def quantified(draw: st.DrawFn) -> Measurement:
    """Return a measurement that `load` makes; what its scale is makes no difference."""
    quantity = draw(st.sampled_from(list(QUANTITIES)))
    decimals = draw(st.none() | st.integers(0, 3))
    scale = draw(st.sampled_from([Decimal(1), Decimal("0.5"), Decimal(4_320_000)]))
    return Measurement(draw(texts), QUANTITIES[quantity], scale, decimals, quantity)


# In any order, quantities twice or not at all; what has none is uniform.
of_load = st.lists(
    quantified() | quantified() | measurement(), min_size=1, max_size=5, unique_by=lambda m: m.name
).filter(lambda table: any(m.quantity for m in table))

ZONES = [
    "", "UTC", "Europe/Berlin", "America/Chicago", "Asia/Kolkata", "Australia/Sydney",
    "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Africa/Johannesburg",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Monrovia",
]  # fmt: skip
# The first and the last day, and days on which clocks change in some of these zones.
DAYS = [
    "1970-01-01", "9999-12-30", "2023-03-12", "2023-03-26", "2023-04-02", "2023-10-01",
    "2023-10-29", "2023-11-05", "1972-01-07", "2024-02-29",
]  # fmt: skip
CURVES = ["", "Gen9 Intel", "Gen10 Intel", "Gen10 AMD", "Gen10 Plus Intel", "Gen10 Plus AMD"]


@st.composite
def load_spans(draw: st.DrawFn) -> dict[str, Any]:
    """Return a date with an interval: whole slots, parts of one, or neither."""
    dates = st.dates(
        min_value=Date.fromisoformat("1970-01-01"), max_value=Date.fromisoformat("9999-12-30")
    ).map(str)
    day = draw(st.sampled_from(DAYS) | dates)
    if draw(st.booleans()):
        interval = draw(
            st.sampled_from([86_400, 43_200, 7200, 3600, 2700, 1200, 17_280, 3200, 1350, 720, 675])
        )
        date = day
    else:
        date = f"{day}T{draw(st.integers(0, 23)):02d}"
        interval = draw(
            st.sampled_from([3600, 1800, 1200, 900, 600, 300, 150, 100, 60, 45, 720, 450, 400, 225])
        )
    fuzz = draw(st.just(0) | st.integers(0, interval - 1))
    return {"date": date, "interval": interval, "fuzz": fuzz}
