//! Detection: which contents are prevalent, dispersed, or passed on.
//!
//! - [`prevalence`]: how often a content was seen.
//! - [`dispersion`]: how many distinct sources and destinations it has.
//! - [`propagation`]: which hosts received it before they sent it.
//! - [`population`]: how many addresses sent a content that has alarmed.
//! - [`candidates`]: who was involved in a content that is under watch.
//! - [`conversations`]: who began a conversation, and whether it was answered.
//! - [`decoys`]: which planted hosts start conversations, and what they had received.
//! - [`duplicates`]: which packets another tap has shown before; `aliases`: which conversations
//!   are one.
//! - [`taps`]: which taps saw a content.
//! - [`alarms`]: whether what these know of a content is an alarm.
//!
//! Each part is a function of its input in packet order and knows nothing of the others;
//! the pipeline joins them.

pub mod alarms;
pub(crate) mod aliases;
pub mod candidates;
pub mod conversations;
pub mod copies;
pub mod count;
pub mod decoys;
pub mod dispersion;
pub mod duplicates;
pub mod handshakes;
pub mod population;
pub mod ports;
pub mod prevalence;
pub mod propagation;
pub mod taps;
