//! A tap's parcels as its spool has them, and whether captures are those that they were made of.

use super::engine;
use crate::Error;
use wormsift::fleet::Parcel;

/// What a spool ends with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Last {
    pub(super) tick: u64,
    pub(super) part: u32,
    /// The tap's parcel, and the hash of the frames up to it.
    pub(super) sequence: u64,
    pub(super) frames: u64,
}

impl Last {
    /// Whether the captures are those of before, where the parcel is the last one of then.
    pub(super) fn check(&self, parcel: &Parcel, frames: u64) -> Result<(), Error> {
        let has_ended = parcel.tick().is_none();
        let what = match parcel.sequence() {
            sequence if sequence == self.sequence && frames != self.frames => {
                "are not those".to_owned()
            }
            sequence if sequence < self.sequence && has_ended => format!(
                "end after {} parcels, of {} that were sent; they are shorter than those",
                sequence + 1,
                self.sequence + 1
            ),
            _ => return Ok(()),
        };
        Err(engine(format_args!(
            "the captures {what} of the run before, which this spool goes on from; give the same \
             once more, or begin with an empty folder, and the fleet under another name"
        )))
    }
}

/// What is before each part of a parcel on its way.
pub(super) struct Head<'a> {
    /// Of the tap's parcel.
    pub(super) sequence: u64,
    /// A hash of the tap's frames up to it.
    pub(super) frames: u64,
    pub(super) part: &'a [u8],
}

impl<'a> Head<'a> {
    pub(super) const BYTES: usize = 16;

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let numbers = [self.sequence, self.frames].map(u64::to_le_bytes).concat();
        [&numbers[..], self.part].concat()
    }

    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (sequence, rest) = bytes.split_first_chunk()?;
        let (frames, part) = rest.split_first_chunk()?;
        let [sequence, frames] = [sequence, frames].map(|it| u64::from_le_bytes(*it));
        Some(Self { sequence, frames, part })
    }
}
