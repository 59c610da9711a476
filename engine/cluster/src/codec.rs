//! Numbers, names and byte strings as bytes: little-endian, each list and string with its
//! length before it.
//!
//! What is read is bounded by what is there: a length that says more is refused before
//! anything is allocated.

use crate::TapName;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes that end before what they say, or say what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn count(&mut self, value: usize) {
        self.u64(value as u64);
    }

    /// What is not there is written as nothing but that.
    pub(crate) fn option(&mut self, value: Option<u64>) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            self.u64(value);
        }
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.0.extend_from_slice(value);
    }

    pub(crate) fn name(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// Adds the checksum of everything before it.
    pub(crate) fn sealed(mut self) -> Vec<u8> {
        let sum = xxh3_64(&self.0);
        self.u64(sum);
        self.0
    }
}

/// What [`Writer::sealed`] sealed, without the checksum; `None` where it does not fit.
pub(crate) fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (body, sum) = bytes.split_last_chunk()?;
    (xxh3_64(body) == u64::from_le_bytes(*sum)).then_some(body)
}

pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.take().map(u8::from_le_bytes)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.take().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn option(&mut self) -> Result<Option<u64>, Malformed> {
        self.flag()?.then(|| self.u64()).transpose()
    }

    /// How many elements of at least `least` bytes follow.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.u64()?).map_err(|_| Malformed)?;
        (count.checked_mul(least).is_some_and(|bytes| bytes <= self.0.len()))
            .then_some(count)
            .ok_or(Malformed)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.count(1)?;
        let (head, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn name(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    pub(crate) fn tap(&mut self) -> Result<TapName, Malformed> {
        TapName::new(self.name()?).map_err(|_| Malformed)
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
