//! One direction of saving and restoring: bytes out, or the same bytes in.

use crate::error::StateError;
use std::fmt::Display;
use std::io::{self, Read, Write};
use xxhash_rust::xxh3::Xxh3;

/// Bytes of a row that are written, or left out as zero, together: a cache line.
const BLOCK: usize = 64;

enum End<'a> {
    Out(&'a mut dyn Write),
    In(&'a mut dyn Read),
}

/// A stream of numbers, in one direction, hashed as it goes.
pub(crate) struct Exchange<'a> {
    end: End<'a>,
    hash: Xxh3,
    /// Bytes so far.
    at: u64,
}

impl<'a> Exchange<'a> {
    pub(crate) fn writing(to: &'a mut dyn Write) -> Self {
        Self { end: End::Out(to), hash: Xxh3::new(), at: 0 }
    }

    pub(crate) fn reading(from: &'a mut dyn Read) -> Self {
        Self { end: End::In(from), hash: Xxh3::new(), at: 0 }
    }

    pub(crate) fn is_reading(&self) -> bool {
        matches!(self.end, End::In(_))
    }

    /// The XXH3-128 of all bytes so far.
    pub(crate) fn digest(&self) -> u128 {
        self.hash.digest128()
    }

    /// Writes these bytes, or reads as many in their place.
    pub(crate) fn bytes(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        match &mut self.end {
            End::Out(to) => to.write_all(bytes)?,
            End::In(from) => from.read_exact(bytes).map_err(|e| {
                let at = self.at;
                if e.kind() == io::ErrorKind::UnexpectedEof {
                    let more = bytes.len();
                    unfit(at, format!("{more} bytes more"), "the end of the file")
                } else {
                    e
                }
            })?,
        }
        self.hash.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// What was read does not fit what was built.
    pub(crate) fn misfit(
        &self,
        expected: impl Display,
        found: impl Display,
    ) -> io::Error {
        unfit(self.at, expected, found)
    }

    fn number(&mut self, number: usize) -> io::Result<usize> {
        let mut bytes = (number as u64).to_le_bytes();
        self.bytes(&mut bytes)?;
        let wide = u64::from_le_bytes(bytes);
        usize::try_from(wide).map_err(|_| self.misfit("a size of this machine", wide))
    }

    /// The length of a list: the one given when writing, the one read when reading.
    pub(crate) fn length(&mut self, length: usize) -> io::Result<usize> {
        self.number(length)
    }

    /// A row whose length must be what it is.
    pub(crate) fn fixed<T: super::Persist>(&mut self, row: &mut [T]) -> io::Result<()> {
        let length = self.number(row.len())?;
        if length != row.len() {
            return Err(self.misfit(format!("{} entries", row.len()), length));
        }
        T::persist_row(row, self)
    }

    /// A row of bytes in blocks of 64, runs of zero blocks as their number only.
    pub(crate) fn sparse(&mut self, row: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < row.len() {
            let run = |from: usize, zero: bool| {
                let blocks = row[from..].chunks(BLOCK);
                let same = blocks.take_while(|b| b.iter().all(|byte| *byte == 0) == zero);
                from + same.map(<[u8]>::len).sum::<usize>()
            };
            let (mut zeros, mut end) = (done, row.len());
            if !self.is_reading() {
                zeros = run(done, true);
                end = run(zeros, false);
            }
            zeros = done.saturating_add(self.number(zeros - done)?);
            end = zeros.saturating_add(self.number(end.saturating_sub(zeros))?);
            if end > row.len() || end <= done {
                return Err(self.misfit(format!("at most {} bytes", row.len()), end));
            }
            if self.is_reading() {
                row[done..zeros].fill(0);
            }
            self.bytes(&mut row[zeros..end])?;
            done = end;
        }
        Ok(())
    }

    /// The same of words, each little-endian.
    pub(crate) fn sparse_words(&mut self, row: &mut [u64]) -> io::Result<()> {
        // A part at a time, so that a table need not be held twice.
        let mut bytes = [0; 64 * BLOCK];
        for part in row.chunks_mut(bytes.len() / 8) {
            let bytes = &mut bytes[..8 * part.len()];
            for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&*part) {
                *bytes = word.to_le_bytes();
            }
            self.sparse(bytes)?;
            for (bytes, word) in bytes.as_chunks::<8>().0.iter().zip(part) {
                *word = u64::from_le_bytes(*bytes);
            }
        }
        Ok(())
    }
}

fn unfit(at: u64, expected: impl Display, found: impl Display) -> io::Error {
    let (expected, found) = (expected.to_string(), found.to_string());
    // What was read may be anything, and what is said of it is one line.
    let shown = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    let found = found.chars().map(shown).collect();
    StateError { at, expected, found }.into()
}

#[cfg(test)]
mod tests {
    use super::super::Persist;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn write<T: Persist>(value: &mut T) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.persist(&mut Exchange::writing(&mut bytes)).unwrap();
        bytes
    }

    fn read<T: Persist>(into: &mut T, mut bytes: &[u8]) -> io::Result<()> {
        into.persist(&mut Exchange::reading(&mut bytes))?;
        assert!(bytes.is_empty(), "{} bytes left", bytes.len());
        Ok(())
    }

    proptest! {
        #[test]
        fn rows_come_back_whatever_was_there(
            runs in prop::collection::vec((0u64..3, 1usize..90), 0..40), stale: u64,
        ) {
            let row = |run: &(u64, usize)| std::iter::repeat_n(run.0 * 0x0101, run.1);
            let mut words: Box<[u64]> = runs.iter().flat_map(row).collect();
            let mut bytes: Box<[u8]> = words.iter().map(|word| *word as u8).collect();
            let mut words_back = vec![stale; words.len()].into_boxed_slice();
            let mut bytes_back = vec![stale as u8; bytes.len()].into_boxed_slice();
            read(&mut words_back, &write(&mut words)).unwrap();
            read(&mut bytes_back, &write(&mut bytes)).unwrap();
            prop_assert_eq!(words_back, words);
            prop_assert_eq!(bytes_back, bytes);
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes: Vec<u8>, zeros in 0usize..3) {
            let mut bytes = bytes;
            bytes.extend(std::iter::repeat_n(0, 8 * zeros));
            type Mixed = (Vec<u64>, (BTreeMap<u16, String>, (Option<bool>, Vec<u8>)));
            let mut mixed = Mixed::default();
            let mut rest = &*bytes;
            if mixed.persist(&mut Exchange::reading(&mut rest)).is_ok() {
                let mut again = Mixed::default();
                read(&mut again, &write(&mut mixed)).unwrap();
                prop_assert_eq!(again, mixed);
            }
            let mut row = vec![7u64; 100].into_boxed_slice();
            let _ = row.persist(&mut Exchange::reading(&mut &*bytes));
        }
    }

    #[test]
    fn an_empty_table_takes_next_to_nothing() {
        let mut table = vec![0u64; 1 << 20].into_boxed_slice();
        assert!(write(&mut table).len() < (8 << 20) / 200);
        table[777] = 1;
        let mut back = vec![3u64; 1 << 20].into_boxed_slice();
        read(&mut back, &write(&mut table)).unwrap();
        assert_eq!(back, table);
    }

    #[test]
    fn what_does_not_fit_says_where_and_why() {
        let bytes = write(&mut vec![1u64; 4].into_boxed_slice());
        let mut other = vec![0u64; 5].into_boxed_slice();
        let error = read(&mut other, &bytes).unwrap_err().to_string();
        assert_eq!(error, "at byte 8: expected 5 entries, found 4");
        let error = read(&mut other, &bytes[..3]).unwrap_err().to_string();
        assert_eq!(error, "at byte 0: expected 8 bytes more, found the end of the file");
        let mut yes = false;
        let error = read(&mut yes, &[9]).unwrap_err().to_string();
        assert_eq!(error, "at byte 1: expected 0 or 1, found 9");
    }
}
