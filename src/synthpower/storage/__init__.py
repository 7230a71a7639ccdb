"""Where files go and come from: stores, whose files appear whole or not at all.

`Store` and `Sink` are the seam: a directory (`LocalStore`), and one stream (`StreamStore`).
"""

from synthpower.storage.interface import Blocks, Files, Sink, Store
from synthpower.storage.local import LocalStore, remove_own
from synthpower.storage.paths import (
    STDOUT,
    check_directory,
    check_new_directory,
    check_output,
    make_directory,
)
from synthpower.storage.stream import StreamStore, locate

__all__ = [
    "STDOUT",
    "Blocks",
    "Files",
    "LocalStore",
    "Sink",
    "Store",
    "StreamStore",
    "check_directory",
    "check_new_directory",
    "check_output",
    "locate",
    "make_directory",
    "remove_own",
]
