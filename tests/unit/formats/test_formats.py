from __future__ import annotations

import pytest

from synthpower import InputError
from synthpower.formats import (
    FORMATS,
    choose_format,
    find_format,
    format_of_name,
    suffix_of,
    what_says,
)
from synthpower.formats.interface import Certainty, Options


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_the_name_that_it_is_found_by(name: str) -> None:
    assert find_format(name).name == name


def test_no_two_formats_share_a_suffix() -> None:
    suffixes = [suffix for format in FORMATS.values() for suffix in format.suffixes]
    assert len(set(suffixes)) == len(suffixes)


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        InputError, match="'xml': choose csv, jsonl, text, parquet or arrow"
    ) as found:
        find_format("xml")
    assert found.value.argument == "format"


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.csv", "csv"), ("a.CSV", "csv"), ("a.b.parquet", "parquet"), ("a", None), ("csv", None),
     ("a.csv.gz", "csv"), ("a.CSV.Zst", "csv"), ("a.parquet.gz", None), ("a.gz", None),
     (".csv", None), (".csv.gz", None)],
)  # fmt: skip
def test_a_name_says_a_format_by_its_suffix(name: str, format: str | None) -> None:
    found = format_of_name(name)
    assert (found and found.name) == format


@pytest.mark.parametrize(
    ("name", "asked", "format"),
    [("a.csv", None, "csv"), ("a.csv", "csv", "csv"), ("a", "parquet", "parquet"),
     ("a.data", "csv", "csv"), ("a.csv.gz", "csv", "csv")],
)  # fmt: skip
def test_what_a_name_says_and_what_is_asked_for_agree(
    name: str, asked: str | None, format: str
) -> None:
    assert choose_format(name, asked, None, "output")[0].name == format


@pytest.mark.parametrize(
    ("name", "asked", "compression"),
    [("a.csv", None, None), ("a.csv.gz", None, "gzip"), ("a.csv.gz", "gzip", "gzip"),
     ("a.csv.ZST", None, "zstd"), ("a.parquet", "zstd", "zstd"), ("a", "gzip", "gzip"),
     ("a", None, None)],
)  # fmt: skip
def test_text_is_compressed_if_its_name_or_somebody_says_so(
    name: str, asked: str | None, compression: str | None
) -> None:
    format = None if "." in name else "csv"
    assert choose_format(name, format, asked, "output")[1] == compression


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("a.csv", "gzip", "a.csv: the suffix '.csv' says another compression than 'gzip'; end it "
         "in .csv.gz"),
        ("a.csv.gz", "zstd", "the suffix '.csv.gz' says another compression than 'zstd'; end it "
         "in .csv.zst"),
    ],
)  # fmt: skip
def test_a_name_that_says_another_compression_is_refused(name: str, asked: str, words: str) -> None:
    with pytest.raises(InputError) as found:
        choose_format(name, None, asked, "output")
    assert words in str(found.value)
    assert found.value.argument == "compression"


def test_a_name_is_a_stem_and_a_suffix() -> None:
    assert what_says("data-2023.csv.gz")[:2] == ("data-2023", ".csv.gz")
    assert what_says("data-2023.csv")[:2] == ("data-2023", ".csv")
    assert what_says("a.tar.gz")[:2] == ("a.tar", ".gz")
    assert what_says("README")[:2] == ("README", "")


def test_a_suffix_says_the_compression_of_text_only() -> None:
    assert suffix_of("csv", "zstd") == ".csv.zst"
    assert suffix_of("csv") == ".csv"
    assert suffix_of("parquet", "zstd") == ".parquet"


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("a.csv", "parquet", "the suffix '.csv' says another format than parquet; end it in "),
        ("a.csv.gz", "parquet", "the suffix '.csv.gz' says another format than parquet; end it"),
        ("a.gz", "csv", "the suffix '.gz' says another format than csv; end it in .csv"),
        ("a.GZ", "csv", "the suffix '.GZ' says another format than csv"),
        ("a.doc", None, "the suffix '.doc' names no format"),
        (
            "a",
            None,
            "a: it has no suffix; end it in .csv, .jsonl, .txt, .parquet or .arrow, or say the format",
        ),
    ],
)
def test_a_name_that_says_another_format_is_refused(
    name: str, asked: str | None, words: str
) -> None:
    with pytest.raises(InputError) as found:
        choose_format(name, asked, None, "output")
    assert words in str(found.value)
    assert found.value.argument == "output"


def test_options_say_how_they_differ() -> None:
    found = list(Options().differences(Options("pyarrow", "zstd")))
    assert found == [("writer", "pyarrow", "fast"), ("compression", "zstd", "the default")]
    assert list(Options().differences(Options())) == []


def test_the_least_certain_size_is_the_greatest() -> None:
    assert max(Certainty) is Certainty.AT_MOST
    assert [str(each) for each in Certainty] == ["exactly", "about", "at most"]
