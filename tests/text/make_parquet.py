#!/usr/bin/env python3
"""Writes the Parquet files of parquet_test.cc with pyarrow, and beside them what is in them as JSONL.

    python tests/text/make_parquet.py        # pyarrow 26.0.1
"""
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
ROWS = 40


def text(row, name):
    return f"{name} {row}: Größe, 数, \U0001f642" + " and on" * (row % 5)


def write_kinds():
    """A column for each type and compression, in three row groups of several pages."""
    rows = range(ROWS)
    some = [None if row % 7 == 3 else text(row, "some") for row in rows]
    meta = [None if row % 11 == 5 else {"text": text(row, "meta"), "n": row} for row in rows]
    columns = {
        "id": pa.array(rows, pa.int64()),
        "text": pa.array([text(row, "text") for row in rows], pa.string()),
        "large": pa.array([text(row, "large") for row in rows], pa.large_string()),
        "view": pa.array([text(row, "view") for row in rows], pa.string_view()),
        "few": pa.array([text(row % 3, "few") for row in rows]).dictionary_encode(),
        "bytes": pa.array([text(row, "bytes").encode() for row in rows], pa.binary()),
        "some": pa.array(some, pa.string()),
        "lz4": pa.array([text(row, "lz4") for row in rows]),
        "meta": pa.array(meta, pa.struct([("text", pa.string()), ("n", pa.int32())])),
        "meta.dotted": pa.array([text(row, "dotted") for row in rows]),
        "list": pa.array([[text(row, "list")] for row in rows], pa.list_(pa.string())),
        "latin": pa.array([b"caf\xe9"] * ROWS, pa.binary()),
    }
    fields = [pa.field(name, array.type, nullable=name != "text") for name, array in columns.items()]
    table = pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))
    compression = {"text": "snappy", "large": "zstd", "view": "gzip", "few": "brotli", "bytes": "none", "some": "snappy",
                   "lz4": "lz4", "meta.text": "zstd", "meta.dotted": "none"}
    pq.write_table(table, FIXTURES / "kinds.parquet", row_group_size=16, data_page_size=200, write_batch_size=4,
                   compression={name: compression.get(name, "none") for name in
                                [*columns, "meta.text", "meta.n", "list.list.element"]},
                   store_schema=False, write_page_checksum=True)
    with open(FIXTURES / "kinds.jsonl", "w") as file:
        for row in rows:
            line = {name: columns[name][row].as_py() for name in columns if name not in ("bytes", "list", "latin")}
            line["bytes"] = columns["bytes"][row].as_py().decode()
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def write_encodings():
    """More rows than are decoded at once, in the newer pages and encodings, one column for each."""
    rows = range(600)
    encodings = {"lengths": "DELTA_LENGTH_BYTE_ARRAY", "prefixes": "DELTA_BYTE_ARRAY", "plain": "PLAIN"}
    table = pa.table({name: pa.array([f"row {row}" for row in rows]) for name in encodings})
    pq.write_table(table, FIXTURES / "encodings.parquet", use_dictionary=False, column_encoding=encodings,
                   data_page_version="2.0", compression="zstd", store_schema=False)


def write_small():
    """One that is damaged at every byte."""
    table = pa.table({"text": ["one", "two", None, "two"]})
    pq.write_table(table, FIXTURES / "small.parquet", store_schema=False, write_statistics=False)
    pq.write_table(table.slice(0, 0), FIXTURES / "no_rows.parquet", store_schema=False)


write_kinds()
write_encodings()
write_small()
