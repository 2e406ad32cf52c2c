//! The S&P 500 as it was replaced 104 times: every addition, removal and change is found, and kept as history.

use twinlake::run::Outcome;

use crate::twin::{Twin, run};

/// Lists, each a file.
const LISTS: usize = 104;
/// The list whose header has other and more columns than the one before.
const RENAMED: &str = "snapshots/064_2023-04-13_6517cdbb.csv";

/// What happened to the list in all of its versions.
#[derive(Debug, PartialEq)]
struct Changes {
    initial: i64,
    added: i64,
    removed: i64,
    /// Entries that changed where the header did not.
    changed: i64,
    /// Entries that changed with the header.
    widened: i64,
}

impl Changes {
    fn of(twin: &Twin) -> Changes {
        let number = |sql: &str| twin.number(sql);
        let landed = number("SELECT sum(rows_landed) FROM twin.slices");
        let initial =
            number("SELECT rows_landed FROM twin.slices WHERE rows_landed > 0 ORDER BY uri LIMIT 1");
        let removed = number("SELECT sum(rows_deleted) FROM twin.slices");
        let members = number("SELECT count(*) FROM market.constituents WHERE _valid_to IS NULL");
        assert_eq!(number("SELECT count(*) FROM market.constituents"), landed, "history forgets no version");
        // Who is there now was there at first or came, and has not left.
        let added = members - initial + removed;
        // Who came in that one list, told from the table: nobody of that symbol was closed by it.
        let renamed = format!(
            "SELECT count(*) FROM market.constituents AS after WHERE _source_uri = '{RENAMED}' AND EXISTS (
                SELECT 1 FROM market.constituents AS before
                WHERE before.symbol = after.symbol AND before._valid_to = after._valid_from)"
        );
        let widened = number(&renamed);
        Changes { initial, added, removed, changed: landed - initial - added - widened, widened }
    }
}

/// Versions of a symbol follow one another, and it has one that holds at most.
fn assert_history_is_sound(twin: &Twin) {
    let two = "SELECT count(*) FROM (
            SELECT symbol FROM market.constituents WHERE _valid_to IS NULL GROUP BY symbol HAVING count(*) > 1)";
    assert_eq!(twin.number(two), 0, "two versions of a symbol hold");
    let backwards = "SELECT count(*) FROM market.constituents WHERE _valid_to < _valid_from";
    assert_eq!(twin.number(backwards), 0);
    let overlap = "SELECT count(*) FROM (
            SELECT _valid_from, lag(_valid_to) OVER (PARTITION BY symbol ORDER BY _valid_from, _valid_to NULLS LAST) AS ended,
                row_number() OVER (PARTITION BY symbol ORDER BY _valid_from, _valid_to NULLS LAST) AS version
            FROM market.constituents)
        WHERE version > 1 AND (ended IS NULL OR ended > _valid_from)";
    assert_eq!(twin.number(overlap), 0, "a version begins before the one before it ends");
    let accounts =
        "SELECT count(*) FROM twin.slices WHERE rows_read <> rows_landed + rows_unchanged + rows_rejected";
    assert_eq!(twin.number(accounts), 0);
    // The last list is what holds now.
    let now = "SELECT
            (SELECT count(*) FROM market.constituents WHERE _valid_to IS NULL) AS members,
            (SELECT rows_landed + rows_unchanged FROM twin.slices ORDER BY uri DESC LIMIT 1) AS listed";
    let row = &twin.ask(now)[0];
    assert_eq!(row[0], row[1]);
}

fn run_all(twin: &Twin) {
    let app = twin.app();
    for list in 0..LISTS {
        let summary = run(&app);
        assert_eq!(summary.outcome, Outcome::Published, "{list}: {:?}", summary.nodes);
    }
    assert_eq!(run(&app).outcome, Outcome::UpToDate);
    assert_eq!(twin.number("SELECT count(*) FROM twin.slices"), LISTS as i64);
}

#[test]
fn a_list_that_cannot_be_read_whole_is_left_out_and_the_rest_is_history() {
    let Some(twin) = Twin::example("sp500") else { return };
    run_all(&twin);
    let rejected =
        twin.ask("SELECT uri, rows_read - rows_rejected AS kept FROM twin.slices WHERE status = 'rejected'");
    assert_eq!(rejected, [["snapshots/000_2012-12-27_f8d9c4a0.csv", "0"]]);
    let reasons = twin.ask("SELECT DISTINCT uri FROM twin.rejects WHERE reason LIKE '%135%'");
    assert_eq!(reasons, [["snapshots/000_2012-12-27_f8d9c4a0.csv"]], "the reason names the line");
    assert_eq!(
        Changes::of(&twin),
        Changes { initial: 500, added: 306, removed: 303, changed: 1_835, widened: 499 }
    );
    assert_history_is_sound(&twin);
}

#[test]
fn a_list_may_be_read_without_its_malformed_lines() {
    let Some(twin) = Twin::example("sp500") else { return };
    twin.edit("pipelines/sources/market.toml", "malformed = \"file\"", "malformed = \"record\"");
    run_all(&twin);
    let rejects = twin.ask("SELECT DISTINCT uri, rule FROM twin.rejects WHERE rule = 'malformed'");
    assert_eq!(rejects, [["snapshots/000_2012-12-27_f8d9c4a0.csv", "malformed"]]);
    assert_eq!(twin.number("SELECT count(*) FROM twin.rejects WHERE rule = 'malformed'"), 3);
    assert_eq!(
        Changes::of(&twin),
        Changes { initial: 497, added: 309, removed: 303, changed: 1_835, widened: 499 }
    );
    assert_history_is_sound(&twin);
}
