"""Where files go and come from: stores, whose files appear whole or not at all.

`Store` and `Sink` are the seam: a directory (`LocalStore`), a prefix of a bucket (`ObjectStore`),
and one stream (`StreamStore`). `open_store` and `locate` say which of them an address is in.
"""

from synthpower.storage.interface import Blocks, Files, Sink, Store
from synthpower.storage.local import LocalStore, remove_own
from synthpower.storage.paths import STDOUT, check_output, make_directory
from synthpower.storage.places import (
    Address,
    address,
    check_file,
    folders_above,
    kind_of,
    locate,
    open_store,
    read_all,
    same_place,
)
from synthpower.storage.remote import ObjectStore
from synthpower.storage.stream import StreamStore

__all__ = [
    "STDOUT",
    "Address",
    "Blocks",
    "Files",
    "LocalStore",
    "ObjectStore",
    "Sink",
    "Store",
    "StreamStore",
    "address",
    "check_file",
    "check_output",
    "folders_above",
    "kind_of",
    "locate",
    "make_directory",
    "open_store",
    "read_all",
    "remove_own",
    "same_place",
]
