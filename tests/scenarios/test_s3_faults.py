"""Whatever an S3 server does to a run: no half object, and the next run finishes it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from long.s3_faults import KINDS, SHARE, Faults, disturbed


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    with disturbed() as server:
        yield Faults(server, "csv")


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_fails_leaves_no_half_object(faults: Faults, kind: str) -> None:
    for on, skip in (("part", 7), ("complete", 1)):
        faults.fail(on, kind, skip=skip)


def test_a_tenth_of_all_requests_may_fail(faults: Faults) -> None:
    assert faults.fail("part|complete|head|list|get", "503", share=SHARE) != "was not reached"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_whole_objects(faults: Faults, number: int) -> None:
    faults.kill(number, slow=True)
