//! `wormsift live`: a sensor on an interface, for months.
//!
//! One thread reads the rings, sifts on the pool, writes, and looks at signals and clocks
//! between batches (`watch`). Before the first packet everything is opened and the rights
//! to open more are given away (`start`, `sandbox`). Others see a snapshot that the loop
//! posts (`board`): the status page (`page`), Prometheus (`metrics`), both over
//! [`status`](crate::status).
//! Findings go out as lines (`lines`, `output`) and as rules (`rules`), of which a
//! Suricata is told (`suricata`).

mod board;
mod lines;
mod metrics;
mod output;
mod page;
#[cfg(test)]
pub(crate) mod samples;
mod sandbox;
mod shown;
mod start;
mod state;
mod suricata;
mod tap;
mod taps;
mod watch;
mod writer;

#[cfg(test)]
pub(crate) use lines::LiveStats;
#[cfg(feature = "fleet")]
pub(crate) use sandbox::privileges;
pub(crate) use start::run;
#[cfg(feature = "fleet")]
pub(crate) use tap::Capturing;
#[cfg(feature = "fleet")]
pub(crate) use taps::{Batch, Change, Taps};
