//! How a run goes, for those who watch it: bars on a terminal, a line for every node elsewhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as Timer};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

use super::human;
use super::paint::Paint;
use super::plan::up_to_date;
use super::{Console, render_error};
use crate::error::Error;
use crate::ids::RelationName;
use crate::node::{Progress, Quiet};
use crate::run::{Plan, Reporter, Status, Step};

/// Tells of a run on standard error.
pub(super) struct Telling {
    paint: Paint,
    quiet: bool,
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    overall: ProgressBar,
    running: Mutex<BTreeMap<RelationName, ProgressBar>>,
}

impl Telling {
    pub fn new(console: &Console) -> Self {
        let bars = console.draws().then(Bars::new);
        Self { paint: console.paint_stderr(), quiet: console.is_quiet(), bars }
    }

    /// Takes the bars off the screen.
    pub fn close(&self) {
        if let Some(bars) = &self.bars {
            bars.overall.finish_and_clear();
            let _ = bars.all.clear();
        }
    }

    fn line(&self, line: &str) {
        let _ = match &self.bars {
            Some(bars) => bars.all.println(line),
            None => writeln!(std::io::stderr(), "{line}"),
        };
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let overall = all.add(ProgressBar::no_length());
        overall.set_style(style("looking what there is to do {spinner}"));
        overall.enable_steady_tick(TICK);
        Self { all, overall, running: Mutex::default() }
    }
}

const TICK: Duration = Duration::from_millis(120);

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("our templates are sound").progress_chars("━╸─")
}

impl Reporter for Telling {
    fn planned(&self, plan: &Plan) {
        if plan.is_empty() && !self.quiet {
            self.line(&up_to_date(plan.unchanged));
        }
        let Some(bars) = &self.bars else { return };
        if plan.steps.is_empty() {
            return bars.overall.finish_and_clear();
        }
        bars.overall.set_style(style("{bar:30} {pos} of {len} nodes, {elapsed}"));
        bars.overall.set_length(plan.steps.len() as u64);
    }

    fn started(&self, step: &Step) -> Arc<dyn Progress> {
        let Some(bars) = &self.bars else { return Arc::new(Quiet) };
        let bar = bars.all.insert_before(&bars.overall, ProgressBar::new_spinner());
        bar.set_style(style("{spinner} {prefix} {msg}"));
        bar.set_prefix(step.relation.to_string());
        bar.enable_steady_tick(TICK);
        bars.running.lock().insert(step.relation.clone(), bar.clone());
        Arc::new(NodeBar {
            bar,
            rows: AtomicU64::new(0),
            read: AtomicU64::new(0),
            total: AtomicU64::new(0),
            done: AtomicU64::new(0),
            began: Mutex::default(),
        })
    }

    fn finished(&self, relation: &RelationName, status: Status, rows: Option<u64>, took: Duration) {
        if let Some(bars) = &self.bars {
            if let Some(bar) = bars.running.lock().remove(relation) {
                bar.finish_and_clear();
                bars.all.remove(&bar);
            }
            bars.overall.inc(1);
        }
        if self.quiet {
            return;
        }
        let rows = rows.map_or(String::new(), |rows| format!(" {} rows", human::count(rows)));
        let took = human::duration(took);
        match status {
            Status::Refreshed => {
                self.line(&format!("{} {relation}{rows} {took}", self.paint.green("refreshed")))
            }
            Status::Unchanged => {
                self.line(&format!("{} {relation}{rows} {took}", self.paint.dim("unchanged")))
            }
            Status::Skipped => self.line(&format!("{} {relation}", self.paint.yellow("skipped  "))),
            // Its error follows.
            Status::Failed => {}
        }
    }

    fn failed(&self, relation: &RelationName, error: &Error) {
        self.line(&format!("{} {relation}", self.paint.red("failed   ")));
        for line in render_error::text(error, self.paint, false).lines() {
            self.line(&format!("  {line}"));
        }
    }

    fn warned(&self, relation: &RelationName, check: &str, bad_rows: u64) {
        if !self.quiet {
            let warning = self.paint.yellow("warning  ");
            let rows = human::counted(usize::try_from(bad_rows).unwrap_or(usize::MAX), "row");
            self.line(&match bad_rows {
                0 => format!("{warning} {relation}: {check}"),
                _ => format!("{warning} {relation}: check {check} found {rows}"),
            });
        }
    }
}

/// One node's line.
struct NodeBar {
    bar: ProgressBar,
    rows: AtomicU64,
    read: AtomicU64,
    total: AtomicU64,
    done: AtomicU64,
    /// When the first step was done.
    began: Mutex<Option<Timer>>,
}

impl NodeBar {
    fn show(&self) {
        let mut message = String::new();
        let rows = self.rows.load(Ordering::Relaxed);
        if rows > 0 {
            message = format!("{} rows", human::count(rows));
        }
        let (read, total) = (self.read.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        if total > 0 {
            message = format!("{message} {} of {}", human::bytes(read), human::bytes(total));
        }
        self.bar.set_message(message);
    }
}

impl Progress for NodeBar {
    fn bytes(&self, read: u64, total: u64) {
        self.read.fetch_add(read, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        self.show();
    }
    fn rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.show();
    }
    fn steps(&self, done: u64, total: u64) {
        let done = self.done.fetch_add(done, Ordering::Relaxed) + done;
        let began = *self.began.lock().get_or_insert_with(Timer::now);
        self.bar.set_message(steps(done, total, began.elapsed()));
    }
}

/// How much of the work is done, and how long the rest will take at that pace.
fn steps(done: u64, total: u64, took: Duration) -> String {
    let share = done as f64 / total.max(1) as f64;
    let left = took.mul_f64((1.0 / share.max(1e-9) - 1.0).clamp(0.0, 1e6));
    match took.as_secs() {
        0 => format!("{:.0} %", 100.0 * share),
        _ => format!("{:.0} %, {} left", 100.0 * share, human::duration(left)),
    }
}

/// One line that changes, for work that is not a run. Elsewhere than on a terminal, nothing.
pub(super) struct Ticker {
    bar: Option<ProgressBar>,
}

impl Ticker {
    pub fn new(console: &Console, what: &str) -> Self {
        let bar = console.draws().then(|| {
            let bar = ProgressBar::new_spinner().with_style(style("{spinner} {prefix} {msg}"));
            bar.set_prefix(what.to_string());
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar }
    }

    pub fn say(&self, message: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(message);
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_tell_the_time_that_is_left() {
        assert_eq!(steps(1, 300, Duration::from_millis(5)), "0 %");
        assert_eq!(steps(75, 300, Duration::from_secs(10)), "25 %, 30 s left");
        assert_eq!(
            steps(300, 300, Duration::from_secs(10)),
            format!("100 %, {} left", human::duration(Duration::ZERO))
        );
        assert!(steps(0, 0, Duration::from_secs(10)).starts_with("0 %"));
    }
}
