from __future__ import annotations

from pathlib import Path

import pytest
from s3_server import S3Server

from synthpower import InputError
from synthpower.storage import (
    LocalStore,
    ObjectStore,
    folders_above,
    kind_of,
    locate,
    open_store,
    same_place,
)


def test_an_address_is_a_path_or_a_url(tmp_path: Path) -> None:
    assert isinstance(open_store("s3://bucket/a/"), ObjectStore)
    assert open_store("s3://bucket/a/").label("") == "s3://bucket/a"
    assert open_store("s3://bucket/a/").label("b/c") == "s3://bucket/a/b/c"
    here = open_store(str(tmp_path))
    assert isinstance(here, LocalStore)
    assert open_store(here, links=False).directory == tmp_path  # type: ignore[union-attr]


def test_a_file_is_located(tmp_path: Path) -> None:
    store, name = locate("s3://bucket/a/b.csv")
    assert (store.label(""), name) == ("s3://bucket/a", "b.csv")
    store, name = locate(tmp_path / "b.csv")
    assert (store.label(""), name) == (str(tmp_path), "b.csv")
    for url in ("s3://bucket", "s3://bucket/a/"):
        with pytest.raises(InputError, match="names no object"):
            locate(url)


@pytest.mark.parametrize(
    "prefix", [".", "..", "a/..", "./a", "a//b", "/a", "a//", "a\tb", "\udcff"]
)
def test_a_prefix_that_would_be_another(prefix: str) -> None:
    with pytest.raises(InputError, match=r"may be empty, \. or \.\.|control character"):
        open_store(f"s3://bucket/{prefix}")
    for call in (locate, kind_of):
        with pytest.raises(InputError, match=r"may be empty, \. or \.\.|control character"):
            call(f"s3://bucket/{prefix}/b.csv")


def test_the_folders_that_a_file_may_be_of(tmp_path: Path) -> None:
    found = [(store.label(""), name) for store, name in folders_above("s3://b/x/y/z.csv")]
    assert found == [("s3://b/x/y", "z.csv"), ("s3://b/x", "y/z.csv"), ("s3://b", "x/y/z.csv")]
    (store, name), *_ = folders_above(tmp_path / "a" / "b")
    assert (store.label(""), name) == (str(tmp_path / "a"), "b")


def test_what_is_at_an_address(s3: S3Server, tmp_path: Path) -> None:
    s3.put("a/b.csv", b"1")
    assert kind_of("s3://bucket/a/b.csv") == "file"
    assert kind_of("s3://bucket/a") == kind_of("s3://bucket/a/") == "directory"
    assert kind_of("s3://bucket") == "directory"
    assert kind_of("s3://bucket/none") == kind_of("s3://bucket/a/none.csv") == ""
    (tmp_path / "file").touch()
    kinds = [kind_of(tmp_path), kind_of(tmp_path / "file"), kind_of(tmp_path / "none")]
    assert kinds == ["directory", "file", ""]


def test_one_place_has_several_addresses(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert same_place(LocalStore(tmp_path), LocalStore(tmp_path / "link"))
    assert same_place(ObjectStore("s3://b/a"), ObjectStore("s3://b/a/"))
    assert not same_place(ObjectStore("s3://b/a"), ObjectStore("s3://b/b"))
    assert not same_place(ObjectStore("s3://b/a"), LocalStore(Path("s3:/b/a")))
