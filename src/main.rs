//! The `twinlake` command: parse, run, render the error, exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use twinlake::cli::Cli;
use twinlake::error::{Error, ErrorKind};

fn main() -> ExitCode {
    // Reads FAILPOINTS; tests kill a real process with it.
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();

    let cli = Cli::parse();
    let result = catch_unwind(AssertUnwindSafe(|| cli.run())).unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Bug, "twinlake came to a state that should be impossible")
            .with_hint("This is a bug in Twinlake. Please report it with the lines above."))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            cli.render(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
