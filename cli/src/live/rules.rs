//! Which rules are in force?
//!
//! The last word on each signature, as a file of rules that is replaced whole, and the
//! same as JSON lines beside it, from which the next start takes up. Numbers are kept in
//! a registry, so a rule keeps its sid over restarts.

use crate::args::RuleArgs;
use crate::exit_code::Failure;
use crate::rules::{replace, write};
use crate::signature_files;
use crate::talk::Talk;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wormsift::export::json_lines;
use wormsift::signature::{Finding, Signature};

/// Signatures that are kept; beyond, the oldest go. As many as the engine remembers.
const MOST: usize = 4_096;
/// Between two writings: an outbreak brings many signatures within a second.
const APART: Duration = Duration::from_secs(5);

/// The file of rules.
pub(super) struct RuleFile {
    path: PathBuf,
    memory: PathBuf,
    args: RuleArgs,
    kept: Vec<Signature>,
    is_due: bool,
    written: Instant,
}

/// A file's name with more at its end.
pub(super) fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

impl RuleFile {
    /// Takes up what an earlier run left, and writes the file: from the start there is
    /// one to load.
    pub(super) fn open(
        path: &Path,
        args: RuleArgs,
        talk: &Talk,
    ) -> Result<Self, Failure> {
        let memory = beside(path, ".jsonl");
        let kept = match memory.try_exists() {
            Ok(true) => signature_files::read(std::slice::from_ref(&memory), talk)?.0,
            Ok(false) => Vec::new(),
            Err(error) => return Err(Failure::of(memory.display(), error)),
        };
        let path = path.to_owned();
        let written = Instant::now();
        let mut file = Self { path, memory, args, kept, is_due: false, written };
        file.write()?;
        Ok(file)
    }

    /// How many signatures are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Takes the last word on a signature.
    pub(super) fn enter(&mut self, signature: &Signature) {
        if signature.part_of.is_some() {
            // The rule of the whole takes its place.
            self.kept.retain(|other| other.id != signature.id);
            self.is_due = true;
            return;
        }
        match self.kept.iter_mut().find(|other| other.id == signature.id) {
            Some(known) => *known = signature.clone(),
            None => self.kept.push(signature.clone()),
        }
        if self.kept.len() > MOST {
            self.kept.remove(0);
        }
        self.is_due = true;
    }

    /// Writes if there is something new, and `now` or not too soon after the last time.
    /// Whether it wrote.
    pub(super) fn write_if_due(&mut self, now: bool) -> Result<bool, Failure> {
        if !self.is_due || !now && self.written.elapsed() < APART {
            return Ok(false);
        }
        // Also after a failure the next try has its time.
        self.written = Instant::now();
        self.write()?;
        self.is_due = false;
        Ok(true)
    }

    /// Writes at the next occasion, news or not.
    pub(super) fn is_due(&mut self) {
        self.is_due = true;
    }

    fn write(&mut self) -> Result<(), Failure> {
        let rules = write(&self.kept, &self.args, &Talk::silent())?;
        let lines: String = self
            .kept
            .iter()
            .map(|it| json_lines::write(&Finding::Summary(it.clone())) + "\n")
            .collect();
        replace(&self.memory, &lines)?;
        replace(&self.path, &rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Format, Grade};
    use crate::live::samples;

    #[test]
    fn rules_outlive_the_process_under_their_numbers() {
        let folder =
            std::env::temp_dir().join(format!("wormsift-rules-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("wormsift.rules");
        let args = || RuleArgs {
            format: Format::Suricata,
            sids: Some(beside(&path, ".sids.json")),
            min_confidence: Grade::Low,
            most_bytes: 256,
        };
        let rules = || std::fs::read_to_string(&path).unwrap();
        let mut file = RuleFile::open(&path, args(), &Talk::silent()).unwrap();
        assert_eq!(rules(), "");
        assert!(!file.write_if_due(true).unwrap());
        let one = samples::signature();
        file.enter(&one);
        assert!(!file.write_if_due(false).unwrap(), "too soon");
        assert!(file.write_if_due(true).unwrap());
        assert!(rules().contains("sid:1500000; rev:1;"), "{}", rules());

        let mut file = RuleFile::open(&path, args(), &Talk::silent()).unwrap();
        assert!(rules().contains("sid:1500000; rev:1;"), "{}", rules());
        let mut other = one.clone();
        (other.id, other.content) =
            ("f".repeat(32), b"quite another content ....".to_vec());
        file.enter(&other);
        file.enter(&one);
        file.write_if_due(true).unwrap();
        assert_eq!(rules().lines().count(), 2);
        assert!(rules().contains("sid:1500001; rev:1;"), "{}", rules());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
