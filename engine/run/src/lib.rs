//! Runs over captures, as the tool and the Python package do them.
//!
//! - [`Reader`] reads ahead on a thread of its own, and a [`Selection`] says which frames count.
//! - [`Detection`] sifts what is read, a step at a time, and [`News`] is what came of it, in the
//!   order in which it is told; [`FinalStats`] ends a run.
//! - [`Search`] looks for signatures, which [`signature_files`] reads from lines; [`evidence`]
//!   copies the packets that show one.
//! - [`signature_text`] and [`explain`] show one to a person, with what [`grounds`] and [`words`]
//!   say of it.
//! - [`limits`] says what this machine can bear.
//!
//! A step ends within [`reader::PATIENCE`] and the time that a batch takes, so the caller can look
//! for signals between steps. Nothing here prints, and no clock is read.

pub mod evidence;
pub mod explain;
pub mod filter;
pub mod grounds;
pub mod limits;
pub mod palette;
pub mod reader;
pub mod signature_files;
pub mod signature_text;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod words;

mod detection;
mod news;
mod search;
mod selection;
mod stats;

pub use detection::{Detection, Step};
pub use filter::Filter;
pub use news::{News, Teller, Warning};
pub use reader::{Progress, Reader, ReaderError};
pub use search::{Hit, MatchStats, Matches, Search};
pub use selection::{Choice, Frames, Selection, SelectionCounts};
pub use stats::{FinalStats, MutedCounters, Process, Run, by_name, sorted};
