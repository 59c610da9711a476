//! `wormsift export`: findings in the forms that others take.

use crate::args::ExportArgs;
use crate::exit_code::{Exit, Failure};
use crate::rules;
use crate::stdout::print;
use crate::talk::Talk;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use wormsift::export::json_lines;
use wormsift::signature::Signature;

pub(super) fn run(args: &ExportArgs, talk: &Talk) -> Result<Exit, Failure> {
    let mut latest = Latest::default();
    let mut damaged = 0;
    for path in &args.signatures {
        damaged += read(path, &mut latest, talk)?;
    }
    let text = rules::write(&latest.into_signatures(), &args.rules, talk)?;
    match &args.output {
        Some(path) => rules::replace(path, &text)?,
        None => print(&text)?,
    }
    Ok(if damaged > 0 { Exit::Damaged } else { Exit::Done })
}

/// The last word on each signature, in the order of their first.
#[derive(Default)]
struct Latest {
    places: BTreeMap<String, usize>,
    signatures: Vec<Signature>,
}

impl Latest {
    fn enter(&mut self, signature: Signature) {
        match self.places.get(&signature.id) {
            Some(&place) => self.signatures[place] = signature,
            None => {
                self.places.insert(signature.id.clone(), self.signatures.len());
                self.signatures.push(signature);
            }
        }
    }

    fn into_signatures(self) -> Vec<Signature> {
        self.signatures
    }
}

/// Reads one file; how many of its lines could not be read.
fn read(path: &Path, latest: &mut Latest, talk: &Talk) -> Result<u64, Failure> {
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path).map_err(|error| Failure::of(&name, error))?;
        Box::new(BufReader::new(file))
    };
    let mut damaged = 0;
    for (line, number) in input.lines().zip(1_u64..) {
        let line = line.map_err(|error| Failure::of(&name, error))?;
        match json_lines::read(&line) {
            Ok(Some(finding)) => latest.enter(finding.into_signature()),
            Ok(None) => {}
            Err(_) if line.trim().is_empty() => {}
            Err(error) => {
                damaged += 1;
                talk.error(format_args!("{name}: line {number}: {error}"));
            }
        }
    }
    Ok(damaged)
}
