//! The two halves of a sensor at the two ends of the transport: a tap's run, and a merger's.
//!
//! Which tick closes is decided by [`closing`](crate::closing) alone: the merger is told. So
//! what it finds is a function of the log, and a merger that goes on from its checkpoint finds
//! the rest as it would have found it without the interruption.
//!
//! Every ask is answered, if only by a word that it was done, and those of a tap are numbered:
//! a tap does them in order, each once, whatever is lost on the way. A tap keeps what it was
//! asked in a journal: one that reads its captures once more does it once more.

mod cut;
mod journal;
mod merger_end;
mod spooled;
mod state;
mod tap_end;

pub use merger_end::MergerEnd;
pub use tap_end::TapEnd;

use crate::Error;
use std::fmt;

/// A refusal of the engine, as one line.
fn engine(why: impl fmt::Display) -> Error {
    Error::Broker(why.to_string())
}
