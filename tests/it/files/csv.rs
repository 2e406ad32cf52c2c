use std::io::Write;

use proptest::prelude::*;
use twinlake::error::ErrorKind;
use twinlake::ingest::files::Layout;
use twinlake::project::source::CsvDialect;

use super::{Outcome, lines, read_bytes, reasons};

fn dialect(change: impl FnOnce(&mut CsvDialect)) -> Layout {
    let mut csv = CsvDialect::default();
    change(&mut csv);
    Layout { csv, ..Layout::default() }
}

fn read(content: impl AsRef<[u8]>) -> Outcome {
    read_with(content, |_| {})
}

fn read_with(content: impl AsRef<[u8]>, change: impl FnOnce(&mut CsvDialect)) -> Outcome {
    read_bytes("t.csv", content.as_ref(), &dialect(change)).unwrap()
}

fn fails(content: impl AsRef<[u8]>, change: impl FnOnce(&mut CsvDialect)) -> (ErrorKind, String, String) {
    let error = read_bytes("t.csv", content.as_ref(), &dialect(change)).unwrap_err();
    assert!(error.kind() == ErrorKind::Declaration || error.message().contains("t.csv"), "{error}");
    let message =
        error.message().split_once("t.csv\": ").map_or(error.message(), |(_, rest)| rest).to_owned();
    (error.kind(), message, error.hint().expect("a remedy").to_owned())
}

#[test]
fn positions_count_lines_even_inside_quotes() {
    let outcome = read("a,b\n1,\"x\ny\r\nz\"\n\n2,w\r\n3,\"p\rq\"\r4,v");
    assert_eq!(lines(&outcome), ["1|x\ny\r\nz", "2|w", "3|p\rq", "4|v"]);
    assert_eq!(outcome.positions, [2, 6, 7, 9]);
    assert_eq!(outcome.raw, ["1,\"x\ny\r\nz\"", "2,w", "3,\"p\rq\"", "4,v"]);
    assert!(outcome.malformed.is_empty());
}

#[test]
fn mixed_line_ends() {
    let outcome = read("a,b\r1,2\r\n3,4\n5,6\r");
    assert_eq!(lines(&outcome), ["1|2", "3|4", "5|6"]);
    assert_eq!(outcome.positions, [2, 3, 4]);
}

#[test]
fn malformed_records_leave_the_others_alone() {
    let text = b"a,b,c\n1,2,3\n1,2\n1,2,3,4\n\"x\"y,2,3\n1,\xff,3\n1,\0,3\n4,5,6\n7,\"open\n8,9,10\n";
    let outcome = read(text);
    assert_eq!(lines(&outcome), ["1|2|3", "4|5|6"]);
    assert_eq!(outcome.positions, [2, 8]);
    assert_eq!(
        reasons(&outcome),
        [
            (3, "2 fields, the header has 3"),
            (4, "4 fields, the header has 3"),
            (5, "text after a closing quote in field 1 (a)"),
            (6, "not valid text in the file's encoding, at byte 3 of the record"),
            (7, "a NUL at byte 3 of the record"),
            (9, "a quote is never closed in field 2 (b)"),
        ]
    );
    assert_eq!(outcome.malformed[3].raw, "1,\u{fffd},3");
    assert_eq!(outcome.malformed[5].raw, "7,\"open\n8,9,10\n");
}

#[test]
fn one_field_too_few_is_singular() {
    assert_eq!(reasons(&read("a,b\n1\n")), [(2, "1 field, the header has 2")]);
}

#[test]
fn delimiter_quote_escape_comment_and_skipped_lines() {
    let text = "exported 2024\n\"not closed\n# about; columns \"\na;b\n# a 'comment'\n'x;y';'it''s \\'so\\' \\n \\\\'\n1;\"2\"\n";
    let outcome = read_with(text, |csv| {
        csv.delimiter = ";".into();
        csv.quote = "'".into();
        csv.escape = Some("\\".into());
        csv.comment = Some("#".into());
        csv.skip_lines = 2;
    });
    assert_eq!(outcome.columns, ["a", "b"]);
    assert_eq!(lines(&outcome), ["x;y|it's 'so' \\n \\", "1|\"2\""]);
    assert_eq!(outcome.positions, [6, 7]);
}

#[test]
fn without_quotes_a_quote_is_a_character() {
    let outcome = read_with("a\tb\n\"x\t6\"\n", |csv| {
        csv.delimiter = "\t".into();
        csv.quote = String::new();
    });
    assert_eq!(lines(&outcome), ["\"x|6\""]);
}

#[test]
fn without_header_the_declared_columns_count() {
    let mut layout = dialect(|csv| csv.header = false);
    let outcome = read_bytes("t.csv", b"1,2\n3,4\n", &layout).unwrap();
    assert_eq!(outcome.columns, ["column_1", "column_2"]);
    layout.columns = vec!["x".into(), "y".into()];
    let outcome = read_bytes("t.csv", b"1,2\n3\n", &layout).unwrap();
    assert_eq!(outcome.columns, ["x", "y"]);
    assert_eq!(outcome.positions, [1]);
    assert_eq!(reasons(&outcome), [(2, "1 field, 2 expected")]);
    assert!(read_bytes("t.csv", b"", &layout).unwrap().rows.is_empty());
    layout.columns.clear();
    assert!(read_bytes("t.csv", b"", &layout).unwrap().columns.is_empty());
    assert!(read_bytes("t.csv", b"\n\n", &layout).unwrap().rows.is_empty());
}

#[test]
fn nulls() {
    let text = "a,b,c\n,\"\",NA\nN A,\"NA\",NAN\n";
    let nulls = |empty| {
        lines(&read_with(text, |csv| {
            csv.nulls = vec!["NA".into()];
            csv.empty_is_null = empty;
        }))
    };
    assert_eq!(nulls(true), ["~|~|~", "N A|~|NAN"]);
    assert_eq!(nulls(false), ["||~", "N A|~|NAN"]);
    assert_eq!(lines(&read("a,b\n1,\"say \"\"NA\"\"\"\n,x\n")), ["1|say \"NA\"", "~|x"]);
}

#[test]
fn encodings() {
    let text = "name,city\nJosé,Zürich\nΩ,€\n";
    let utf16 = |big: bool, mark: bool| -> Vec<u8> {
        let mark = if mark { "\u{feff}" } else { "" };
        let units = mark.encode_utf16().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let in_encoding =
        |content: &[u8], encoding: &str| read_with(content, |csv| csv.encoding = encoding.into());
    let expected = ["José|Zürich", "Ω|€"];
    for (content, declared) in [
        (text.as_bytes().to_vec(), "utf-8"),
        ([b"\xef\xbb\xbf", text.as_bytes()].concat(), "utf-8"),
        ([b"\xef\xbb\xbf", text.as_bytes()].concat(), "latin-1"),
        (utf16(false, true), "utf-8"),
        (utf16(true, true), "windows-1252"),
        (utf16(false, false), "utf-16"),
        (utf16(true, false), "utf-16"),
    ] {
        let outcome = in_encoding(&content, declared);
        assert_eq!(outcome.columns, ["name", "city"]);
        assert_eq!(lines(&outcome), expected);
        assert_eq!(outcome.positions, [2, 3]);
    }
    assert_eq!(lines(&in_encoding(b"a,b\n\xe9,\x80\n", "latin-1")), ["é|\u{80}"]);
    assert_eq!(lines(&in_encoding(b"a,b\n\xe9,\x80\n", "windows-1252")), ["é|€"]);
    let (kind, message, _) = fails("a\n", |csv| csv.encoding = "ebcdic".into());
    assert_eq!((kind, message.as_str()), (ErrorKind::Declaration, "encoding \"ebcdic\" is not known"));
}

#[test]
fn a_bad_character_spoils_its_record_only() {
    let mut content: Vec<u8> = "\u{feff}a,b\n1,x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    content.extend("2,".encode_utf16().flat_map(u16::to_le_bytes));
    content.extend(0xd800u16.to_le_bytes());
    content.extend("\n3,y\n".encode_utf16().flat_map(u16::to_le_bytes));
    content.push(b'!');
    let outcome = read(content);
    assert_eq!(lines(&outcome), ["1|x", "3|y"]);
    assert_eq!(reasons(&outcome).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 5]);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compression_is_told_from_the_content() {
    let two = [gzip(b"a,b\n1,2\n"), gzip(b"3,4\n")].concat();
    let zstd =
        [zstd::encode_all(&b"a,b\n1,2\n"[..], 3).unwrap(), zstd::encode_all(&b"3,4\n"[..], 3).unwrap()]
            .concat();
    let plain = b"a,b\n1,2\n3,4\n".to_vec();
    for content in [two, zstd, plain] {
        for name in ["t.csv", "t.csv.gz", "t.CSV.zst"] {
            let outcome = read_bytes(name, &content, &Layout::default()).unwrap();
            assert_eq!(lines(&outcome), ["1|2", "3|4"]);
            assert_eq!(outcome.digest, Some(xxhash_rust::xxh3::xxh3_128(&content)));
        }
    }
}

#[test]
fn a_truncated_archive_fails_and_says_where() {
    let rows: String =
        (0..200_000).map(|n: u64| format!("{n},{}\n", n.wrapping_mul(2_654_435_761) % 9973)).collect();
    let text = format!("a,b\n{rows}");
    for whole in [gzip(text.as_bytes()), zstd::encode_all(text.as_bytes(), 3).unwrap()] {
        let cut = &whole[..whole.len() * 2 / 3];
        let (kind, message, hint) = fails(cut, |_| {});
        assert_eq!(kind, ErrorKind::Input);
        let place = format!("ends early at byte {}, the ", cut.len());
        assert!(message.starts_with(&place) && message.ends_with("file is truncated"), "{message}");
        assert!(hint.contains("nothing of it landed"), "{hint}");
    }
}

#[test]
fn what_is_not_a_table_is_one_clear_error() {
    let bytes: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let cases: [(&[u8], &str); 8] = [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n\n", "has no header"),
        (&bytes, "does not look like text"),
        (b"PAR1 and more", "does not look like text, but like Parquet"),
        (b"PK\x03\x04 and more", "does not look like text, but like a zip archive or Excel workbook"),
        (b"a,,c\n", "line 1: column 2 of the header has no name"),
        (b"\na,b,\"a\"\n", "line 2: column 3 of the header is named \"a\", as is column 1"),
    ];
    for (content, expected) in cases {
        let (kind, message, _) = fails(content, |_| {});
        assert_eq!((kind, message.as_str()), (ErrorKind::Input, expected));
    }
    let (_, message, _) = fails("a\n", |csv| csv.skip_lines = 3);
    assert_eq!(message, "has only 1 lines, and skip_lines is 3");
    let (_, message, _) = fails("a,\"b\n1,2\n", |_| {});
    assert_eq!(message, "line 1: column 2 of the header has a quote that is never closed");
    for wrong in ["", "ab", "é", "\n"] {
        let (kind, ..) = fails("a\n", |csv| csv.delimiter = wrong.into());
        assert_eq!(kind, ErrorKind::Declaration);
    }
    let (kind, ..) = fails("a\n", |csv| csv.delimiter = "\"".into());
    assert_eq!(kind, ErrorKind::Declaration);
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    for text in ["a,b", "a,b\n", "\"a\",b\r\n\r\n"] {
        let outcome = read(text);
        assert_eq!(outcome.columns, ["a", "b"]);
        assert!(outcome.rows.is_empty() && outcome.malformed.is_empty());
    }
}

#[test]
fn a_quote_that_is_never_closed_does_not_take_all_memory() {
    let mut text = b"a,b\n1,\"".to_vec();
    text.resize(66 << 20, b'x');
    let (kind, message, hint) = fails(&text, |_| {});
    assert_eq!(kind, ErrorKind::Input);
    assert_eq!(message, "line 2: a record is longer than 64 MiB");
    assert!(hint.contains("quote"));
}

#[test]
fn raw_records_are_cut() {
    let long = "é".repeat(50_000);
    let outcome = read(format!("a,b\n1,{long}\n{long}\n"));
    for raw in [&outcome.raw[0], &outcome.malformed[0].raw] {
        assert!(raw.len() < (64 << 10) + 64 && raw.contains("... [cut: 10000"), "{} bytes", raw.len());
    }
    assert_eq!(outcome.rows[0][1].as_deref(), Some(long.as_str()));
}

/// Reads with blocks of a few bytes, so that every record is cut somewhere.
fn in_small_blocks(text: &[u8], block_bytes: usize, csv: CsvDialect) -> Outcome {
    let columns = vec!["x".to_owned(), "y".to_owned()];
    let csv = CsvDialect { header: false, empty_is_null: false, ..csv };
    read_bytes("t.csv", text, &Layout { csv, columns, block_bytes, ..Layout::default() }).unwrap()
}

/// What csv-core makes of a text: an independent, lenient reader of the same grammar.
fn by_csv_core(text: &[u8], escape: Option<u8>) -> Vec<Vec<String>> {
    let mut reader = csv_core::ReaderBuilder::new().escape(escape).build();
    let (mut output, mut ends) = (vec![0; text.len() + 16], vec![0; text.len() + 16]);
    let (mut rows, mut input) = (Vec::new(), text);
    let (mut written, mut fields) = (0, 0);
    loop {
        let (result, read, wrote, ended) =
            reader.read_record(input, &mut output[written..], &mut ends[fields..]);
        input = &input[read..];
        written += wrote;
        fields += ended;
        match result {
            csv_core::ReadRecordResult::Record => {
                let mut start = 0;
                let field = ends[..fields].iter().map(|&end| {
                    let text = String::from_utf8(output[start..end].to_vec()).unwrap();
                    start = end;
                    text
                });
                rows.push(field.collect());
                (written, fields) = (0, 0);
            }
            csv_core::ReadRecordResult::End => return rows,
            csv_core::ReadRecordResult::InputEmpty => {}
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever the text: the good rows are csv-core's, in order, and the malformed ones make up the rest.
    #[test]
    fn agrees_with_csv_core(text in "[ab,,\"\"\n\r]{0,40}", block_bytes in 1usize..12) {
        let outcome = in_small_blocks(text.as_bytes(), block_bytes, CsvDialect::default());
        let expected = by_csv_core(text.as_bytes(), None);
        prop_assert_eq!(expected.len(), outcome.rows.len() + outcome.malformed.len());
        let mut both: Vec<_> = outcome.positions.iter().zip(&outcome.rows).map(|(at, row)| (*at, Some(row))).collect();
        both.extend(outcome.malformed.iter().map(|malformed| (malformed.position, None)));
        both.sort_by_key(|(at, _)| *at);
        for ((_, row), expected) in both.iter().zip(&expected) {
            if let Some(row) = row {
                let row: Vec<_> = row.iter().map(|cell| cell.clone().unwrap()).collect();
                prop_assert_eq!(&row, expected);
            }
        }
        let whole = in_small_blocks(text.as_bytes(), 1 << 20, CsvDialect::default());
        prop_assert_eq!(whole.rows, outcome.rows);
        prop_assert_eq!(whole.positions, outcome.positions);
        prop_assert_eq!(whole.malformed, outcome.malformed);
    }

    /// Blocks make no difference with escapes and comments either.
    #[test]
    fn blocks_make_no_difference(text in "[ab,,\"\"\\\\#\n\r]{0,40}", block_bytes in 1usize..12) {
        let csv = CsvDialect { escape: Some("\\".into()), comment: Some("#".into()), ..CsvDialect::default() };
        let cut = in_small_blocks(text.as_bytes(), block_bytes, csv.clone());
        let whole = in_small_blocks(text.as_bytes(), 1 << 20, csv);
        prop_assert_eq!(whole.rows, cut.rows);
        prop_assert_eq!(whole.positions, cut.positions);
        prop_assert_eq!(whole.malformed, cut.malformed);
    }

    /// What a writer wrote is what is read, whatever the values.
    #[test]
    fn round_trip(rows in prop::collection::vec((".{0,12}", "[a\",\n\r\\PC]{0,12}"), 1..20), quote_all: bool, crlf: bool, block_bytes in 1usize..64) {
        let quoted = |text: &str| {
            if quote_all || text.is_empty() || text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
        };
        let end = if crlf { "\r\n" } else { "\n" };
        let rows: Vec<_> = rows.iter().map(|(x, y)| (x.replace('\0', ""), y.replace('\0', ""))).collect();
        let text: String = rows.iter().map(|(x, y)| format!("{},{}{end}", quoted(x), quoted(y))).collect();
        // A byte order mark at the very beginning is not part of the text, and controls alone are no text.
        prop_assume!(!text.starts_with('\u{feff}') && text.bytes().filter(|byte| *byte < 32).count() < 4 + text.len() / 10);
        let outcome = in_small_blocks(text.as_bytes(), block_bytes, CsvDialect::default());
        prop_assert!(outcome.malformed.is_empty(), "{:?}", outcome.malformed);
        let read: Vec<_> = outcome.rows.iter().map(|row| (row[0].clone().unwrap(), row[1].clone().unwrap())).collect();
        prop_assert_eq!(read, rows);
    }
}
