//! `wormsift completions`: the script that a shell loads.

use super::plain_command;
use crate::args::CompletionsArgs;
use crate::output::exit_code::{Exit, Failure};
use crate::output::stdout::print;

pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut plain_command(), "wormsift", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
