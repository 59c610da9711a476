//! `wormsift export`: findings in the forms that others take.

use crate::args::ExportArgs;
use crate::exit_code::{Exit, Failure};
use crate::stdout::print;
use crate::talk::Talk;
use crate::{rules, signature_files};

pub(super) fn run(args: &ExportArgs, talk: &Talk) -> Result<Exit, Failure> {
    let (signatures, damaged) = signature_files::read(&args.signatures, talk)?;
    let text = rules::write(&signatures, &args.rules, talk)?;
    match &args.output {
        Some(path) => rules::replace(path, &text)?,
        None => print(&text)?,
    }
    Ok(if damaged > 0 { Exit::Damaged } else { Exit::Done })
}
