//! Exactly once: a process that is killed at any instant leaves nothing that readers see, and nothing that a later run
//! counts twice or leaves out.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use twinlake::lake::When;

use crate::shop::{SALES, shop};
use crate::twin::Twin;

/// What a shop with so many days looks like when nothing ever went wrong.
fn undisturbed(days: usize) -> Vec<String> {
    let twin = shop(days);
    assert_eq!(twin.settle(), days, "a day a run");
    assert_eq!(twin.number("SELECT count(*) FROM shop.sales"), (days * SALES) as i64);
    assert_eq!(twin.number("SELECT count(*) FROM twin.rejects"), (days * 2) as i64);
    twin.seen(&When::Now)
}

fn newest(twin: &Twin) -> Option<u64> {
    crate::twin::wait(twin.app().manifest(&When::Now)).unwrap().number
}

/// Every relation belongs to the same run: what is derived equals what it is derived from.
fn assert_whole(twin: &Twin) {
    if newest(twin).is_none() {
        return;
    }
    let rows = twin.ask(
        "SELECT
            (SELECT sum(amount) FROM shop.sales) AS sold,
            (SELECT sum(amount) FROM mart.by_product) AS by_product,
            (SELECT amount FROM mart.total) AS total,
            (SELECT count(*) FROM shop.sales) AS sales,
            (SELECT count(DISTINCT sale_id) FROM shop.sales) AS different_sales,
            (SELECT sum(rows_landed) FROM twin.slices WHERE relation = 'shop.sales') AS landed,
            (SELECT count(*) FROM shop.staff WHERE _valid_to IS NULL) AS staff,
            (SELECT staff FROM mart.total) AS total_staff",
    );
    let row = &rows[0];
    assert!(row[0] == row[1] && row[1] == row[2], "amounts differ: {row:?}");
    assert!(row[3] == row[4] && row[4] == row[5], "sales differ: {row:?}");
    assert!(row[6] == row[7], "staff differs: {row:?}");
    let accounts =
        "SELECT count(*) FROM twin.slices WHERE rows_read <> rows_landed + rows_unchanged + rows_rejected";
    assert_eq!(twin.number(accounts), 0);
}

#[cfg(feature = "failpoints")]
mod at_failpoints {
    use super::*;

    const POINTS: [&str; 5] =
        ["files-written", "node-committed", "system-committed", "before-publish", "published"];

    /// Runs a process that dies the `count`+1st time it comes to `point`. Whether it came there.
    fn killed(twin: &Twin, point: &str, count: usize) -> bool {
        let failpoints = format!("{point}={count}*off->return");
        let output = twin.process(&["run"]).env("FAILPOINTS", failpoints).output().unwrap();
        let died = output.status.code().is_none();
        assert!(died || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        died
    }

    /// Kills one run of `begun` at each point, each time it passes there, and lets the twin finish after each.
    fn kill_everywhere(begun: &Twin, expected: &[String]) {
        let before = begun.seen(&When::Now);
        let number = newest(begun);
        for point in POINTS {
            let mut kills = 0;
            loop {
                let twin = begun.copy();
                if !killed(&twin, point, kills) {
                    break;
                }
                kills += 1;
                assert_whole(&twin);
                if point == "published" {
                    assert_eq!(
                        newest(&twin),
                        Some(number.map_or(0, |number| number + 1)),
                        "it was published"
                    );
                } else {
                    assert_eq!(newest(&twin), number, "killed at {point}");
                    assert_eq!(twin.seen(&When::Now), before, "killed at {point}");
                }
                twin.settle();
                assert_eq!(twin.seen(&When::Now), expected, "killed at {point}, passed {kills} times");
            }
            let least = if matches!(point, "before-publish" | "published") { 1 } else { 4 };
            assert!(kills >= least, "{point} was come to {kills} times only");
        }
    }

    #[test]
    fn the_first_run_may_die_at_any_point() {
        kill_everywhere(&shop(2), &undisturbed(2));
    }

    #[test]
    fn a_later_run_may_die_at_any_point() {
        let twin = shop(3);
        twin.run();
        kill_everywhere(&twin, &undisturbed(3));
    }

    #[test]
    fn leftovers_of_many_killed_runs_pile_up_and_do_no_harm() {
        let twin = shop(2);
        twin.run();
        let before = twin.seen(&When::Now);
        for (point, count) in
            [("node-committed", 0), ("node-committed", 2), ("system-committed", 1), ("files-written", 1)]
        {
            for _ in 0..2 {
                assert!(killed(&twin, point, count));
                assert_eq!(twin.seen(&When::Now), before);
            }
        }
        for _ in 0..3 {
            assert!(killed(&twin, "before-publish", 0));
        }
        assert_eq!(twin.seen(&When::Now), before);
        twin.settle();
        assert_eq!(twin.seen(&When::Now), undisturbed(2));
    }
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn failpoints() {
    eprintln!("NOT RUN: runs that die at chosen points (needs --features failpoints)");
}

fn start(twin: &Twin) -> Child {
    twin.process(&["run", "--quiet"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_run_may_be_killed_at_any_instant() {
    let days = 10;
    let twin = shop(days);
    let timer = Instant::now();
    assert!(start(&twin.copy()).wait().unwrap().success());
    let usual = timer.elapsed();

    let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(20_261_124);
    let (mut killed, mut last) = (0, None);
    for _ in 0..18 {
        let mut run = start(&twin);
        std::thread::sleep(usual.mul_f64(chance.gen_range(0.05..1.1)));
        // SIGKILL; does nothing where the run was faster.
        run.kill().unwrap();
        let status = run.wait().unwrap();
        assert!(status.success() || status.code().is_none(), "{status:?}");
        killed += usize::from(!status.success());
        let number = newest(&twin);
        assert!(number >= last, "manifests only grow");
        last = number;
        assert_whole(&twin);
    }
    eprintln!("killed {killed} of 18 runs, which take {usual:?}");
    assert!(killed >= 6, "only {killed} runs were caught");
    twin.settle();
    assert_eq!(twin.seen(&When::Now), undisturbed(days));
}

#[test]
fn of_two_runs_at_once_one_publishes_and_the_other_hears_of_it() {
    let days = 10;
    let twin = shop(days);
    let mut conflicts = 0;
    for round in 0..5 {
        let before = newest(&twin).map_or(0, |number| number + 1);
        let first = start(&twin);
        // The nearer they begin, the more tables both commit to.
        std::thread::sleep(Duration::from_millis(round * round * 8));
        let second = start(&twin);
        let outputs = [first.wait_with_output().unwrap(), second.wait_with_output().unwrap()];
        let codes = outputs.each_ref().map(|output| output.status.code().unwrap());
        for output in &outputs {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 7)), "{codes:?} {said}");
        }
        let published = codes.iter().filter(|code| **code == 0).count() as u64;
        assert!(published >= 1, "one of them always gets through: {codes:?}");
        conflicts += 2 - published;
        assert_eq!(
            newest(&twin),
            Some(before + published - 1),
            "{codes:?}: one manifest for each that succeeded"
        );
        assert_whole(&twin);
    }
    eprintln!("{conflicts} of 10 runs lost to the other");
    assert!(conflicts > 0, "none ever met the other");
    twin.settle();
    assert_eq!(twin.seen(&When::Now), undisturbed(days));
}
