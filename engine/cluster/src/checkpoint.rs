//! What a merger needs to go on after it was killed, in one file.
//!
//! Guarantees: the file is that of one checkpoint as a whole, also when the process or the
//! machine ends while the next is written: it is written beside it, forced to the disk, and
//! renamed. What is damaged, of another version or of another fleet is refused, never guessed.
//! Costs: one file of the state's size, twice while it is written.

use crate::closing::{Closing, Rules};
use crate::codec::{Malformed, Reader, Writer, unsealed};
use crate::private::{make_folder, private};
use crate::{Error, Fleet, TapName};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8] = b"WSCHECK2";

/// A place in the log, and when the broker stored what is there: a broker that was put back
/// to an older copy has something else there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The stream sequence of the last message that was taken; 0 before the first.
    pub sequence: u64,
    /// When it was stored, in nanoseconds since 1970.
    pub stored: i128,
}

/// A merger's state after a place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// How many were before it.
    pub number: u64,
    /// All messages up to here are in it.
    pub position: Position,
    /// The ticks.
    pub closing: Closing,
    /// What the merger made of them, in its own encoding.
    pub state: Vec<u8>,
}

/// Where checkpoints are written.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    fleet: Fleet,
    _lock: File,
}

impl Store {
    /// Uses a folder, which is made where it is not there; one process at a time.
    ///
    /// # Errors
    ///
    /// A folder that cannot be used, or that another process uses.
    pub fn open(folder: &Path, fleet: &Fleet) -> Result<Self, Error> {
        make_folder(folder)
            .map_err(Error::io("make the folder of checkpoints", folder))?;
        let lock = crate::lock::take(folder)?;
        Ok(Self { folder: folder.to_owned(), fleet: fleet.clone(), _lock: lock })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("checkpoint")
    }

    /// Writes a checkpoint over the one before, and says how many bytes it has.
    ///
    /// # Errors
    ///
    /// A disk that refuses; the one before is then still there.
    pub fn write(
        &self,
        number: u64,
        position: Position,
        closing: &Closing,
        state: &[u8],
    ) -> Result<u64, Error> {
        let mut out = Writer::default();
        out.0.extend_from_slice(MAGIC);
        out.name(self.fleet.as_str());
        out.u64(number);
        out.u64(position.sequence);
        out.0.extend_from_slice(&position.stored.to_le_bytes());
        closing.save(&mut out);
        out.bytes(state);
        let bytes = out.sealed();
        let (temporary, path) = (self.folder.join("checkpoint.new"), self.path());
        let write = || -> io::Result<()> {
            let mut file =
                private().create(true).write(true).truncate(true).open(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            // The new name, too, must be on the disk before any tap deletes a parcel.
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(Error::io("write the checkpoint", &path))?;
        Ok(bytes.len() as u64)
    }

    /// The latest checkpoint, if there is one, to go on under `rules` with `declared` taps.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is damaged, or is another fleet's or version's.
    pub fn read(
        &self,
        rules: Rules,
        declared: &[TapName],
    ) -> Result<Option<Checkpoint>, Error> {
        let path = self.path();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read the checkpoint", &path)(error)),
        };
        let refuse = |why: &str| {
            let why = format!("{why}; remove it to begin without it");
            Error::file("go on from the checkpoint", &path, why)
        };
        let body = unsealed(&bytes).ok_or_else(|| refuse("it is damaged"))?;
        let Some(body) = body.strip_prefix(MAGIC) else {
            return Err(refuse("it is of another version of this program"));
        };
        let mut from = Reader(body);
        let fleet = from.name().map_err(|_| refuse("it is damaged"))?;
        if fleet != self.fleet.as_str() {
            return Err(refuse(&format!(
                "it is that of fleet {}, not of {}",
                fleet.escape_debug(),
                self.fleet.as_str()
            )));
        }
        let read = read(from, rules, declared);
        read.map(Some).map_err(|_| refuse("its contents make no sense"))
    }
}

fn read(
    mut from: Reader<'_>,
    rules: Rules,
    declared: &[TapName],
) -> Result<Checkpoint, Malformed> {
    let number = from.u64()?;
    let sequence = from.u64()?;
    let stored = i128::from_le_bytes(from.take()?);
    let closing = Closing::restore(&mut from, rules, declared)?;
    let state = from.bytes()?.to_vec();
    from.end()?;
    Ok(Checkpoint { number, position: Position { sequence, stored }, closing, state })
}

#[cfg(test)]
mod tests;
