//! Signatures and incidents as objects.

mod again;
mod incident;
mod parts;
mod signature;

pub(crate) use again::write_evidence;
pub(crate) use incident::Incident;
pub(crate) use parts::{IncidentHost, Relay, Sample};
pub(crate) use signature::Signature;
