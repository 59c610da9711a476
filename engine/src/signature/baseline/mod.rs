//! Content known to be good.
//!
//! Two answers. Keys learned from benign traffic are stopped at the prevalence gate: see
//! [`LearnedKeys`]. Content that has alarmed and turns out, once grown, to be the
//! boilerplate of a protocol and little else is [suppressed](Suppressed): see
//! [`Boilerplate`].

mod filler;
mod learned;
mod literals;
mod suppressed;

pub use learned::{Binding, LearnedKeys};
pub use literals::{Boilerplate, Covered, LiteralFile};
pub use suppressed::Suppressed;
pub(super) use suppressed::{START, SuppressedList};
