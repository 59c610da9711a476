//! *How do others take it?*
//!
//! Each format is a file of its own, from a [`Signature`](crate::signature::Signature)
//! to text and nothing else. [`json_lines`] is the engine's own: it loses nothing,
//! is stable under a schema version, and can be read back.

pub mod json_lines;
