//! What a run reads beside its arguments: captures, filters, signatures, signals.

pub(crate) mod baseline;
pub(crate) mod durations;
pub(crate) mod evidence_capture;
pub(crate) mod inputs;
pub(crate) mod mute_file;
pub(crate) mod selection;
pub(crate) mod signals;
pub(crate) mod signature_files;
