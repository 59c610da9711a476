//! Signatures from the files that `detect --json` wrote.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use wormsift::signature::{Incident, Signature};
use wormsift_export::json_lines;
use wormsift_export::mute::{Muted, Mutes, Muting};

/// What stands in files.
pub struct FromFiles {
    /// The last word on each signature, in the order of their first, muted or not.
    pub signatures: Vec<Signature>,
    /// The last word on each incident, by id.
    pub incidents: BTreeMap<String, Incident>,
    /// What mutes signatures and incidents, by id: as the lines say, unless they were judged
    /// anew.
    pub muted: BTreeMap<String, Muted>,
    /// Lines that could not be read.
    pub damaged: u64,
}

impl FromFiles {
    /// Mutes what these entries name, and nothing else. What is to be said, a line each.
    pub fn mute(&mut self, mutes: Mutes) -> Vec<String> {
        let mut muting = Muting::new(mutes);
        self.muted.clear();
        for it in &self.signatures {
            self.muted.extend(muting.signature(it).map(|muted| (it.id.clone(), muted)));
        }
        for it in self.incidents.values() {
            self.muted.extend(muting.incident(it).map(|muted| (it.id.clone(), muted)));
        }
        muting.take_news()
    }
}

/// Reads files of findings; `say` is told each line that cannot be read. `-` is standard input.
///
/// # Errors
///
/// A file that cannot be opened or read, with its name.
pub fn read(paths: &[PathBuf], say: &mut dyn FnMut(String)) -> Result<FromFiles, String> {
    let mut latest = Latest::default();
    let mut damaged = 0;
    for path in paths {
        damaged += read_one(path, &mut latest, say)?;
    }
    // A part of another signature is no content of its own.
    latest.signatures.retain(|signature| signature.part_of.is_none());
    let Latest { mut signatures, incidents, muted, .. } = latest;
    for signature in &mut signatures {
        let whole = signature.incident.as_ref().and_then(|id| whole(id, &incidents));
        if let Some(whole) = whole {
            signature.incident = Some(whole.id.clone());
        }
    }
    Ok(FromFiles { signatures, incidents, muted, damaged })
}

/// The incident of this id, or the one that it has become part of. `None` if it is not known,
/// as when a file is cut off.
pub fn whole<'a>(
    id: &str,
    incidents: &'a BTreeMap<String, Incident>,
) -> Option<&'a Incident> {
    let mut found = incidents.get(id)?;
    // Each step leads to an older one; damaged files may have circles.
    for _ in 0..incidents.len() {
        match &found.part_of {
            Some(part_of) => found = incidents.get(part_of)?,
            None => return Some(found),
        }
    }
    None
}

#[derive(Default)]
struct Latest {
    places: BTreeMap<String, usize>,
    signatures: Vec<Signature>,
    incidents: BTreeMap<String, Incident>,
    muted: BTreeMap<String, Muted>,
}

impl Latest {
    fn mark(&mut self, id: &str, muted: Option<Muted>) {
        match muted {
            Some(muted) => self.muted.insert(id.to_owned(), muted),
            None => self.muted.remove(id),
        };
    }

    fn enter(&mut self, signature: Signature, muted: Option<Muted>) {
        self.mark(&signature.id, muted);
        match self.places.get(&signature.id) {
            Some(&place) => self.signatures[place] = signature,
            None => {
                self.places.insert(signature.id.clone(), self.signatures.len());
                self.signatures.push(signature);
            }
        }
    }
}

fn read_one(
    path: &Path,
    latest: &mut Latest,
    say: &mut dyn FnMut(String),
) -> Result<u64, String> {
    let (name, input): (String, Box<dyn BufRead>) = if path == Path::new("-") {
        ("standard input".to_owned(), Box::new(io::stdin().lock()))
    } else {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
        (name, Box::new(BufReader::new(file)))
    };
    let mut damaged = 0;
    for (line, number) in input.lines().zip(1_u64..) {
        let line = line.map_err(|error| format!("{name}: {error}"))?;
        match json_lines::read_marked(&line) {
            Ok(Some((finding, muted))) => latest.enter(finding.into_signature(), muted),
            Ok(None) => match json_lines::read_marked_incident(&line) {
                Ok(Some((incident, muted))) => {
                    latest.mark(&incident.id, muted);
                    latest.incidents.insert(incident.id.clone(), incident);
                }
                Ok(None) => {}
                Err(error) => {
                    damaged += 1;
                    say(format!("{name}: line {number}: {error}"));
                }
            },
            Err(_) if line.trim().is_empty() => {}
            Err(error) => {
                damaged += 1;
                say(format!("{name}: line {number}: {error}"));
            }
        }
    }
    Ok(damaged)
}
