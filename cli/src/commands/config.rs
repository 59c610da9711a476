//! `wormsift config`: the effective settings, and the origin of each.

use crate::args::ConfigArgs;
use crate::args::settings::Settings;
use crate::output::exit_code::{Exit, Failure};
use crate::output::stdout::print;

pub(super) fn run(args: &ConfigArgs) -> Result<Exit, Failure> {
    print(&Settings::new(&args.settings)?.to_toml())?;
    Ok(Exit::Done)
}
