//! Many taps, one answer: the two halves of a sensor, and the messages between them.
//!
//! ```text
//! Tap: frames -> decode -> fingerprint -> fragments -> seams of TCP segments -> Parcel
//! Merger: Parcels -> packet time, copies, names of hosts -> conversations
//!                 -> 64 content shards -> Ask, Piece -> signatures, incidents
//! ```
//!
//! A [`Tap`] holds payloads and what is known by them alone; a [`Merger`] holds all that must
//! be known of every tap at once. A [`Parcel`] is what a tap saw in one tick of packet time:
//! keyed hashes, addresses, ports and times, but no payload. When the merger follows a
//! content, an [`Ask`] names the windows of which it needs samples, and a [`Piece`] brings
//! them.
//!
//! A merger's content shards can be with workers ([`Merger::with_workers`], [`ShardWorker`]): then
//! each part of a batch is a [`ShardTask`] with a [`ShardResult`].
//!
//! Guarantees: the merger is a function of the parcels and pieces in the order of
//! [`push`](Merger::push) and [`answer`](Merger::answer), and of nothing else. One tap gives
//! the findings and statistics of one [`Sensor`](crate::Sensor). Several give those of one
//! sensor over the same taps, as long as each TCP direction and each fragmented datagram comes
//! by at one tap as a whole, no table of a tap is short of memory, no parcel is late, and the
//! taps' clocks agree. In which order parcels of different taps come changes nothing, but for
//! which of them are late.
//!
//! Costs: a parcel takes some 20 bytes a packet, 11 a sighting, and 200 by itself. A tap keeps the
//! payloads of ticks that the merger has not closed, up to [`Tap::HELD`]. Parcels that wait for
//! their tick take memory beyond that of the settings, and so do those that the host has not
//! taken. A tick is sifted in the rayon pool that the call runs in.
//!
//! ```
//! use wormsift::fleet::{Merger, Parcel, Tap};
//! use wormsift::packet::LinkType;
//! use wormsift::{Config, Frame, Timestamp};
//!
//! let config = Config::from_toml("memory = '64MiB'\ntaps = ['berlin', 'paris']")?;
//! let mut taps = [Tap::new(config.clone(), "example", 0)?, Tap::new(config.clone(), "example", 1)?];
//! let mut merger = Merger::new(config, "example")?;
//! for (number, tap) in (1..).zip(&mut taps) {
//!     tap.frame(&Frame {
//!         number,
//!         time: Timestamp::from_nanos(number),
//!         link: LinkType::ETHERNET,
//!         original_len: 60,
//!         tap: 0,
//!         data: &[0; 60],
//!     });
//!     tap.finish();
//!     for parcel in tap.parcels() {
//!         merger.push(Parcel::decode(&parcel.encode())?)?;
//!     }
//! }
//! merger.finish();
//! merger.ask_here(&mut taps)?;
//! assert!(merger.is_finished() && merger.findings().is_empty());
//! assert_eq!(merger.stats().packets.frames, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
mod asking;
mod blind;
mod closing;
mod error;
mod gate;
mod gather;
mod held;
mod hosted;
mod merger;
mod parcel;
mod parcel_wire;
mod questions;
mod rounds;
mod saved;
pub(super) mod shards;
mod tap;
mod unrecorded;
pub(super) mod wire;

pub use ask::{Ask, Piece};
pub use error::{ParcelError, RefusedParcels};
pub use gate::Gate;
pub use merger::{FleetTap, Merger};
pub use parcel::Parcel;
pub use shards::{ShardResult, ShardTask, ShardWorker};
pub use tap::{Tap, TapCounters};

use super::batch::content_shard;
use super::seeds::Seeds;
use crate::config::Config;
use wire::Binding;
use xxhash_rust::xxh3::xxh3_64;

/// What the messages of a fleet are bound to. Memory is left out: a tap may have less.
fn binding(config: &Config, fleet: &str) -> Binding {
    let mut settings = config.to_values();
    settings.remove("memory");
    let settings = serde_json::Value::Object(settings).to_string();
    Binding {
        fleet: xxh3_64(fleet.as_bytes()),
        key: Seeds::new(config.effective_key()).narrow("fleet"),
        settings: xxh3_64(settings.as_bytes()),
    }
}
