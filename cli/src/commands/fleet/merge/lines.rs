//! The lines of a merger, each once in a file.
//!
//! A merger that goes on from a checkpoint finds what it had found since then once more; so
//! the file is cut where it was at the checkpoint.

use crate::output::exit_code::Failure;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub(super) struct Lines {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Lines {
    /// Opens the file of a folder, and returns what is left in it. `saved` is what
    /// [`Lines::save`] made at the checkpoint.
    pub(super) fn open(
        folder: &Path,
        saved: Option<&[u8]>,
    ) -> Result<(Self, String), Failure> {
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
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        Ok((Self { path, file, length }, text))
    }

    /// Appends lines.
    pub(super) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| Failure::of(self.path.display(), error))?;
        self.length += text.len() as u64;
        Ok(())
    }

    /// Forces the lines to the disk; what to save with the checkpoint.
    pub(super) fn save(&mut self) -> Result<[u8; 8], Failure> {
        let synced = self.file.sync_data();
        synced.map_err(|error| Failure::of(self.path.display(), error))?;
        Ok(self.length.to_le_bytes())
    }
}
