//! Threads, memory, disk.

use std::process::Command;

use super::Examination;
use crate::app::App;
use crate::cli::human;

/// Less free space than this keeps a run of any size from ending well.
const LITTLE_SPACE: u64 = 1 << 30;

pub(super) fn examine(app: &App, examination: &mut Examination<'_>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = app.engine.threads();
    match threads > 2 * cores {
        true => examination.warn(
            "threads",
            format!("{threads}, on {}", human::counted(cores, "core")),
            "More threads than cores only take memory: lower engine.threads in twin.toml.",
        ),
        false => examination.ok("threads", format!("{threads}, on {}", human::counted(cores, "core"))),
    }
    let wanted = app.project.memory_bytes as u64;
    match installed_memory() {
        Some(installed) if wanted > installed => examination.warn(
            "memory",
            format!(
                "queries may use {} before they spill; the machine has {}",
                human::bytes(wanted),
                human::bytes(installed)
            ),
            "Lower engine.memory in twin.toml to what the machine can spare.",
        ),
        Some(installed) => examination.ok(
            "memory",
            format!(
                "queries may use {} before they spill, of {}",
                human::bytes(wanted),
                human::bytes(installed)
            ),
        ),
        None => {
            examination.ok("memory", format!("queries may use {} before they spill", human::bytes(wanted)))
        }
    }
    let Ok(folder) = app.lake.url().to_file_path() else { return };
    // The lake's own folder may not have been made yet.
    let Some(folder) = folder.ancestors().find(|folder| folder.is_dir()) else { return };
    match free_space(folder) {
        Some(free) if free < LITTLE_SPACE => examination.warn(
            "disk",
            format!("{} free where the lake is", human::bytes(free)),
            "Free some space: a run writes new versions beside the old ones.",
        ),
        Some(free) => examination.ok("disk", format!("{} free where the lake is", human::bytes(free))),
        None => {}
    }
}

/// Bytes of memory, where the system says.
fn installed_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Bytes free for the file system of a folder, as POSIX `df` says.
fn free_space(folder: &std::path::Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(folder).output().ok()?;
    parse_df(&String::from_utf8_lossy(&output.stdout))
}

/// The fourth column of the last line; a file system's name may hold spaces, numbers do not.
fn parse_df(text: &str) -> Option<u64> {
    let line = text.lines().skip(1).last()?;
    let numbers: Vec<&str> = line.split_whitespace().collect();
    let percent = numbers.iter().rposition(|part| part.ends_with('%'))?;
    numbers.get(percent.checked_sub(1)?)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::parse_df;

    #[test]
    fn free_space_from_df() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/disk 1 100 40 60 40% /a folder\n";
        assert_eq!(parse_df(text), Some(60 * 1024));
        assert_eq!(parse_df(""), None);
    }
}
