"""An S3 server of the tests and benchmarks: it counts, throws away or keeps, and fails on demand.

    python tests/s3_server.py [--keep]

prints the port, on loopback, and serves until its standard input ends. Without --keep it keeps
only the sizes of objects of several parts but inventories, so that it is faster than any client,
and its memory is small; they read as zeros.

`S3Server` starts one. Faults are a list of rules, the first that applies is taken:
``{"on": "part", "kind": "503", "share": 0.1}``. `on` is a regular expression that an operation
matches: create, part, complete, abort, put, head, get, list or delete. `kind` is a status, ``cut``
(the connection, in the middle of the body), ``lost`` (the answer: it was done) or ``stall`` (no
answer). `share` of them fail, where it
is below 1; `skip` of them do not before that, and `times` do at most. `part` names the one of this
number, and `key` is a regular expression of keys. Buckets are there, but those whose name begins
with ``missing``.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import re
import subprocess
import sys
import urllib.parse
import zlib
from collections import Counter
from typing import Any
from xml.sax.saxutils import escape

_BUFFER = 2**20
_FAULTS = {"500": "500 Internal Server Error", "503": "503 Slow Down", "403": "403 Forbidden"}
_CODES = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}


def etag(value: bytes | int) -> str:
    return f'"{value if isinstance(value, int) else zlib.crc32(value):08x}"'


class State:
    """What a server has, and what it was asked."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.random = random.Random(1)
        self.clear()

    def clear(self) -> None:
        self.objects: dict[str, Any] = {}  # sizes, or bytes
        self.uploads: dict[str, tuple[str, dict[int, Any]]] = {}
        self.counts: Counter[str] = Counter()
        self.faults: list[dict[str, Any]] = []
        self.rate = 0.0  # bytes a second of each connection, if it is limited

    def fault(self, operation: str, key: str, part: int) -> str | None:
        """Return what is to go wrong, None where nothing is."""
        for rule in self.faults:
            if not re.fullmatch(rule["on"], operation) or rule.get("part", part) != part:
                continue
            if not re.search(rule.get("key", ""), key):
                continue
            if rule.get("skip", 0) > 0:
                rule["skip"] -= 1
            elif rule.get("times", 1) > 0 and self.random.random() < rule.get("share", 1):
                if "times" in rule:
                    rule["times"] -= 1
                self.counts["faults"] += 1
                return str(rule["kind"])
        return None

    def report(self) -> dict[str, Any]:
        objects = {key: self.size(value) for key, value in self.objects.items()}
        return {"counts": self.counts, "open": len(self.uploads), "objects": objects}

    def size(self, value: Any) -> int:
        return value if isinstance(value, int) else len(value)


class Connection(asyncio.BufferedProtocol):
    """One client's requests, one after the other."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.buffer = bytearray(_BUFFER)
        self.head = bytearray()
        self.reset()

    def reset(self) -> None:
        self.left = -1  # bytes of the body that are to come; -1: we are in the head
        self.body = bytearray()
        self.kept = False
        self.wrong: str | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, _hint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        view = memoryview(self.buffer)[:count]
        if self.state.rate:
            self.transport.pause_reading()
            loop = asyncio.get_running_loop()
            loop.call_later(count / self.state.rate, self.transport.resume_reading)
        while view:
            if self.left < 0:
                before = len(self.head)
                self.head += view
                end = self.head.find(b"\r\n\r\n")
                if end < 0:
                    return
                view = view[end + 4 - before :]
                head, self.head = bytes(self.head[:end]), bytearray()
                self.begin(head.decode())
            else:
                more = view[: self.left]
                if self.kept:
                    self.body += more
                self.left -= len(more)
                view = view[len(more) :]
            if self.wrong == "cut" and self.left <= self.length // 2:
                self.transport.abort()
                return
            if self.left == 0:
                self.answer()
                self.reset()

    def begin(self, head: str) -> None:
        """Take a request apart, and decide what becomes of it."""
        first, *lines = head.split("\r\n")
        self.method, target, _ = first.split(" ")
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        self.length = self.left = int(self.headers.get("content-length", 0))
        path, _, query = target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(path)[1:].partition("/")
        self.bucket, self.key = bucket, key
        self.operation = self.find_operation()
        inventory = key.endswith("inventory.csv")  # which is read again
        self.kept = self.state.keep or self.operation != "part" or inventory
        if self.operation != "control":
            self.state.counts[self.operation] += 1
            part = int(self.query.get("partNumber", 0))
            self.wrong = self.state.fault(self.operation, key, part)

    def find_operation(self) -> str:
        if self.bucket == "_control":
            return "control"
        if self.method == "POST":
            return "create" if "uploads" in self.query else "complete"
        if self.method == "PUT":
            return "part" if "partNumber" in self.query else "put"
        if self.method == "DELETE":
            return "abort" if "uploadId" in self.query else "delete"
        if self.method == "HEAD":
            return "head"
        return "get" if self.key else "list"

    def reply(self, status: str, body: bytes = b"", size: int | None = None, **more: str) -> None:
        if self.wrong == "lost":
            self.transport.abort()
            return
        headers = {"Content-Length": len(body) if size is None else size, **more}
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body)

    def error(self, status: str, code: str) -> None:
        self.reply(
            status,
            b""
            if self.method == "HEAD"
            else f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(),
        )

    def answer(self) -> None:
        state = self.state
        if self.wrong == "stall":
            return
        if self.wrong in _FAULTS:
            self.error(_FAULTS[self.wrong], _CODES[self.wrong])
        elif self.bucket.startswith("missing"):
            self.error("404 Not Found", "NoSuchBucket")
        elif self.operation in ("put", "complete") and (
            "if-none-match" in self.headers and self.key in state.objects
        ):
            self.error("412 Precondition Failed", "PreconditionFailed")
        else:
            getattr(self, f"do_{self.operation}")()

    def do_control(self) -> None:
        if self.method == "PUT":
            asked = json.loads(self.body)
            if asked.pop("clear", False):
                self.state.clear()
            for name, value in asked.items():
                setattr(self.state, name, value)
        self.reply("200 OK", json.dumps(self.state.report()).encode())

    def do_put(self) -> None:
        self.state.objects[self.key] = bytes(self.body)
        self.reply("200 OK", ETag='"put"')

    def do_create(self) -> None:
        upload = f"u{self.state.counts['create']}"
        self.state.uploads[upload] = self.key, {}
        self.reply(
            "200 OK",
            f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>".encode(),
        )

    def do_part(self) -> None:
        if self.query["uploadId"] not in self.state.uploads:
            self.error("404 Not Found", "NoSuchUpload")
            return
        _, parts = self.state.uploads[self.query["uploadId"]]
        parts[int(self.query["partNumber"])] = bytes(self.body) if self.kept else self.length
        self.reply("200 OK", ETag='"part"')

    def do_complete(self) -> None:
        upload = self.state.uploads.pop(self.query["uploadId"], None)
        if upload is None:
            self.error("404 Not Found", "NoSuchUpload")
            return
        key, parts = upload
        named = [int(n) for n in re.findall(rb"<PartNumber>(\d+)</PartNumber>", bytes(self.body))]
        whole = [parts[number] for number in named]
        kept = not any(isinstance(part, int) for part in whole)
        self.state.objects[key] = b"".join(whole) if kept else sum(whole)
        self.reply(
            "200 OK",
            b'<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>',
        )

    def do_abort(self) -> None:
        self.state.uploads.pop(self.query["uploadId"], None)
        self.reply("204 No Content")

    def do_delete(self) -> None:
        self.state.objects.pop(self.key, None)
        self.reply("204 No Content")

    def do_head(self) -> None:
        self.do_get()

    def do_get(self) -> None:
        found = self.state.objects.get(self.key)
        if found is None:
            self.error("404 Not Found", "NoSuchKey")
            return
        size = self.state.size(found)
        more = {"ETag": etag(found), "Last_Modified": "Mon, 02 Jan 2023 00:00:00 GMT"}
        if self.method == "HEAD":
            self.reply("200 OK", size=size, **more)
            return
        data = bytes(found)
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range", ""))
        if not asked:
            self.reply("200 OK", data, **more)
            return
        begin = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
        end = min(size, int(asked[2]) + 1) if asked[1] and asked[2] else size
        if begin >= size:
            self.error("416 Range Not Satisfiable", "InvalidRange")
            return
        more["Content_Range"] = f"bytes {begin}-{end - 1}/{size}"
        self.reply("206 Partial Content", data[begin:end], **more)

    def do_list(self) -> None:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        entries, folders = [], set()
        for key, value in sorted(self.state.objects.items()):
            if not key.startswith(prefix) or key <= self.query.get("start-after", ""):
                continue
            folder, found, _ = (
                key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            )
            if found:
                folders.add(f"{prefix}{folder}{delimiter}")
                continue
            entries.append(
                f"<Contents><Key>{escape(key)}</Key><Size>{self.state.size(value)}</Size>"
                f"<LastModified>2023-01-02T00:00:00.000Z</LastModified><ETag>{escape(etag(value))}</ETag></Contents>"
            )
        entries += [
            f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>"
            for each in sorted(folders)
        ]
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(entries)}</ListBucketResult>"
        self.reply("200 OK", body.encode())


class S3Server:
    """A server in a process of its own, as long as the context lasts."""

    def __init__(self, keep: bool = False) -> None:
        self._arguments = ["--keep"] if keep else []

    def __enter__(self) -> S3Server:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()  # which closes its standard input

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds it."""
        return {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_UNSIGNED_PAYLOAD": "true",
        }

    def set(self, **changes: Any) -> None:
        """Set `faults` and `rate`; `clear` forgets all before."""
        self._ask("PUT", "/_control", json.dumps(changes).encode())

    def report(self) -> dict[str, Any]:
        """Return the `counts` of operations, the sizes of `objects` and how many uploads are `open`."""
        return dict(json.loads(self._ask("GET", "/_control")))

    def data(self, key: str) -> bytes:
        """Return the bytes of an object that it keeps."""
        return self._ask("GET", f"/bucket/{urllib.parse.quote(key)}")

    def put(self, key: str, data: bytes) -> None:
        self._ask("PUT", f"/bucket/{urllib.parse.quote(key)}", data)

    def delete(self, key: str) -> None:
        self._ask("DELETE", f"/bucket/{urllib.parse.quote(key)}")

    def _ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            assert answer.status < 300, (method, path, answer.status)
            return answer.read()
        finally:
            connection.close()


async def _serve(keep: bool) -> None:
    state, loop = State(keep), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(0, lambda: None if os.read(0, 1) else ended.set())
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve("--keep" in sys.argv))
