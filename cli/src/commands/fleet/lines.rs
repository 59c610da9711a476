//! The lines of a merger: each once in a file, and on stdout.
//!
//! A merger that goes on from a checkpoint finds what it had found since then once more; so
//! the file is cut where it was at the checkpoint, and stdout begins with what is left.

use crate::output::exit_code::Failure;
use crate::output::stdout::{json_line, print};
use crate::output::talk::Talk;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use wormsift::fleet::Merger;
use wormsift_export::durations::Durations;
use wormsift_export::json_lines;
use wormsift_run::Warning;

pub(super) struct Lines {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Lines {
    /// Opens the file of a folder. `saved` is what [`Lines::save`] made at the checkpoint.
    pub(super) fn open(folder: &Path, saved: Option<&[u8]>) -> Result<Self, Failure> {
        let path = folder.join("findings.jsonl");
        let failed = |error| Failure::of(path.display(), error);
        let kept = folder.join("findings.jsonl.before");
        if saved.is_none() && path.exists() && !kept.exists() {
            // Where the checkpoint was removed, what was found before it stays.
            std::fs::rename(&path, kept).map_err(failed)?;
        }
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&path).map_err(failed)?;
        let saved = saved.and_then(|saved| saved.try_into().ok());
        let length = saved.map_or(0, u64::from_le_bytes);
        if file.metadata().map_err(failed)?.len() < length {
            let reason =
                "is shorter than at the checkpoint; remove the folder to begin anew";
            return Err(Failure::of(path.display(), reason));
        }
        file.set_len(length).map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        print(&text)?;
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        Ok(Self { path, file, length })
    }

    /// Writes what the merger found.
    pub(super) fn take(
        &mut self,
        merger: &mut Merger,
        durations: &Durations,
        talk: &Talk,
    ) -> Result<(), Failure> {
        let mut text = String::new();
        let mut line = |it: &str| {
            text.push_str(it);
            text.push('\n');
        };
        for message in merger.warnings() {
            talk.warning(&message);
            line(&json_line("warning", &Warning { message: &message })?);
        }
        for finding in merger.findings() {
            line(&json_lines::write(&durations.estimate(finding)));
        }
        for incident in merger.incidents() {
            line(&json_lines::write_incident(&durations.estimate_incident(incident)));
        }
        merger.decoy_reports().iter().for_each(|it| line(&json_lines::write_decoy(it)));
        merger.waves().iter().for_each(|it| line(&json_lines::write_wave(it)));
        merger.dark_events().iter().for_each(|it| line(&json_lines::write_event(it)));
        if text.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| Failure::of(self.path.display(), error))?;
        self.length += text.len() as u64;
        print(&text)
    }

    /// Forces the lines to the disk; what to save with the checkpoint.
    pub(super) fn save(&mut self) -> Result<[u8; 8], Failure> {
        let synced = self.file.sync_data();
        synced.map_err(|error| Failure::of(self.path.display(), error))?;
        Ok(self.length.to_le_bytes())
    }
}
