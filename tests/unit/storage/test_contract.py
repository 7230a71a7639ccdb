"""Each store keeps the promises of `Store`."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory_store import MemoryStore
from s3_server import S3Server
from store_contract import StoreContract

from synthpower.storage import LocalStore, ObjectStore, Store


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path)


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestObjectStore(StoreContract):
    @pytest.fixture
    def store(self, s3: S3Server) -> Store:
        return ObjectStore("s3://bucket/some/pre fix")
