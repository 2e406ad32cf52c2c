//! Numbers as people read them.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};

/// `12,345`
pub(super) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// `1 node`, `12,345 nodes`
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{} {what}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

/// `1.50 MiB`
pub(super) fn bytes(number: u64) -> String {
    HumanBytes(number).to_string()
}

/// `0.03 s`, `1.2 s`, `42 s`, `3 min 5 s`, `2 h 4 min`
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match time.as_secs() {
        0 => format!("{seconds:.2} s"),
        1..10 => format!("{seconds:.1} s"),
        10..60 => format!("{seconds:.0} s"),
        whole @ 60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        whole => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (millis, text) in [
            (29, "0.03 s"),
            (1_240, "1.2 s"),
            (42_400, "42 s"),
            (185_000, "3 min 5 s"),
            (7_440_000, "2 h 4 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn counts() {
        assert_eq!(counted(1, "node"), "1 node");
        assert_eq!(counted(12_345, "node"), "12,345 nodes");
    }
}
