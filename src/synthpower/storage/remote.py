"""A bucket of object storage, by obstore: objects that appear under their names when whole."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from synthpower.errors import InputError, shown
from synthpower.lazy import lazy
from synthpower.storage.client import ask, check_key, check_url, connect, library
from synthpower.storage.interface import Sink
from synthpower.storage.parts import PartsSink, checksum, part_size, parts_in_flight
from synthpower.storage.paths import already_exists

if TYPE_CHECKING:
    from obstore import WritableFile
    from obstore.store import ObjectStore as Client

T = TypeVar("T")

_BLOCK = 2**23
_BUFFER = 2**20
_AT_ONCE = 16  # small objects
_LONGEST_KEY = 1024  # bytes


class ObjectStore:
    """A prefix of a bucket.

    Credentials, region and endpoint come from the environment: ``AWS_ACCESS_KEY_ID``,
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``, ``AWS_ENDPOINT_URL``, and
    ``GOOGLE_`` and ``AZURE_`` ones likewise, or from the machine's role.

    There are no locks: of two runs that make different objects of one name at once, the later may
    replace the earlier's, where it has several parts. A process that is killed leaves the parts
    that it has sent, which nobody sees but who pays for them: a rule of the bucket removes them.
    A process that was forked after its parent had used object storage cannot use any.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``, or with ``gs``, ``abfs`` or ``az``.
    """

    keeps_buffers = False
    locks = False

    def __init__(self, url: str) -> None:
        check_url(url)
        self.url = url.rstrip("/")
        self._read: dict[tuple[str, str | None], bytes] = {}  # by name and state

    def __repr__(self) -> str:
        return f"ObjectStore({self.url!r})"

    def __reduce__(self) -> tuple[type[ObjectStore], tuple[str]]:
        return ObjectStore, (self.url,)

    @lazy
    def _client(self) -> Client:
        return connect(self.url)

    def is_there(self) -> bool:
        return self._client is not None

    def make(self) -> None: ...

    def holds_any(self) -> bool:
        """Return whether there is any object below the prefix."""
        obstore = library(self.url)

        return bool(self.ask("", lambda: next(iter(obstore.list(self._client)), None)))

    @contextlib.contextmanager
    def create(
        self, name: str, *, replace: bool = False, size: int | None = None
    ) -> Iterator[Sink]:
        """Make an object; see `Store`.

        One part is one request, which is refused where the object exists. Of several, it is looked
        whether it exists before the first and just before the object appears.
        """
        self.check(name)
        upload = _Upload(self, name, replace)
        with contextlib.closing(PartsSink(lambda: upload.begin(sink), part_size(size))) as sink:
            try:
                yield sink
                upload.end(sink)
            except BaseException as error:
                upload.abort(error)
                raise

    def check(self, name: str, argument: str | None = None) -> None:
        if not name or name.endswith("/"):
            raise InputError(f"{self.label(name)} names no object", argument)
        check_key(self.label(name), name, argument)
        key = f"{self.url.partition('://')[2].partition('/')[2]}/{name}"
        if len(key.encode(errors="surrogatepass")) > _LONGEST_KEY:
            raise InputError(
                f"{shown(self.label(name))}: the name is longer than {_LONGEST_KEY} bytes", argument
            )

    def open(self, name: str) -> BinaryIO:
        return io.BufferedReader(_Object(self, name), _BUFFER)

    def blocks(self, name: str) -> _Blocks:
        return _Blocks(self, name)

    def size(self, name: str) -> int | None:
        obstore = library(self.url)

        try:
            return int(self.ask(name, lambda: obstore.head(self._client, name))["size"])
        except FileNotFoundError:
            return None

    def known_size(self, name: str) -> int:
        """Return the bytes of an object; `FileNotFoundError` where there is none."""
        size = self.size(name)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.label(name))
        return size

    def range(self, name: str, begin: int, end: int) -> memoryview:
        """Return some bytes of an object, which has them."""
        obstore = library(self.url)

        return memoryview(
            self.ask(name, lambda: obstore.get_range(self._client, name, start=begin, end=end))
        )

    def whole(self, name: str) -> bytes:
        """Return the bytes of an object, in one request."""
        obstore = library(self.url)

        return bytes(self.ask(name, lambda: obstore.get(self._client, name).bytes()))

    def exists(self, name: str) -> bool:
        return self.size(name) is not None

    def names(self, pattern: str = "*") -> list[str]:
        obstore = library(self.url)

        folder, _, _ = pattern.rpartition("/")
        if "*" in folder or "?" in folder or "[" in folder:  # of all below the part without any
            prefix = re.split(r"[*?\[]", folder, maxsplit=1)[0].rpartition("/")[0]
            listed = self.ask("", lambda: list(obstore.list(self._client, prefix or None)))
            found = [each["path"] for chunk in listed for each in chunk]
        else:
            one = self.ask("", lambda: obstore.list_with_delimiter(self._client, folder or None))
            found = [each["path"] for each in one["objects"]]
        return sorted(name for name in found if _matches(name, pattern))

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Return the bytes of all objects of a folder: small ones, asked for only if they are new.

        Of a thousand fragments of a manifest, one after the other would take half a minute.
        """
        obstore = library(self.url)

        listed = self.ask("", lambda: list(obstore.list(self._client, folder)))
        tags = {each["path"]: each["e_tag"] for chunk in listed for each in chunk}
        known = {key: self._read[key] for key in tags.items() if key in self._read}
        missing = [key for key in tags.items() if key not in known]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            known |= zip(missing, pool.map(self.whole, [name for name, _ in missing]), strict=True)
        self._read = known
        return {name: data for (name, _), data in sorted(known.items())}

    def lock(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def free(self) -> int | None:
        return None

    def clear(self) -> None: ...

    def label(self, name: str) -> str:
        return f"{self.url}/{name}" if name else self.url

    def ask(self, name: str, request: Callable[[], T]) -> T:
        """Return what a request returns; an error of the client as an `OSError` of the object."""
        _ = self._client  # whose own errors are of the whole store
        return ask(self.label(name), request)


class _Upload:
    """An object that is being made."""

    def __init__(self, store: ObjectStore, name: str, replace: bool) -> None:
        self._store = store
        self._name = name
        self._replace = replace
        self._writer: WritableFile | None = None

    def begin(self, sink: PartsSink) -> _Upload | None:
        """Begin to send parts, unless there is an object: then it is compared in the end."""
        import obstore

        if not self._replace and self._store.exists(self._name):
            return None
        self._writer = self._store.ask(
            self._name,
            lambda: obstore.open_writer(
                self._store._client,
                self._name,
                buffer_size=sink.part_size,
                max_concurrency=parts_in_flight(sink.part_size),
            ),
        )
        return self

    def write(self, part: memoryview) -> int:
        writer = self._writer
        assert writer is not None
        return self._store.ask(self._name, lambda: writer.write(part))

    def end(self, sink: PartsSink) -> None:
        """Have the object appear."""
        rest = sink.rest()
        if not sink.begun:
            self._put(sink, rest)
            return
        if self._writer is not None:
            self._store.ask(self._name, sink.wait)
        if not self._replace and self._store.exists(self._name):
            self._check_equal(sink, rest)
            self.abort(None)
            return
        if self._writer is None:
            raise OSError(errno.ENOENT, "it was there, and is gone", self._store.label(self._name))
        self.write(rest)
        writer, self._writer = self._writer, None
        try:
            self._store.ask(self._name, writer.close)  # which aborts where it fails
        except FileNotFoundError:  # the answer was lost: asked again, there is no upload any more
            if not self._is_equal(sink, rest):
                raise

    def _put(self, sink: PartsSink, rest: memoryview) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        client, mode = self._store._client, "overwrite" if self._replace else "create"
        try:
            self._store.ask(
                self._name,
                lambda: obstore.put(client, self._name, rest, mode=mode, use_multipart=False),  # type: ignore[arg-type]
            )
        except AlreadyExistsError:
            self._check_equal(sink, rest)

    def _check_equal(self, sink: PartsSink, rest: memoryview) -> None:
        """Raise `InputError` unless the object that there is has the same bytes."""
        if not self._is_equal(sink, rest):
            raise already_exists(self._store.label(self._name))

    def _is_equal(self, sink: PartsSink, rest: memoryview) -> bool:
        """Return whether there is an object, and it has the same bytes."""
        store, name, size = self._store, self._name, sink.part_size
        equal = store.size(name) == sink.size and all(
            checksum(store.range(name, number * size, (number + 1) * size)) == expected
            for number, expected in enumerate(sink.sums)
        )
        if equal and rest:
            equal = store.range(name, sink.size - len(rest), sink.size) == rest
        return equal

    def abort(self, error: BaseException | None) -> None:
        """Forget the parts that were sent; an error in that is of no interest."""
        writer, self._writer = self._writer, None
        if writer is not None:
            error = error or InterruptedError()
            leave = partial(writer.__exit__, type(error), error, None)
            with contextlib.suppress(Exception):
                self._store.ask(self._name, leave)


class _Object(io.RawIOBase):
    """An object that is read where it is asked for."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name
        self._size = store.known_size(name)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), self._store.label(self._name))
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        found = self._read(len(view))
        view[: len(found)] = found
        return len(found)

    def readall(self) -> bytes:
        if self._position:
            return bytes(self._read(self._size))
        data = self._store.whole(self._name)  # of one moment, although somebody may replace it
        self._position = self._size = len(data)
        return data

    def _read(self, count: int) -> memoryview:
        begin, end = self._position, min(self._position + count, self._size)
        if begin >= end:
            return memoryview(b"")
        self._position = end
        return self._store.range(self._name, begin, end)


class _Blocks:
    """An object that is read in blocks, one ahead; see `Blocks`."""

    def __init__(self, store: ObjectStore, name: str) -> None:
        self._store = store
        self._name = name
        self._size = store.known_size(name)
        self._thread = ThreadPoolExecutor(1)
        self._ahead: tuple[int, Future[memoryview]] | None = None

    def read(self, offset: int) -> memoryview:
        at, future = self._ahead or (-1, None)
        block = future.result() if future and at == offset else self._range(offset)
        following = offset + len(block)
        self._ahead = following, self._thread.submit(self._range, following)
        return block

    def _range(self, offset: int) -> memoryview:
        end = min(offset + _BLOCK, self._size)
        return self._store.range(self._name, offset, end) if offset < end else memoryview(b"")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _matches(name: str, pattern: str) -> bool:
    """Return whether a name matches a glob; see `Store.names`."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(
        fnmatchcase(part, each) and not part.startswith(".")
        for part, each in zip(parts, patterns, strict=True)
    )
