//! What travels between taps and merger: parcels, asks, pieces, and what is covered.
//!
//! Strict and versioned: one encoding a message, with a checksum; what is not exactly that is
//! refused with a reason that has a counter. Contents are bytes that nothing here reads. A
//! message is at most [`MAX_MESSAGE`] bytes, which a broker takes without any setting.

use crate::codec::{Malformed, Reader, Writer, unsealed};
use crate::{Error, Fleet, TapName};

/// The largest encoded message; a broker takes 1 MiB by default, headers included.
pub const MAX_MESSAGE: usize = (1 << 20) - 2048;
/// The most bytes of contents; more is a further part, ask or piece.
pub const MAX_CONTENT: usize = MAX_MESSAGE - 512;

const MAGIC: &[u8] = b"WSFT";
const VERSION: u8 = 2;

/// One part of what one tap saw in one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Who sent it.
    pub tap: TapName,
    /// Seconds of packet time since 1970.
    pub tick: u64,
    /// Which part of the tick, from 0.
    pub part: u32,
    /// The spool that it was numbered by.
    pub spool: u64,
    /// How many parcels of this spool were before it. Consecutive, so that a hole is seen.
    pub sequence: u64,
    /// Whether the tap sends nothing more until further notice: nobody waits for it then,
    /// and it is not blind.
    pub leaves: bool,
    /// Since which tick the tap was not running, where it was not right before this parcel:
    /// from that tick to this one it did not see all.
    pub absent_since: Option<u64>,
    /// What it holds, at most [`MAX_CONTENT`].
    pub bytes: Vec<u8>,
}

/// A tap no longer has the parcels before this sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Who says so.
    pub tap: TapName,
    /// Of which spool.
    pub spool: u64,
    /// The first that it still has.
    pub sequence: u64,
}

/// The merger asks a tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who is asked.
    pub tap: TapName,
    /// The ask's own number; its answer carries it.
    pub number: u64,
    /// For what.
    pub wanted: Wanted,
}

/// What a tap is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Parcels again, by sequence.
    Parcels {
        /// Of which spool.
        spool: u64,
        /// The first.
        from: u64,
        /// The first that is not wanted.
        to: u64,
    },
    /// What the merger means by these bytes; the answer is a [`Piece`].
    Content(Vec<u8>),
}

/// A tap's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Who answers.
    pub tap: TapName,
    /// The number of the ask.
    pub number: u64,
    /// The answer, at most [`MAX_CONTENT`].
    pub bytes: Vec<u8>,
}

/// How far the merger's checkpoint covers one tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// The tap.
    pub tap: TapName,
    /// The tick of the last parcel that is covered.
    pub tick: u64,
    /// The tap's spool.
    pub spool: u64,
    /// All of its parcels before this sequence are covered.
    pub sequence: u64,
}

/// What the merger's checkpoint covers: taps may delete it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The number of the checkpoint.
    pub checkpoint: u64,
    /// Each tap that was ever heard, by name.
    pub taps: Vec<Covered>,
}

/// A message of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Tap to merger.
    Parcel(Parcel),
    /// Tap to merger.
    Lost(Lost),
    /// Tap to merger.
    Piece(Piece),
    /// Merger to tap.
    Ask(Ask),
    /// Merger to all taps.
    Done(Done),
}

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not ours, truncated, damaged, or longer than it says.
    Damaged,
    /// Of another version of this encoding.
    Version,
    /// Of another fleet.
    Fleet,
    /// Of a kind that has no place under its subject.
    Kind,
    /// Under the subject of another tap.
    Tap,
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::Damaged
    }
}

/// Refuses contents that are too long for a message.
pub(crate) fn fits(what: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.len() <= MAX_CONTENT {
        return Ok(());
    }
    Err(Error::Parcel(format!(
        "{what} of {} bytes: at most {MAX_CONTENT} fit into a message; cut it into parts",
        bytes.len()
    )))
}

pub(crate) fn write_parcel(out: &mut Writer, parcel: &Parcel) {
    out.name(parcel.tap.as_str());
    out.u64(parcel.tick);
    out.u32(parcel.part);
    out.u64(parcel.spool);
    out.u64(parcel.sequence);
    out.u8(u8::from(parcel.leaves));
    out.option(parcel.absent_since);
    out.bytes(&parcel.bytes);
}

pub(crate) fn read_parcel(from: &mut Reader<'_>) -> Result<Parcel, Malformed> {
    Ok(Parcel {
        tap: from.tap()?,
        tick: from.u64()?,
        part: from.u32()?,
        spool: from.u64()?,
        sequence: from.u64()?,
        leaves: from.flag()?,
        absent_since: from.option()?,
        bytes: from.bytes()?.to_vec(),
    })
}

impl Message {
    /// As bytes.
    pub fn encode(&self, fleet: &Fleet) -> Vec<u8> {
        let mut out = Writer::default();
        out.0.extend_from_slice(MAGIC);
        out.u8(VERSION);
        out.name(fleet.as_str());
        match self {
            Self::Parcel(parcel) => {
                out.u8(0);
                write_parcel(&mut out, parcel);
            }
            Self::Lost(lost) => {
                out.u8(1);
                out.name(lost.tap.as_str());
                out.u64(lost.spool);
                out.u64(lost.sequence);
            }
            Self::Piece(piece) => {
                out.u8(2);
                out.name(piece.tap.as_str());
                out.u64(piece.number);
                out.bytes(&piece.bytes);
            }
            Self::Ask(Ask { tap, number, wanted }) => {
                let kind = match wanted {
                    Wanted::Parcels { .. } => 3,
                    Wanted::Content(_) => 4,
                };
                out.u8(kind);
                out.name(tap.as_str());
                out.u64(*number);
                match wanted {
                    Wanted::Parcels { spool, from, to } => {
                        out.u64(*spool);
                        out.u64(*from);
                        out.u64(*to);
                    }
                    Wanted::Content(bytes) => out.bytes(bytes),
                }
            }
            Self::Done(done) => {
                out.u8(5);
                out.u64(done.checkpoint);
                out.count(done.taps.len());
                for covered in &done.taps {
                    out.name(covered.tap.as_str());
                    out.u64(covered.tick);
                    out.u64(covered.spool);
                    out.u64(covered.sequence);
                }
            }
        }
        out.sealed()
    }

    /// From bytes that came under a subject of `fleet`.
    ///
    /// # Errors
    ///
    /// Bytes that [`Message::encode`] does not make, with the reason.
    pub fn decode(bytes: &[u8], fleet: &Fleet) -> Result<Self, Refusal> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Refusal::Damaged);
        }
        let body = unsealed(bytes).ok_or(Refusal::Damaged)?;
        let mut from = Reader(body.strip_prefix(MAGIC).ok_or(Refusal::Damaged)?);
        if from.u8()? != VERSION {
            return Err(Refusal::Version);
        }
        if from.name()? != fleet.as_str() {
            return Err(Refusal::Fleet);
        }
        let message = match from.u8()? {
            0 => Self::Parcel(read_parcel(&mut from)?),
            1 => Self::Lost(Lost {
                tap: from.tap()?,
                spool: from.u64()?,
                sequence: from.u64()?,
            }),
            2 => Self::Piece(Piece {
                tap: from.tap()?,
                number: from.u64()?,
                bytes: from.bytes()?.to_vec(),
            }),
            kind @ (3 | 4) => Self::Ask(Ask {
                tap: from.tap()?,
                number: from.u64()?,
                wanted: match kind {
                    3 => Wanted::Parcels {
                        spool: from.u64()?,
                        from: from.u64()?,
                        to: from.u64()?,
                    },
                    _ => Wanted::Content(from.bytes()?.to_vec()),
                },
            }),
            5 => {
                let checkpoint = from.u64()?;
                let count = from.count(32)?;
                let covered = |_| {
                    Ok(Covered {
                        tap: from.tap()?,
                        tick: from.u64()?,
                        spool: from.u64()?,
                        sequence: from.u64()?,
                    })
                };
                let taps = (0..count).map(covered).collect::<Result<_, Malformed>>()?;
                Self::Done(Done { checkpoint, taps })
            }
            _ => return Err(Refusal::Damaged),
        };
        from.end()?;
        Ok(message)
    }

    /// The tap whose subject it belongs under; `None` for what goes to all.
    pub fn tap(&self) -> Option<&TapName> {
        match self {
            Self::Parcel(Parcel { tap, .. })
            | Self::Lost(Lost { tap, .. })
            | Self::Piece(Piece { tap, .. })
            | Self::Ask(Ask { tap, .. }) => Some(tap),
            Self::Done(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
