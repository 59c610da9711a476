//! Signatures from the files that `detect --json` wrote.

use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use wormsift::signature::{Incident, Signature};
use wormsift_export::json_lines;

/// The last word on each signature of these files, in the order of their first, and how
/// many lines could not be read. Each of those is said.
pub(crate) fn read(
    paths: &[PathBuf],
    talk: &Talk,
) -> Result<(Vec<Signature>, u64), Failure> {
    let FromFiles { signatures, damaged, .. } = read_with_incidents(paths, talk)?;
    Ok((signatures, damaged))
}

/// What stands in files.
pub(crate) struct FromFiles {
    pub(crate) signatures: Vec<Signature>,
    /// The last word on each incident, by id.
    pub(crate) incidents: BTreeMap<String, Incident>,
    /// Lines that could not be read.
    pub(crate) damaged: u64,
}

/// The same with incidents.
pub(crate) fn read_with_incidents(
    paths: &[PathBuf],
    talk: &Talk,
) -> Result<FromFiles, Failure> {
    let mut latest = Latest::default();
    let mut damaged = 0;
    for path in paths {
        damaged += read_one(path, &mut latest, talk)?;
    }
    // A part of another signature is no content of its own.
    latest.signatures.retain(|signature| signature.part_of.is_none());
    let Latest { signatures, incidents, .. } = latest;
    Ok(FromFiles { signatures, incidents, damaged })
}

#[derive(Default)]
struct Latest {
    places: BTreeMap<String, usize>,
    signatures: Vec<Signature>,
    incidents: BTreeMap<String, Incident>,
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
}

fn read_one(path: &Path, latest: &mut Latest, talk: &Talk) -> Result<u64, Failure> {
    let (name, input): (String, Box<dyn BufRead>) = if path == Path::new("-") {
        ("standard input".to_owned(), Box::new(io::stdin().lock()))
    } else {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| Failure::of(&name, error))?;
        (name, Box::new(BufReader::new(file)))
    };
    let mut damaged = 0;
    for (line, number) in input.lines().zip(1_u64..) {
        let line = line.map_err(|error| Failure::of(&name, error))?;
        let incident = |it: Option<Incident>| {
            latest.incidents.extend(it.map(|it| (it.id.clone(), it)));
        };
        match json_lines::read(&line) {
            Ok(Some(finding)) => latest.enter(finding.into_signature()),
            Ok(None) => match json_lines::read_incident(&line).map(incident) {
                Ok(()) => {}
                Err(error) => {
                    damaged += 1;
                    talk.error(format_args!("{name}: line {number}: {error}"));
                }
            },
            Err(_) if line.trim().is_empty() => {}
            Err(error) => {
                damaged += 1;
                talk.error(format_args!("{name}: line {number}: {error}"));
            }
        }
    }
    Ok(damaged)
}
