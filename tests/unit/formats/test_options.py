"""Options: which a format takes, and by which its files differ."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from synthpower import InputError
from synthpower.formats import find_format
from synthpower.formats.interface import Options, one_of


class Odd:
    """A format that takes a compression of its own, and either writer to the same end."""

    name = "odd"
    options: ClassVar = {
        "implementation": one_of("fast", "pyarrow", differs=False),
        "compression": one_of("lz4"),
    }


ODD: Any = Odd()


def test_what_a_format_takes_is_right() -> None:
    Options().check(ODD)
    Options("pyarrow", "lz4").check(ODD)


@pytest.mark.parametrize(
    ("options", "argument", "words"),
    [
        (Options(compression="zstd"), "compression", "'zstd': choose lz4"),
        (Options("slow"), "writer", "'slow': choose fast, pyarrow"),
        (Options(compression=["lz4"]), "compression", "choose lz4"),  # type: ignore[arg-type]
    ],
)
def test_another_value_is_an_error_that_names_the_argument(
    options: Options, argument: str, words: str
) -> None:
    with pytest.raises(InputError) as found:
        options.check(ODD)
    assert words in str(found.value)
    assert found.value.argument == argument


def test_an_option_that_a_format_does_not_have_is_an_error() -> None:
    class Bare:
        name = "bare"
        options: ClassVar[dict[str, Any]] = {}

    bare: Any = Bare()
    Options().check(bare)
    with pytest.raises(InputError, match="'gzip': bare has no such option") as found:
        Options(compression="gzip").check(bare)
    assert found.value.argument == "compression"


def test_only_what_files_differ_by_is_recorded() -> None:
    assert Options("pyarrow", "lz4").recorded(ODD) == Options(compression="lz4")
    assert Options("pyarrow").recorded(find_format("parquet")) == Options("pyarrow")
    assert Options("pyarrow").recorded(find_format("csv")) == Options()


def test_what_is_given_is_what_is_not_the_default() -> None:
    assert Options().given() == {}
    assert Options("pyarrow").given() == {"implementation": "pyarrow"}
