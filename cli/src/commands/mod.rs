//! One file a subcommand.

mod bench;
mod completions;
mod config;
mod detect;
mod evaluate;
mod explain;
mod export;
#[cfg(feature = "fleet")]
mod fleet;
pub(crate) mod generate;
mod learn;
#[cfg(target_os = "linux")]
mod live;
mod man;
pub(crate) mod matching;
mod mute;

#[cfg(target_os = "linux")]
use crate::args::{Cli, Command};
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;

/// Runs what the command line asks for.
pub(crate) fn run(command: &Command, talk: &mut Talk) -> Result<Exit, Failure> {
    match command {
        Command::Detect(args) => detect::run(args, talk),
        #[cfg(target_os = "linux")]
        Command::Live(args) => live::run(args, talk),
        #[cfg(feature = "fleet")]
        Command::Tap(args) => fleet::tap::run(args, talk),
        #[cfg(feature = "fleet")]
        Command::Merge(args) => fleet::merge::run(args, talk),
        Command::Config(args) => config::run(args),
        Command::Learn(args) => learn::run(args, talk),
        Command::Explain(args) => explain::run(args, talk),
        Command::Match(args) => matching::run(args, talk),
        Command::Export(args) => export::run(args, talk),
        Command::Mute(args) => mute::run(args, talk),
        Command::Evaluate(args) => evaluate::run(args, talk),
        Command::Generate(args) => generate::run(args, talk),
        Command::Bench(args) => bench::run(args, talk),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

/// The command line itself, with the same version on every machine.
fn plain_command() -> clap::Command {
    <Cli as clap::CommandFactory>::command().version(env!("CARGO_PKG_VERSION"))
}
