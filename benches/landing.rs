//! How fast files land, and what it costs: TPC-H `lineitem` as CSV, landed with types, contract, lineage columns and
//! logical hash, against Polars writing the same file to Delta and DataFusion writing it to plain Parquet.
//!
//! Every measurement is a process of its own, so that its peak memory is its own: this program starts itself anew with
//! `--side`. `benches/README.md` says how to read the figures.

mod common;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, RunArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use clap::{Parser, ValueEnum};
use datafusion::common::config::TableParquetOptions;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{CsvReadOptions, SessionConfig, SessionContext};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use serde::{Deserialize, Serialize};
use tpchgen::csv::LineItemCsv;
use tpchgen::generators::LineItemGenerator;
use twinlake::app::App;
use twinlake::ids::RunId;
use twinlake::lake::Lake;
use twinlake::run::{Options, Outcome, Silent};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The peer's packages, pinned so that figures of different days can be compared.
const PEER: [&str; 2] = ["polars==2.1.0", "deltalake==1.6.6"];

/// Land TPC-H lineitem, and compare.
#[derive(Parser)]
struct Args {
    /// TPC-H scale factor: 1 is six million rows, some 750 MB of CSV.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Measurements of each side, in turn; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Threads of each side.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Leave Polars out; no Python is needed then.
    #[arg(long)]
    no_peer: bool,
    /// One measurement, in this process.
    #[arg(long, hide = true, requires_all = ["csv", "target"])]
    side: Option<Side>,
    #[arg(long, hide = true)]
    csv: Option<PathBuf>,
    #[arg(long, hide = true)]
    target: Option<PathBuf>,
    /// What `cargo bench` says.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Who lands the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Side {
    /// Delta with all that Twinlake adds.
    Twinlake,
    /// Plain Parquet.
    Datafusion,
    /// Delta.
    Polars,
    /// Rows that Twinlake has landed, written with and without their lineage columns.
    Lineage,
}

impl Side {
    fn title(self) -> &'static str {
        match self {
            Side::Twinlake => "Twinlake: Delta, contract, lineage, hash",
            Side::Datafusion => "DataFusion: plain Parquet",
            Side::Polars => "Polars: Delta",
            Side::Lineage => "lineage columns alone",
        }
    }
}

/// One measurement.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    /// Of the landing alone, without starting the process; of [`Side::Lineage`], what the columns add on one thread.
    seconds: f64,
    /// Rows landed or written.
    rows: u64,
    /// Most memory that was resident at once.
    peak_kib: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let (Some(side), Some(csv), Some(target)) = (args.side, &args.csv, &args.target) {
        return measure(side, csv, target, args.threads);
    }
    if !args.bench {
        eprintln!("This is a benchmark: run it with `cargo bench --bench landing`.");
        return Ok(());
    }
    compare(&args)
}

/// Measures all sides in turn, and prints the table.
fn compare(args: &Args) -> Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-data");
    fs::create_dir_all(&folder)?;
    let csv = generate(&folder, args.scale)?;
    let bytes = fs::metadata(&csv)?.len();
    println!(
        "{}: {:.1} MB, {} threads, {} runs each\n",
        csv.display(),
        bytes as f64 / 1e6,
        args.threads,
        args.runs
    );

    let mut sides = vec![Side::Twinlake, Side::Datafusion];
    let python = if args.no_peer { None } else { common::python(&folder.join("venv"), &PEER) };
    if python.is_some() {
        sides.push(Side::Polars);
    }
    let mut results: BTreeMap<Side, Vec<Measured>> = BTreeMap::new();
    let mut written: BTreeMap<Side, u64> = BTreeMap::new();
    let mut shares = None;
    let mut lineage = Vec::new();
    for _ in 0..args.runs {
        for side in &sides {
            let target = folder.join(format!("{side:?}").to_lowercase());
            remove(&target)?;
            // Every side finds the file in memory.
            std::io::copy(&mut File::open(&csv)?, &mut std::io::sink())?;
            let measured = child(*side, &csv, &target, args.threads, python.as_deref())?;
            let files = data_files(&target)?;
            written
                .insert(*side, files.iter().map(|file| file.metadata().map_or(0, |data| data.len())).sum());
            if *side == Side::Twinlake {
                shares = Some(column_bytes(&files)?);
                let added = child(Side::Lineage, &csv, &target, 1, None)?;
                lineage.push(added.seconds / added.rows as f64 / args.threads as f64);
            }
            eprintln!("{side:?}: {:.2} s, {} MiB", measured.seconds, measured.peak_kib / 1024);
            results.entry(*side).or_default().push(measured);
            remove(&target)?;
        }
    }
    report(bytes, &results, &written, &shares.unwrap_or_default(), lineage)
}

fn report(
    bytes: u64,
    results: &BTreeMap<Side, Vec<Measured>>,
    written: &BTreeMap<Side, u64>,
    columns: &BTreeMap<String, u64>,
    lineage_seconds: Vec<f64>,
) -> Result<()> {
    let median = |side: Side| -> Option<f64> {
        Some(median(results.get(&side)?.iter().map(|measured| measured.seconds).collect()))
    };
    let ours = median(Side::Twinlake).ok_or("nothing was measured")?;
    let mut text = String::from(
        "\n| side | median s | MB/s | Twinlake is | peak MiB | MB written |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for (side, measured) in results {
        let Some(seconds) = median(*side) else { continue };
        let peak = measured.iter().map(|measured| measured.peak_kib).max().unwrap_or(0) / 1024;
        writeln!(
            text,
            "| {} | {seconds:.2} | {:.0} | {:.2} times as fast | {peak} | {:.1} |",
            side.title(),
            bytes as f64 / 1e6 / seconds,
            seconds / ours,
            written.get(side).map_or(0.0, |written| *written as f64 / 1e6),
        )?;
    }
    let rows: Vec<u64> = results.values().flatten().map(|measured| measured.rows).collect();
    if rows.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(format!("the sides landed different numbers of rows: {rows:?}").into());
    }
    let all: u64 = columns.values().sum();
    let lineage: u64 = columns.iter().filter(|(name, _)| name.starts_with('_')).map(|(_, bytes)| bytes).sum();
    writeln!(text, "\nOf Twinlake's {:.1} MB of columns:\n", all as f64 / 1e6)?;
    writeln!(text, "| column | bytes a row | % of the data columns |\n|---|--:|--:|")?;
    let per_row = |bytes: u64| bytes as f64 / rows.first().copied().unwrap_or(1).max(1) as f64;
    let percent = |bytes: u64| 100.0 * bytes as f64 / (all - lineage).max(1) as f64;
    for (name, bytes) in columns.iter().filter(|(name, _)| name.starts_with('_')) {
        writeln!(text, "| `{name}` | {:.3} | {:.2} |", per_row(*bytes), percent(*bytes))?;
    }
    writeln!(text, "| all lineage columns | {:.3} | {:.2} |", per_row(lineage), percent(lineage))?;
    let rows = rows.first().copied().unwrap_or(0) as f64;
    let seconds = self::median(lineage_seconds) * rows;
    writeln!(
        text,
        "\nThey take {seconds:.2} s of the {ours:.2} s, {:.1} % on top of the rest.",
        100.0 * seconds / (ours - seconds)
    )?;
    println!("{text}");
    Ok(())
}

/// Of an even number, the mean of the middle two.
fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    match seconds.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => seconds[middle],
        _ => (seconds[middle - 1] + seconds[middle]) / 2.0,
    }
}

/// The CSV file, written once.
fn generate(folder: &Path, scale: f64) -> Result<PathBuf> {
    let path = folder.join(format!("lineitem-{scale}")).join("lineitem.csv");
    if path.is_file() {
        return Ok(path);
    }
    eprintln!("generating {}", path.display());
    let part = path.with_extension("part");
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    writeln!(out, "{}", LineItemCsv::header())?;
    for line in LineItemGenerator::new(scale, 1, 1).iter() {
        writeln!(out, "{}", LineItemCsv::new(line))?;
    }
    out.flush()?;
    fs::rename(&part, &path)?;
    Ok(path)
}

/// One measurement in a process of its own.
fn child(side: Side, csv: &Path, target: &Path, threads: usize, python: Option<&Path>) -> Result<Measured> {
    let mut command = match (side, python) {
        (Side::Polars, Some(python)) => {
            let mut command = Command::new(python);
            command
                .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/landing_peer.py"))
                .arg(csv)
                .arg(target);
            command.env("POLARS_MAX_THREADS", threads.to_string());
            command
        }
        _ => {
            let name = side.to_possible_value().ok_or("a side without a name")?;
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["--side", name.get_name(), "--threads", &threads.to_string(), "--csv"]);
            command.arg(csv).arg("--target").arg(target);
            command
        }
    };
    // The libraries underneath would use every core; give all sides the same.
    command.env("TOKIO_WORKER_THREADS", threads.to_string()).env("RAYON_NUM_THREADS", threads.to_string());
    let output = command.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match (output.status.success(), text.lines().last()) {
        (true, Some(line)) => Ok(serde_json::from_str(line)?),
        _ => Err(format!("{side:?} failed: {}", output.status).into()),
    }
}

/// Lands the file in this process, and prints what it took.
fn measure(side: Side, csv: &Path, target: &Path, threads: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()?;
    let (seconds, rows) = match side {
        Side::Twinlake => {
            declare(csv, target, threads)?;
            runtime.block_on(twinlake(target))?
        }
        Side::Datafusion => runtime.block_on(datafusion(csv, target, threads))?,
        Side::Polars => return Err("Polars is measured by landing_peer.py".into()),
        Side::Lineage => runtime.block_on(lineage(target))?,
    };
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak_kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok())
        .unwrap_or(0);
    println!("{}", serde_json::to_string(&Measured { seconds, rows, peak_kib })?);
    Ok(())
}

/// Opens the twin, runs it, publishes.
async fn twinlake(root: &Path) -> Result<(f64, u64)> {
    let began = Instant::now();
    let app = App::open(root, &BTreeMap::new())
        .map_err(|error| error.detail().unwrap_or(error.message()).to_string())?;
    let summary =
        app.run(Options::default(), Arc::new(Silent)).await.map_err(|error| error.message().to_string())?;
    let seconds = began.elapsed().as_secs_f64();
    if summary.outcome != Outcome::Published || summary.rows_read != summary.rows_landed {
        return Err(format!("the run did not land every row: {summary:?}").into());
    }
    Ok((seconds, summary.rows_landed))
}

/// Writes rows that Twinlake has landed to memory, in turn with their lineage columns and without; the seconds that the
/// columns add, and how many rows there were.
async fn lineage(root: &Path) -> Result<(f64, u64)> {
    const ROWS: usize = 1 << 20;
    let file = data_files(root)?.into_iter().next().ok_or("nothing landed")?;
    let mut batches = Vec::new();
    let mut rows = 0;
    for batch in
        ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_batch_size(16_384).build()?
    {
        let batch = batch?;
        rows += batch.num_rows();
        batches.push(batch);
        if rows >= ROWS {
            break;
        }
    }
    let schema = batches.first().ok_or("an empty file")?.schema();
    let own: Vec<usize> =
        (0..schema.fields().len()).filter(|index| !schema.field(*index).name().starts_with('_')).collect();
    let bare: Vec<RecordBatch> = batches.iter().map(|batch| batch.project(&own)).collect::<Result<_, _>>()?;
    // In the form in which landing hands them over.
    let stamped: Vec<RecordBatch> = batches.iter().map(run_end_encoded).collect::<Result<_>>()?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        with.push(write(&stamped, &schema).await?);
        without.push(write(&bare, &bare[0].schema()).await?);
    }
    Ok(((median(with) - median(without)).max(0.0), rows as u64))
}

/// A batch whose columns of one text or instant are run-end encoded.
fn run_end_encoded(batch: &RecordBatch) -> Result<RecordBatch> {
    let each = Int32Array::from(vec![i32::try_from(batch.num_rows())?]);
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let name = field.name();
        let column = match name.starts_with('_') && name != "_source_position" {
            true => Arc::new(RunArray::try_new(&each, &column.slice(0, 1))?),
            false => Arc::clone(column),
        };
        fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// Seconds to write the batches to a data file in memory.
async fn write(batches: &[RecordBatch], schema: &SchemaRef) -> Result<f64> {
    let lake = Lake::open(&"memory:///".parse()?).map_err(|error| error.message().to_string())?;
    let began = Instant::now();
    let written = async {
        let mut writer = lake.writer(
            &"tpch.lineitem".parse()?,
            &RunId::from(String::from("lineage")),
            "0",
            Arc::clone(schema),
        )?;
        for batch in batches {
            writer.write_hashed(batch, &[]).await?;
        }
        writer.finish().await
    };
    written.await.map_err(|error: twinlake::error::Error| error.message().to_string())?;
    Ok(began.elapsed().as_secs_f64())
}

/// DataFusion's own CSV reader and Parquet writer, with the same types and compression.
async fn datafusion(csv: &Path, target: &Path, threads: usize) -> Result<(f64, u64)> {
    fs::create_dir_all(target)?;
    let began = Instant::now();
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    let schema = schema();
    let path = csv.to_str().ok_or("a path that is not text")?;
    let frame = context.read_csv(path, CsvReadOptions::new().schema(&schema)).await?;
    let mut options = TableParquetOptions::default();
    options.global.compression = Some("zstd(1)".into());
    let folder = format!("{}/", target.display());
    frame.write_parquet(&folder, DataFrameWriteOptions::new(), Some(options)).await?;
    let seconds = began.elapsed().as_secs_f64();
    let mut rows = 0;
    for file in data_files(target)? {
        let reader = SerializedFileReader::new(File::open(file)?)?;
        rows += u64::try_from(reader.metadata().file_metadata().num_rows())?;
    }
    Ok((seconds, rows))
}

/// Column, declared type, rules.
const COLUMNS: [(&str, &str, &str); 16] = [
    ("l_orderkey", "int64", "required = true, min = 1"),
    ("l_partkey", "int64", "required = true, min = 1"),
    ("l_suppkey", "int64", "required = true, min = 1"),
    ("l_linenumber", "int32", "required = true, min = 1, max = 7"),
    ("l_quantity", "decimal(15,2)", "required = true, min = 1, max = 50"),
    ("l_extendedprice", "decimal(15,2)", "min = 0"),
    ("l_discount", "decimal(15,2)", "min = 0, max = 1"),
    ("l_tax", "decimal(15,2)", "min = 0, max = 1"),
    ("l_returnflag", "text", r#"accepted = ["R", "A", "N"]"#),
    ("l_linestatus", "text", r#"accepted = ["O", "F"]"#),
    ("l_shipdate", "date", "required = true"),
    ("l_commitdate", "date", ""),
    ("l_receiptdate", "date", ""),
    ("l_shipinstruct", "text", ""),
    ("l_shipmode", "text", ""),
    ("l_comment", "text", ""),
];

/// The types alone, for who reads without a contract.
fn schema() -> Schema {
    let fields = COLUMNS.iter().map(|(name, data_type, _)| {
        let data_type = twinlake::project::parse_type(data_type).unwrap_or(DataType::Utf8);
        Field::new(*name, data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// A twin of one table, in a fresh folder.
fn declare(csv: &Path, root: &Path, threads: usize) -> Result<()> {
    let mut source = format!(
        "root = {:?}\n[[table]]\nname = \"lineitem\"\nfiles = [{:?}]\nmode = \"append\"\n[table.columns]\n",
        csv.parent().unwrap_or(Path::new("/")),
        csv.file_name().unwrap_or_default(),
    );
    for (name, data_type, rules) in COLUMNS {
        let comma = if rules.is_empty() { "" } else { ", " };
        writeln!(source, "{name} = {{ type = \"{data_type}\"{comma}{rules} }}")?;
    }
    fs::create_dir_all(root.join("pipelines/sources"))?;
    fs::write(root.join("twin.toml"), format!("name = \"bench\"\n[engine]\nthreads = {threads}\n"))?;
    fs::write(root.join("pipelines/sources/tpch.toml"), source)?;
    Ok(())
}

/// The Parquet files of the landed table: below `lake/tpch/lineitem` where there is a lake, else below `folder`.
fn data_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = folder.join("lake/tpch/lineitem");
    let mut files = Vec::new();
    for entry in fs::read_dir(if table.is_dir() { &table } else { folder })? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Compressed bytes of every column, from the footers.
fn column_bytes(files: &[PathBuf]) -> Result<BTreeMap<String, u64>> {
    let mut bytes = BTreeMap::new();
    for file in files {
        let reader = SerializedFileReader::new(File::open(file)?)?;
        for group in reader.metadata().row_groups() {
            for column in group.columns() {
                let size = u64::try_from(column.compressed_size())?;
                *bytes.entry(column.column_path().string()).or_insert(0) += size;
            }
        }
    }
    Ok(bytes)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
