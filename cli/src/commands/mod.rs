//! One file a subcommand.

mod completions;
mod config;
mod man;

use crate::args::{Cli, Command};
use crate::exit_code::{Exit, Failure};

/// Runs what the command line asks for.
pub(crate) fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Config(args) => config::run(args),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

/// The command line itself, with the same version on every machine.
fn plain_command() -> clap::Command {
    <Cli as clap::CommandFactory>::command().version(env!("CARGO_PKG_VERSION"))
}
