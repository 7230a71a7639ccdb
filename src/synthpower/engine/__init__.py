"""Threads: chunks ahead of their writing, in order; jobs -> files."""

from synthpower.engine.chunks import chunks_ahead, rendering
from synthpower.engine.jobs import Job, Progress, Run, Summary
from synthpower.engine.ordered import in_order
from synthpower.engine.totals import add_up
from synthpower.engine.workers import available_workers, checked_workers

__all__ = [
    "Job",
    "Progress",
    "Run",
    "Summary",
    "add_up",
    "available_workers",
    "checked_workers",
    "chunks_ahead",
    "in_order",
    "rendering",
]
