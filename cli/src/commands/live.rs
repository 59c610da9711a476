//! `wormsift live`: an interface in, findings out, until a signal.

use crate::args::LiveArgs;
use crate::output::exit_code::{Exit, Failure};
use crate::output::talk::Talk;

pub(super) fn run(args: &LiveArgs, talk: &Talk) -> Result<Exit, Failure> {
    crate::live::run(args, talk)
}
