"""Seed -> key -> stream: every random number's key and coordinate is defined here.

A value is a pure function of its coordinates. Philox4x32-10 (Salmon et al.,
"Parallel random numbers: as easy as 1, 2, 3", SC 2011) turns a 128-bit counter
under a 64-bit key into 128 random bits, so there is no state and no order:

=============  ===================================  ==========================
what           key = ``stream_key(...)``            counter, as two 64-bit words
=============  ===================================  ==========================
a value        seed, ``VALUE``, measurement name    server key, epoch seconds
a late step    seed, ``FUZZ``                       server key, epoch seconds
serial number  seed, ``SERIAL``                     half of the index, round
server type    seed, ``SERVER_TYPE``                server index, 0
location       seed, ``LOCATION``                   server index, 0
load           seed, ``LOAD_...``, and of a site    see docs/LOAD.md
               its name
=============  ===================================  ==========================

A 64-bit word enters the counter, and the key, low half first.
"""

from __future__ import annotations

import hashlib
import secrets

SEED_LIMIT = 2**63
DRAWN_SEED_LIMIT = 2**53  # any JSON reader keeps such a number whole

VALUE = b"value"
FUZZ = b"fuzz"
SERIAL = b"serial"
SERVER_TYPE = b"server type"
LOCATION = b"location"
LOAD_SERVER = b"load server"
LOAD_SITE = b"load site"
LOAD_FAULT = b"load fault"
LOAD_STATES = (b"load hour", b"load 4 hours", b"load 32 hours", b"load slots", b"load meter")
CUSTOMER_ID = b"customer id"
SERVER = b"server"

_PERSON = b"synthpower"
_HASHED = 1 << 63  # packed keys are below 37**12 < 2**63: the two kinds never meet


def _digest(purpose: bytes, message: bytes, size: int) -> bytes:
    """BLAKE2b (RFC 7693), personalised, the purpose ended by a NUL that no purpose contains."""
    return hashlib.blake2b(purpose + b"\0" + message, digest_size=size, person=_PERSON).digest()


def stream_key(seed: int, purpose: bytes, name: str = "") -> int:
    """Return the 64-bit Philox key of a stream.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**63.
    purpose : bytes
        One of this module's constants: no two purposes share a stream.
    name : str
        The measurement's name, for `VALUE`; the site's, for `LOAD_SITE`.

    Returns
    -------
    int
        BLAKE2b-64 of purpose, NUL, the seed in eight bytes and the name in UTF-8.
    """
    message = seed.to_bytes(8, "little") + name.encode()
    return int.from_bytes(_digest(purpose, message, 8), "little")


def hashed_server_key(sn: str) -> int:
    """Return the key of a serial number that cannot be packed (see `kernels.fill_server_keys`)."""
    return int.from_bytes(_digest(SERVER, sn.encode(), 8), "little") | _HASHED


def customer_id(seed: int) -> str:
    """Return the synthesized GLCP user ID of a seed: 32 lower-case hex digits."""
    return _digest(CUSTOMER_ID, seed.to_bytes(8, "little"), 16).hex()


def draw_seed() -> int:
    """Return a seed drawn from the system, below 2**53."""
    return secrets.randbelow(DRAWN_SEED_LIMIT)
