//! `wormsift`: captures in, signatures of self-spreading content out.
//!
//! Glue only: this package reads the command line, opens the inputs, and prints; what
//! is found, and how, is the engine's. stdout is data, stderr is talk.

mod args;
mod commands;
mod input;
#[cfg(target_os = "linux")]
mod live;
mod output;
#[cfg(any(target_os = "linux", feature = "fleet"))]
mod status;

use clap::Parser;
use clap::error::ErrorKind;
use output::exit_code::{Exit, Failure};
use output::talk::Talk;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let arguments: Vec<String> = std::env::args().collect();
            if error.kind() == ErrorKind::UnknownArgument
                && let Some(reason) = args::renamed(&arguments)
            {
                eprintln!("wormsift: {reason}");
                return ExitCode::from(Exit::Usage.code());
            }
            error.exit()
        }
    };
    let mut talk = Talk::new(&cli.talk);
    let exit = match commands::run(&cli.command, &mut talk) {
        Ok(exit) => exit,
        Err(failure) => {
            talk.end_progress();
            if let Failure::Usage(reason) | Failure::Failed(reason) = &failure {
                talk.error(reason);
            }
            failure.exit()
        }
    };
    ExitCode::from(exit.code())
}
