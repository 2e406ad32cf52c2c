"""The peer of benches/landing.rs: the same CSV file to a Delta table with Polars. Prints one line of JSON."""

import json
import sys
import time

import deltalake
import polars as pl

MONEY = pl.Decimal(15, 2)
SCHEMA = {
    "l_orderkey": pl.Int64,
    "l_partkey": pl.Int64,
    "l_suppkey": pl.Int64,
    "l_linenumber": pl.Int32,
    "l_quantity": MONEY,
    "l_extendedprice": MONEY,
    "l_discount": MONEY,
    "l_tax": MONEY,
    "l_returnflag": pl.String,
    "l_linestatus": pl.String,
    "l_shipdate": pl.Date,
    "l_commitdate": pl.Date,
    "l_receiptdate": pl.Date,
    "l_shipinstruct": pl.String,
    "l_shipmode": pl.String,
    "l_comment": pl.String,
}

csv, target = sys.argv[1:]
zstd = {"writer_properties": deltalake.WriterProperties(compression="ZSTD", compression_level=1)}

began = time.perf_counter()
pl.scan_csv(csv, schema=SCHEMA).sink_delta(target, delta_write_options=zstd)
seconds = time.perf_counter() - began

table = deltalake.DeltaTable(target)
rows = table.count()
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(json.dumps({"seconds": seconds, "rows": rows, "peak_kib": peak}))
