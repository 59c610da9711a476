//! Carries what taps send to one merger, over [NATS JetStream](https://docs.nats.io).
//!
//! A tap appends parcels to its [`spool`], and `jetstream` (a feature) carries them. The merger
//! gets them as closed ticks ([`closing`]) and writes a [`checkpoint`]; then taps delete what it
//! covers. The contents are bytes that nothing here reads.
//!
//! `dataflow` (a feature) is for captures that are here: taps and merger on the threads of one
//! process or several.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod closing;
mod codec;
#[cfg(feature = "dataflow")]
pub mod dataflow;
mod error;
#[cfg(feature = "jetstream")]
pub mod jetstream;
#[cfg(feature = "jetstream")]
pub mod join;
mod lock;
mod message;
mod names;
mod private;
#[cfg(test)]
mod scratch;
pub mod spool;

pub use error::Error;
pub use message::{
    Ask, Covered, Done, Lost, MAX_CONTENT, MAX_MESSAGE, Message, Parcel, Piece, Refusal,
    Wanted,
};
pub use names::{Fleet, TapName};
