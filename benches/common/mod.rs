//! What benchmarks share.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The interpreter of a venv that has these packages (as `name==version`); made on first use, none where they cannot be had.
pub fn python(venv: &Path, packages: &[&str]) -> Option<PathBuf> {
    let python = venv.join("bin/python");
    let has = |python: &Path| {
        let check = "import importlib.metadata as m, sys; sys.exit(any(m.version(p.split('==')[0]) != p.split('==')[1] for p in sys.argv[1:]))";
        Command::new(python)
            .args(["-c", check])
            .args(packages)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if has(&python) {
        return Some(python);
    }
    eprintln!("installing {} into {}", packages.join(" and "), venv.display());
    let made = Command::new("python3").args(["-m", "venv"]).arg(venv).status();
    let installed = Command::new(&python).args(["-m", "pip", "install", "-q"]).args(packages).status();
    if made.is_ok_and(|s| s.success()) && installed.is_ok_and(|s| s.success()) && has(&python) {
        return Some(python);
    }
    println!(
        "NOT RUN: the peer, because its packages cannot be installed (python3 with venv and pip is needed)\n"
    );
    None
}
