"""The structs of Parquet's metadata: their fields by number, name and type.

See https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift. What is
not here, such as encryption or a Bloom filter's newer forms, is an error where it is read.
"""

from __future__ import annotations

from synthpower.formats.parquet.thrift import BINARY, BOOL, I16, I32, I64, Fields

MAGIC = b"PAR1"
INT64, FLOAT, DOUBLE, BYTE_ARRAY = 2, 4, 5, 6
PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
DATA_PAGE_TYPE, DICTIONARY_PAGE_TYPE = 0, 2
OPTIONAL = 1
UNORDERED, ASCENDING, DESCENDING = 0, 1, 2
CONVERTED_STRING, CONVERTED_DECIMAL, CONVERTED_MICROSECONDS = 0, 5, 10
CODECS = {"none": 0, "snappy": 1, "zstd": 6}

STATISTICS = Fields(
    "Statistics",
    {
        1: ("max", BINARY), 2: ("min", BINARY), 3: ("null_count", I64), 4: ("distinct_count", I64),
        5: ("max_value", BINARY), 6: ("min_value", BINARY), 7: ("is_max_value_exact", BOOL),
        8: ("is_min_value_exact", BOOL),
    },
)  # fmt: skip
EMPTY = Fields("Empty", {})
UNIT = Fields("TimeUnit", {1: ("millis", EMPTY), 2: ("micros", EMPTY), 3: ("nanos", EMPTY)})
TIMESTAMP = Fields("TimestampType", {1: ("utc", BOOL), 2: ("unit", UNIT)})
DECIMAL = Fields("DecimalType", {1: ("scale", I32), 2: ("precision", I32)})
LOGICAL = Fields(
    "LogicalType", {1: ("string", EMPTY), 5: ("decimal", DECIMAL), 8: ("timestamp", TIMESTAMP)}
)
SCHEMA = Fields(
    "SchemaElement",
    {
        1: ("type", I32), 2: ("type_length", I32), 3: ("repetition_type", I32), 4: ("name", BINARY),
        5: ("num_children", I32), 6: ("converted_type", I32), 7: ("scale", I32),
        8: ("precision", I32), 9: ("field_id", I32), 10: ("logical_type", LOGICAL),
    },
)  # fmt: skip
PAIR = Fields("KeyValue", {1: ("key", BINARY), 2: ("value", BINARY)})
PAGE_COUNT = Fields(
    "PageEncodingStats", {1: ("page_type", I32), 2: ("encoding", I32), 3: ("count", I32)}
)
SIZES = Fields(
    "SizeStatistics",
    {
        1: ("unencoded_bytes", I64), 2: ("repetition_histogram", [I64]),
        3: ("definition_histogram", [I64]),
    },
)  # fmt: skip
COLUMN_META = Fields(
    "ColumnMetaData",
    {
        1: ("type", I32), 2: ("encodings", [I32]), 3: ("path", [BINARY]), 4: ("codec", I32),
        5: ("num_values", I64), 6: ("uncompressed_size", I64), 7: ("compressed_size", I64),
        8: ("key_values", [PAIR]), 9: ("data_page_offset", I64), 10: ("index_page_offset", I64),
        11: ("dictionary_page_offset", I64), 12: ("statistics", STATISTICS),
        13: ("encoding_stats", [PAGE_COUNT]), 14: ("bloom_filter_offset", I64),
        15: ("bloom_filter_length", I32), 16: ("size_statistics", SIZES),
    },
)  # fmt: skip
COLUMN_CHUNK = Fields(
    "ColumnChunk",
    {
        1: ("file_path", BINARY), 2: ("file_offset", I64), 3: ("meta", COLUMN_META),
        4: ("offset_index_offset", I64), 5: ("offset_index_length", I32),
        6: ("column_index_offset", I64), 7: ("column_index_length", I32),
    },
)  # fmt: skip
SORTING = Fields("SortingColumn", {1: ("column", I32), 2: ("down", BOOL), 3: ("nulls", BOOL)})
ROW_GROUP = Fields(
    "RowGroup",
    {
        1: ("columns", [COLUMN_CHUNK]), 2: ("uncompressed_size", I64), 3: ("num_rows", I64),
        4: ("sorting_columns", [SORTING]), 5: ("file_offset", I64), 6: ("compressed_size", I64),
        7: ("ordinal", I16),
    },
)  # fmt: skip
ORDER = Fields("ColumnOrder", {1: ("of_type", EMPTY)})
FOOTER = Fields(
    "FileMetaData",
    {
        1: ("version", I32), 2: ("schema", [SCHEMA]), 3: ("num_rows", I64),
        4: ("row_groups", [ROW_GROUP]), 5: ("key_values", [PAIR]), 6: ("created_by", BINARY),
        7: ("column_orders", [ORDER]),
    },
)  # fmt: skip
DATA_PAGE = Fields(
    "DataPageHeader",
    {
        1: ("num_values", I32), 2: ("encoding", I32), 3: ("definition_encoding", I32),
        4: ("repetition_encoding", I32), 5: ("statistics", STATISTICS),
    },
)  # fmt: skip
DICTIONARY_PAGE = Fields(
    "DictionaryPageHeader", {1: ("num_values", I32), 2: ("encoding", I32), 3: ("sorted", BOOL)}
)
PAGE = Fields(
    "PageHeader",
    {
        1: ("type", I32), 2: ("uncompressed_size", I32), 3: ("compressed_size", I32),
        4: ("crc", I32), 5: ("data", DATA_PAGE), 7: ("dictionary", DICTIONARY_PAGE),
    },
)  # fmt: skip
LOCATION = Fields("PageLocation", {1: ("offset", I64), 2: ("size", I32), 3: ("first_row", I64)})
OFFSET_INDEX = Fields("OffsetIndex", {1: ("pages", [LOCATION]), 2: ("unencoded_bytes", [I64])})
COLUMN_INDEX = Fields(
    "ColumnIndex",
    {
        1: ("null_pages", [BOOL]), 2: ("min_values", [BINARY]), 3: ("max_values", [BINARY]),
        4: ("boundary_order", I32), 5: ("null_counts", [I64]), 6: ("repetition_histograms", [I64]),
        7: ("definition_histograms", [I64]),
    },
)  # fmt: skip
