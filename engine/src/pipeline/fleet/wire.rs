//! Numbers and bytes of a message: what every message of a fleet has in common.
//!
//! A message is a head, a body and a checksum. A number has one spelling, and nothing may
//! stand behind the last field. Reading allocates no more than the message is long, times a
//! small constant.

use super::ParcelError;
use crate::state::{Exchange, Persist};
use xxhash_rust::xxh3::xxh3_64;

/// The version of all messages. Both ends must have the same.
pub(super) const VERSION: u16 = 1;
const MAGIC: [u8; 3] = *b"WSF";
const CHECKSUM: usize = size_of::<u64>();
/// Where the length of the whole message stands.
const LENGTH_AT: usize = 6;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Parcel = 1,
    Ask = 2,
    Piece = 3,
}

/// What both ends of a message must share: the fleet's name, the secret key, the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::pipeline) struct Binding {
    pub(super) fleet: u64,
    pub(super) key: u64,
    pub(super) settings: u64,
}

impl Binding {
    /// Whether a message of `other` is one of ours.
    pub(super) fn check(&self, other: &Self) -> Result<(), ParcelError> {
        if self.fleet != other.fleet {
            return Err(ParcelError::Fleet);
        }
        if self.key != other.key {
            return Err(ParcelError::Key);
        }
        if self.settings != other.settings {
            return Err(ParcelError::Settings);
        }
        Ok(())
    }
}

/// Writes a message.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(kind: Kind, binding: &Binding, tap: u16) -> Self {
        let mut it = Self(MAGIC.to_vec());
        it.byte(kind as u8);
        it.0.extend(VERSION.to_le_bytes());
        // The length of the whole comes at the end.
        it.word(0);
        it.word(binding.fleet);
        it.word(binding.key);
        it.word(binding.settings);
        it.number(tap.into());
        it
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Seven bits a byte, the lowest first.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A number of either sign: small ones are short.
    pub(super) fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    pub(super) fn word(&mut self, word: u64) {
        self.0.extend(word.to_le_bytes());
    }

    /// Bytes with their number.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn row(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Counters, as they are saved: words.
    pub(super) fn counters<T: Persist + Copy>(&mut self, counters: &T) {
        let (mut copy, mut bytes) = (*counters, Vec::new());
        // Writing to memory cannot fail.
        let written = copy.persist(&mut Exchange::writing(&mut bytes));
        debug_assert!(written.is_ok());
        let (words, rest) = bytes.as_chunks::<8>();
        debug_assert!(rest.is_empty());
        self.number(words.len() as u64);
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        self.sparse(words);
    }

    /// Numbers of which most are zero: how many are not, and each of those with how many zeros
    /// stand before it.
    pub(super) fn sparse(&mut self, numbers: impl Iterator<Item = u64> + Clone) {
        self.number(numbers.clone().filter(|number| *number > 0).count() as u64);
        let mut zeros = 0;
        for number in numbers {
            if number == 0 {
                zeros += 1;
            } else {
                self.number(std::mem::take(&mut zeros));
                self.number(number);
            }
        }
    }

    /// The message.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let length = (self.0.len() + CHECKSUM) as u64;
        self.0[LENGTH_AT..][..8].copy_from_slice(&length.to_le_bytes());
        let checksum = xxh3_64(&self.0);
        self.word(checksum);
        self.0
    }
}

/// Reads a message.
pub(super) struct Reader<'a>(&'a [u8]);

/// Words of counters in a message: more are none of ours.
const MOST_WORDS: usize = 1_024;
/// As much as a counter of one message may say.
pub(super) const MOST_COUNTED: u64 = 1 << 48;

impl<'a> Reader<'a> {
    /// Reads the head: what the message is bound to, its tap, and the rest.
    pub(super) fn new(
        kind: Kind,
        message: &'a [u8],
    ) -> Result<(Binding, u16, Self), ParcelError> {
        let mut it = Self(message);
        if it.row::<3>()? != MAGIC || it.byte()? != kind as u8 {
            return Err(ParcelError::Damaged("no such message"));
        }
        let version = u16::from_le_bytes(it.row()?);
        if version != VERSION {
            return Err(ParcelError::Version(version));
        }
        let length = it.word()?;
        if length < message.len() as u64 {
            return Err(ParcelError::Damaged("more than a message"));
        }
        let end = it.0.len().checked_sub(CHECKSUM);
        let Some(end) = end.filter(|_| length == message.len() as u64) else {
            return Err(ParcelError::Truncated);
        };
        let (body, checksum) = it.0.split_at(end);
        let hashed = &message[..message.len() - CHECKSUM];
        if checksum != xxh3_64(hashed).to_le_bytes() {
            return Err(ParcelError::Damaged("checksum"));
        }
        it.0 = body;
        let binding =
            Binding { fleet: it.word()?, key: it.word()?, settings: it.word()? };
        let tap = it.narrow()?;
        Ok((binding, tap, it))
    }

    pub(super) fn row<const N: usize>(&mut self) -> Result<[u8; N], ParcelError> {
        let (row, rest) = self.0.split_first_chunk().ok_or(ParcelError::Truncated)?;
        self.0 = rest;
        Ok(*row)
    }

    pub(super) fn byte(&mut self) -> Result<u8, ParcelError> {
        self.row::<1>().map(|[byte]| byte)
    }

    pub(super) fn flag(&mut self) -> Result<bool, ParcelError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ParcelError::Damaged("flag")),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, ParcelError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let is_long = shift == 63 && bits > 1;
            if is_long || shift > 0 && byte == 0 {
                return Err(ParcelError::Damaged("number"));
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(ParcelError::Damaged("number"))
    }

    /// A number that fits into a smaller type.
    pub(super) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, ParcelError> {
        T::try_from(self.number()?).map_err(|_| ParcelError::Damaged("range"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, ParcelError> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn word(&mut self) -> Result<u64, ParcelError> {
        self.row().map(u64::from_le_bytes)
    }

    /// The number of entries of a list, each of at least `least` bytes: no more than there
    /// can be in what is left.
    pub(super) fn count(&mut self, least: usize) -> Result<usize, ParcelError> {
        let count: usize = self.narrow()?;
        if count > self.0.len() / least {
            return Err(ParcelError::Truncated);
        }
        Ok(count)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], ParcelError> {
        let count = self.count(1)?;
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        Ok(bytes)
    }

    /// Counters. More than [`MOST_COUNTED`] of anything is refused, so that sums do not overflow.
    pub(super) fn counters<T: Persist + Default>(&mut self) -> Result<T, ParcelError> {
        self.words(MOST_COUNTED)
    }

    /// Counters that may be corrections of earlier ones.
    pub(super) fn differences<T: Persist + Default>(&mut self) -> Result<T, ParcelError> {
        self.words(u64::MAX)
    }

    fn words<T: Persist + Default>(&mut self, most: u64) -> Result<T, ParcelError> {
        let words = self.narrow()?;
        if words > MOST_WORDS {
            return Err(ParcelError::Damaged("counters"));
        }
        let mut bytes = Vec::with_capacity(8 * words);
        for word in self.sparse(words)? {
            if word > most {
                return Err(ParcelError::Damaged("counters"));
            }
            bytes.extend(word.to_le_bytes());
        }
        let (mut counters, mut rest) = (T::default(), &bytes[..]);
        let read = counters.persist(&mut Exchange::reading(&mut rest));
        match read.is_ok() && rest.is_empty() {
            true => Ok(counters),
            false => Err(ParcelError::Damaged("counters")),
        }
    }

    /// So many numbers of which most are zero.
    pub(super) fn sparse(&mut self, numbers: usize) -> Result<Vec<u64>, ParcelError> {
        let (mut all, mut at) = (vec![0; numbers], 0);
        for _ in 0..self.count(2)? {
            at += self.narrow::<u32>()? as usize;
            let number = self.number()?;
            let place = all.get_mut(at).filter(|_| number > 0);
            *place.ok_or(ParcelError::Damaged("numbers"))? = number;
            at += 1;
        }
        Ok(all)
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), ParcelError> {
        match self.0 {
            [] => Ok(()),
            _ => Err(ParcelError::Damaged("more than a message")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BINDING: Binding = Binding { fleet: 1, key: 2, settings: 3 };

    fn body(message: &[u8]) -> Reader<'_> {
        Reader::new(Kind::Ask, message).unwrap().2
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(numbers: Vec<u64>, signed: Vec<i64>, bytes: Vec<u8>) {
            let mut writer = Writer::new(Kind::Ask, &BINDING, 7);
            numbers.iter().for_each(|it| writer.number(*it));
            signed.iter().for_each(|it| writer.signed(*it));
            writer.bytes(&bytes);
            let message = writer.finish();
            let (binding, tap, mut reader) = Reader::new(Kind::Ask, &message).unwrap();
            prop_assert_eq!((binding, tap), (BINDING, 7));
            for number in numbers {
                prop_assert_eq!(reader.number().unwrap(), number);
            }
            for number in signed {
                prop_assert_eq!(reader.signed().unwrap(), number);
            }
            prop_assert_eq!(reader.bytes().unwrap(), &bytes[..]);
            prop_assert!(reader.finish().is_ok());
        }

        /// Of two spellings of a number one is refused.
        #[test]
        fn a_number_has_one_spelling(bytes in prop::collection::vec(any::<u8>(), 1..11)) {
            let mut reader = Reader(&bytes);
            if let Ok(number) = reader.number() {
                let mut writer = Writer(Vec::new());
                writer.number(number);
                prop_assert_eq!(&writer.0[..], &bytes[..bytes.len() - reader.0.len()]);
            }
        }
    }

    #[test]
    fn heads_are_refused_for_their_reasons() {
        let mut writer = Writer::new(Kind::Ask, &BINDING, 7);
        writer.word(9);
        let message = writer.finish();
        assert_eq!(body(&message).word(), Ok(9));
        let refusal = |message: &[u8]| Reader::new(Kind::Ask, message).err();
        for length in 0..message.len() {
            assert_eq!(refusal(&message[..length]), Some(ParcelError::Truncated));
        }
        let longer = [&message[..], &[0]].concat();
        let too_long = ParcelError::Damaged("more than a message");
        assert_eq!(refusal(&longer), Some(too_long));
        let other = |at: usize| {
            let mut other = message.clone();
            other[at] ^= 0x80;
            refusal(&other)
        };
        assert_eq!(other(0), Some(ParcelError::Damaged("no such message")));
        assert_eq!(other(4), Some(ParcelError::Version(VERSION ^ 0x80)));
        for at in LENGTH_AT + 8..message.len() {
            assert_eq!(other(at), Some(ParcelError::Damaged("checksum")), "{at}");
        }
        let of = |fleet, key, settings| BINDING.check(&Binding { fleet, key, settings });
        assert_eq!(of(1, 2, 3), Ok(()));
        assert_eq!(of(0, 0, 0), Err(ParcelError::Fleet));
        assert_eq!(of(1, 0, 0), Err(ParcelError::Key));
        assert_eq!(of(1, 2, 0), Err(ParcelError::Settings));
    }
}
