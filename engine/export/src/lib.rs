//! Signatures for other programs: JSON lines, rules for IDSs, feeds, pages, and matching.
//!
//! Each format is a file of its own, from a [`Signature`](wormsift::signature::Signature)
//! to text and nothing else. [`json_lines`] is the engine's own: it loses nothing,
//! is stable under a schema version, and can be read back. The formats of rules go
//! through a [`Rule`], which says what can be asked of a packet, and numbers from a
//! [`SidRegistry`]; [`select()`] says which signatures get one. Every rule alerts; none blocks.
//! [`mute`] marks findings that an operator knows, [`durations`] estimates hosts from addresses.

pub mod append;
pub mod durations;
pub mod eve;
#[cfg(feature = "html")]
pub mod html;
pub mod isolate;
pub mod json_lines;
pub mod matching;
pub mod misp;
pub mod mute;
pub mod snort3;
pub mod stix;
pub mod suricata;
pub mod text;
pub mod yara;
pub mod zeek;

pub(crate) mod distinct;
mod rule;
mod select;
mod sids;

pub use rule::{NoRule, Question, Rule, RuleOptions, Service};
pub use select::{HOST_SET_KINDS, LeftOut, RULE_KINDS, Selected, select};
pub use sids::{Sid, SidError, SidRange, SidRegistry};

#[cfg(test)]
mod decoders;
