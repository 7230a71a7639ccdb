"""obstore's client of a URL, and what it says when something is wrong."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from synthpower.errors import InputError, shown

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

T = TypeVar("T")

SCHEMES = {"s3": "AWS", "gs": "GOOGLE", "abfs": "AZURE", "abfss": "AZURE", "az": "AZURE"}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_TRUE = ("true", "1", "yes", "on")
_REQUEST = "10min"  # what a part may take: 8 MiB at 14 kB/s
_RETRY: Any = None  # as obstore does it: ten times in three minutes
_FIRST_TRIES = 4  # and at most so many seconds, until a wrong address is an error
_FIRST_SECONDS = 15

_process: list[int] = []  # the one that obstore's threads are in: a fork of it has none of them
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # and what is not UTF-8


def check_url(url: str) -> None:
    """Raise `InputError` unless a URL is one of object storage."""
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise InputError(f"{shown(url)}: there is no such storage; choose one of {known}")
    if not rest.partition("/")[0]:
        raise InputError(f"{shown(url)} names no bucket; write {scheme}://bucket/prefix")
    _, slash, prefix = rest.removesuffix("/").partition("/")
    if slash:
        check_key(url, prefix)


def check_key(label: str, key: str, argument: str | None = None) -> None:
    """Raise `InputError` where a key would be that of another object, or of none.

    A client leaves out a part that is ``.``, and goes up at ``..``.
    """
    if not {"", ".", ".."}.isdisjoint(key.split("/")):
        raise InputError(f"{shown(label)}: no part of it may be empty, . or ..", argument)
    if _CONTROL.search(key):
        raise InputError(
            f"{shown(label)}: it has a control character, or one that is not UTF-8", argument
        )


def library(url: str) -> Any:
    """Return obstore; `InputError` where it is missing."""
    try:
        import obstore.store
    except ModuleNotFoundError:
        raise InputError(
            f"{url}: object storage needs obstore: pip install 'synthpower[object]'"
        ) from None
    return obstore


def connect(url: str) -> Client:
    """Return a client of a URL, which has had one answer: a wrong address is said soon."""
    obstore = library(url)
    retry = {"max_retries": _FIRST_TRIES, "retry_timeout": timedelta(seconds=_FIRST_SECONDS)}
    impatient = _open(url, retry)
    ask(url, lambda: next(iter(obstore.list(impatient)), None))
    return _open(url, _RETRY)


def _open(url: str, retry: Any) -> Client:
    """Return obstore's client of a URL."""
    from_url = library(url).store.from_url
    scheme, _, rest = url.partition("://")
    family = SCHEMES[scheme]
    endpoint = next(filter(None, map(os.environ.get, _ENDPOINTS)), "")
    if family == "AWS" and endpoint and not endpoint.startswith(("http://", "https://")):
        raise InputError(
            f"AWS_ENDPOINT_URL is {shown(endpoint)!r}: begin it with https://, or http://"
        )
    plain = family == "AWS" and endpoint.startswith("http:")
    allowed = os.environ.get(f"{family}_ALLOW_HTTP", "").lower() in _TRUE
    options: dict[str, Any] = {
        # Those that are given hide those of the environment.
        "client_options": {"timeout": _REQUEST, "allow_http": plain or allowed},
        "retry_config": retry,
    }
    if family == "AWS" and not plain and "AWS_UNSIGNED_PAYLOAD" not in os.environ:
        options["unsigned_payload"] = True  # TLS sees that no bit is lost; half the time
    bucket, slash, prefix = rest.partition("/")
    quoted = f"{scheme}://{bucket}{slash}{quote(prefix)}"
    client: Client = ask(url, lambda: from_url(quoted, **options))
    return client


def ask(label: str, request: Callable[[], T]) -> T:
    """Return what a request returns; an error of obstore's as one of `label`, in one line.

    Raises
    ------
    FileNotFoundError, PermissionError, OSError
        Among others in a process that was forked after object storage was used.
    InputError
        Where there is no such bucket, or can be none.
    AlreadyExistsError
        Of obstore: where the object must not exist.
    """
    from obstore.exceptions import (
        AlreadyExistsError,
        BaseError,
        PermissionDeniedError,
        UnauthenticatedError,
    )

    if not _process:
        _process.append(os.getpid())
    elif _process[0] != os.getpid():  # where a request would never end
        reason = "object storage was used before a fork; start processes by 'spawn'"
        raise OSError(errno.EIO, reason, label)
    try:
        return request()
    except (AlreadyExistsError, InputError):
        raise
    except ValueError as error:
        raise InputError(f"{label}: {_reason(error)}") from None
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise PermissionError(errno.EACCES, _reason(error), label) from None
    except (BaseError, OSError) as error:
        reason = _reason(error)
        if "NoSuchBucket" in reason:
            raise InputError(f"{label}: no such bucket") from None
        if isinstance(error, FileNotFoundError):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), label) from None
        raise OSError(errno.EIO, reason, label) from None


def _reason(error: Exception) -> str:
    """Return what is wrong, in few words: a client says all that it knows, in many lines."""
    text = str(error)
    line = " ".join(text.partition("\n\nDebug source")[0].split())
    if code := re.search("<Code>(.*?)</Code>", line):
        message = re.search("<Message>(.*?)</Message>", line)
        said = message[1] if message else ""
        return f"{code[1]}: {said}" if said and said != code[1] else code[1]
    address = re.search(r"https?://[^/ ]+", line)
    inner = re.search(r'(?:message|error): "(.*?)"', text)
    where = f"{address[0]}: " if address else ""
    if "169.254.169.254" in where or "metadata.google" in where:
        return "no credentials: not in the environment, nor from this machine's role"
    if inner:
        return f"{where}{inner[1]}"
    if status := re.search(r"status code: (\d+ [\w ]*\w)", line):
        return f"{where}{status[1]}"
    _, dash, after = line.partition(" - ")
    return f"{where}{after.strip().removeprefix('HTTP error: ')}" if dash else line
