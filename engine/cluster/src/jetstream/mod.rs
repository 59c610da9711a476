//! Taps and merger over NATS JetStream; nothing else of this package knows of it.
//!
//! All that is public blocks; one thread a [`Link`] does the work. The order of the log is
//! the broker's; that it loses what it acknowledged, or is put back to an older copy, is
//! expected: the ends agree between themselves ([`Publisher`], [`Receiver`]).

mod link;
mod log;
mod notes;
mod publisher;
mod receiver;
mod refusals;
mod room;
mod sending;
mod server;
mod streams;

pub use link::Link;
pub use log::LogCounters;
pub use publisher::{Progress, Publisher, PublisherCounters};
pub use receiver::{Event, Receiver, ReceiverCounters};
pub use refusals::Refusals;
pub use server::Server;
