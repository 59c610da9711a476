//! `wormsift`: captures in, signatures of self-spreading content out.
//!
//! Glue only: this package reads the command line, opens the inputs, and prints; what
//! is found, and how, is the engine's. stdout is data, stderr is talk.

mod args;
mod commands;
mod evaluate;
mod evidence_capture;
mod exit_code;
mod explain;
mod filter;
mod findings_page;
mod fragments;
mod grounds;
mod inputs;
mod instant;
mod limits;
#[cfg(target_os = "linux")]
mod live;
mod output_file;
mod page;
mod progress;
mod reader;
mod report;
mod rules;
mod run_summary;
mod selection;
mod settings;
mod signals;
mod signature_files;
mod stdout;
mod table;
mod talk;

use clap::Parser;
use clap::error::ErrorKind;
use exit_code::Failure;
use std::process::ExitCode;
use talk::Talk;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let arguments: Vec<String> = std::env::args().collect();
            if error.kind() == ErrorKind::UnknownArgument
                && let Some(reason) = args::renamed(&arguments)
            {
                eprintln!("wormsift: {reason}");
                return ExitCode::from(exit_code::Exit::Usage.code());
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
