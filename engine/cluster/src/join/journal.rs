//! What a tap was asked, and what it answered, on disk.
//!
//! Guarantees: an ask is in it before its answer is sent; what was cut short at its end is cut
//! off. A tap that was killed and reads its captures once more does the same once more; an ask
//! that comes again gets the same answer.
//! Costs: some 80 bytes a tick, and the samples that were sent, on disk and in memory, as long
//! as the tap runs.

use crate::Error;
use crate::codec::{Malformed, Reader, Writer, unsealed};
use crate::private::private;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// One ask, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its number; the first is 0, and none is left out.
    pub(super) number: u64,
    /// What was asked.
    pub(super) ask: Vec<u8>,
    /// The parts of the answer.
    pub(super) answer: Vec<Vec<u8>>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    asked: Vec<Asked>,
}

impl Journal {
    /// Opens or makes the journal of a folder that this process has locked.
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("asks");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("read what was asked", &path)(error)),
        };
        let mut asked: Vec<Asked> = Vec::new();
        let mut rest = &bytes[..];
        while let Some((record, after)) = record(rest)
            && let Ok(it) = read(record)
            && it.number == asked.len() as u64
        {
            asked.push(it);
            rest = after;
        }
        let file = private()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::io("write what is asked", &path))?;
        let whole = (bytes.len() - rest.len()) as u64;
        file.set_len(whole).map_err(Error::io("write what is asked", &path))?;
        Ok(Self { path, file, asked })
    }

    /// The number of the next ask.
    pub(super) fn next(&self) -> u64 {
        self.asked.len() as u64
    }

    /// An ask of before.
    pub(super) fn get(&self, number: u64) -> Option<&Asked> {
        self.asked.get(usize::try_from(number).ok()?)
    }

    /// Adds the next ask.
    pub(super) fn add(&mut self, asked: Asked) -> Result<(), Error> {
        let mut out = Writer::default();
        out.u64(asked.number);
        out.bytes(&asked.ask);
        out.count(asked.answer.len());
        asked.answer.iter().for_each(|part| out.bytes(part));
        let body = out.sealed();
        let mut record = Writer::default();
        record.bytes(&body);
        // The merger does not repeat what it has the answer to.
        let written = self.file.write_all(&record.0).and_then(|()| self.file.sync_data());
        written.map_err(Error::io("write what is asked", &self.path))?;
        self.asked.push(asked);
        Ok(())
    }
}

/// The first record, and what comes after it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = Reader(bytes);
    let record = unsealed(from.bytes().ok()?)?;
    Some((record, from.0))
}

fn read(record: &[u8]) -> Result<Asked, Malformed> {
    let mut from = Reader(record);
    let (number, ask) = (from.u64()?, from.bytes()?.to_vec());
    let parts = 0..from.count(8)?;
    let answer =
        parts.map(|_| from.bytes().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
    from.end()?;
    Ok(Asked { number, ask, answer })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn what_was_cut_short_is_cut_off() {
        let scratch = Scratch::new();
        let asked = |number: u64| Asked {
            number,
            ask: vec![7; 3 * number as usize],
            answer: vec![vec![1, 2], vec![]],
        };
        let mut journal = Journal::open(scratch.path()).unwrap();
        for number in 0..3 {
            journal.add(asked(number)).unwrap();
        }
        let length = journal.file.metadata().unwrap().len();
        journal.file.set_len(length - 1).unwrap();
        let mut journal = Journal::open(scratch.path()).unwrap();
        assert_eq!((journal.next(), journal.get(1)), (2, Some(&asked(1))));
        journal.add(asked(2)).unwrap();
        assert_eq!(Journal::open(scratch.path()).unwrap().get(2), Some(&asked(2)));
    }
}
