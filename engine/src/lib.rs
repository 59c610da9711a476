//! Content sifting: find the byte strings that spread from host to host, while they
//! do, and write down their signatures.
//!
//! The method is EarlyBird's (Singh, Estan, Varghese, Savage, *Automated Worm
//! Fingerprinting*, OSDI 2004): a string that recurs in many packets, from many
//! sources, to many destinations, is suspect. Beyond it, the [`Sensor`] sees content
//! being passed on: received by a host, then sent by it.
//!
//! # An IDS that decodes for itself
//!
//! One [`Worker`] a thread fingerprints packets without locks; the [`Sensor`] owns
//! all tables and takes what the workers have buffered.
//!
//! ```
//! use wormsift::{Config, Finding, Packet, Sensor, Timestamp};
//!
//! let mut sensor = Sensor::new(Config::default())?;
//! let mut worker = sensor.worker();
//! // A host is infected by the one before it, and attacks three others.
//! let body: Vec<u8> = (0..300_u32).map(|i| (i * i % 251) as u8).collect();
//! for step in 0..30 {
//!     worker.observe(&Packet {
//!         number: step + 1,
//!         time: Timestamp::from_nanos(step * 100_000_000),
//!         source: [10, 0, 0, (step / 3) as u8].into(),
//!         destination: [10, 0, 0, (step / 3 + 1 + step % 3 * 20) as u8].into(),
//!         protocol: 17,
//!         source_port: 5_000,
//!         destination_port: 4_444,
//!         sequence: 0,
//!         acknowledgement: 0,
//!         tcp_flags: 0,
//!         encapsulation: 0,
//!         to_group: false,
//!         untrusted_tunnel: false,
//!         identification: None,
//!         tap: 0,
//!         payload: &body,
//!     });
//! }
//! sensor.absorb([&mut worker]);
//! sensor.finish();
//! let findings = sensor.findings();
//! let Finding::Signature(signature) = &findings[0] else { panic!("nothing found") };
//! assert_eq!(signature.content, body);
//! assert!(!signature.relays.is_empty());
//! # Ok::<(), wormsift::Error>(())
//! ```
//!
//! Packet numbers decide every order. Workers may run on threads of their own
//! ([`Worker`] and [`Sensor`] are `Send` and `Sync`); the findings do not depend on which
//! worker a packet went through as long as each [`absorb`](Sensor::absorb) brings only
//! packets with numbers above those before. A host that cannot promise that still gets
//! every bound on memory and error.
//!
//! # Raw frames
//!
//! A host that only captures hands over frames; those that cannot be decoded are counted
//! by reason.
//!
//! ```
//! use wormsift::packet::LinkType;
//! use wormsift::{Config, Frame, Sensor, Timestamp};
//!
//! let mut sensor = Sensor::new(Config::default())?;
//! let mut worker = sensor.worker();
//! worker.frame(&Frame {
//!     number: 1,
//!     time: Timestamp::from_nanos(1),
//!     link: LinkType::ETHERNET,
//!     original_len: 60,
//!     tap: 0,
//!     data: &[0xff; 60], // an Ethernet frame of nobody's protocol
//! });
//! sensor.absorb([&mut worker]);
//! let stats = sensor.stats();
//! assert_eq!(stats.packets.frames, 1);
//! assert_eq!(stats.drops.total(), 1);
//! # Ok::<(), wormsift::Error>(())
//! ```
//!
//! # Reassembled streams
//!
//! A host that puts TCP streams in order hands over pieces of them. Windows across two
//! pieces are seen, so pieces may be as small as they come.
//!
//! ```
//! use wormsift::packet::{FlowKey, Handshake, protocol};
//! use wormsift::{Config, Sensor, StreamPiece, Timestamp};
//!
//! let mut sensor = Sensor::new(Config::default())?;
//! let mut worker = sensor.worker();
//! let body: Vec<u8> = (0..300_u32).map(|i| (i * i % 251) as u8).collect();
//! let mut number = 0;
//! for step in 0..30_u8 {
//!     let flow = FlowKey {
//!         source: [10, 0, 0, step / 3].into(),
//!         destination: [10, 0, 0, step / 3 + 1 + step % 3 * 20].into(),
//!         protocol: protocol::TCP,
//!         source_port: 5_000 + u16::from(step),
//!         destination_port: 4_444,
//!         encapsulation: 0,
//!     };
//!     // Each piece is shorter than a window of 40 bytes.
//!     for (n, payload) in body.chunks(30).enumerate() {
//!         number += 1;
//!         let time = Timestamp::from_nanos(number * 10_000_000);
//!         let offset = n as u64 * 30;
//!         let handshake = Handshake::Unknown;
//!         worker.stream(&StreamPiece { number, time, flow, offset, handshake, payload });
//!     }
//! }
//! sensor.absorb([&mut worker]);
//! sensor.finish();
//! let found = sensor.findings().into_iter().next().expect("a worm");
//! assert_eq!(found.signature().content, body);
//! # Ok::<(), wormsift::Error>(())
//! ```
//!
//! # Captures
//!
//! Files, folders, globs and `-` are one trace; frames are sifted on the rayon pool
//! that the call runs in, and any number of threads gives the same findings.
//!
//! ```
//! use wormsift_capture::{Limits, Trace, inputs};
//! use wormsift_export::json_lines;
//! use wormsift::{Config, Sensor};
//!
//! # let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpora/traces/outbreak.pcapng.zst");
//! # let arguments = [trace.to_owned()];
//! # #[cfg(any())]
//! let arguments = ["captures/".to_owned()];
//! let (inputs, unreadable) = inputs(&arguments);
//! let mut trace = Trace::open(inputs);
//! let mut sensor = Sensor::new(Config::default())?;
//! let mut found = 0;
//! while let Some(batch) = trace.next_batch(Limits::default()) {
//!     sensor.sift(&batch);
//!     for finding in sensor.findings() {
//!         println!("{}", json_lines::write(&finding));
//!         found += 1;
//!     }
//! }
//! sensor.finish();
//! for damage in unreadable.into_iter().chain(trace.damage()) {
//!     eprintln!("{damage}");
//! }
//! # assert!(found > 0);
//! # Ok::<(), wormsift::Error>(())
//! ```
//!
//! # Settings
//!
//! Every tunable is a field of [`Config`], in code or TOML. The table
//! [`config::SETTINGS`] has range, default and reason of each; `engine/docs/settings.md`
//! is written from it.
//!
//! ```
//! use wormsift::Config;
//!
//! let config = Config::from_toml("sampling = '16'\nsources = 10\nmemory = '64MiB'")?;
//! assert_eq!(config.sources, 10);
//! assert!(Config::from_toml("souces = 10").unwrap_err().to_string().contains("`sources`"));
//! # Ok::<(), wormsift::Error>(())
//! ```
//!
//! # Statistics
//!
//! Whatever was dropped, evicted or refused is counted in a field of its own:
//!
//! ```
//! use wormsift::{Config, Sensor};
//!
//! let sensor = Sensor::new(Config::default())?;
//! let stats = sensor.stats();
//! assert_eq!(stats.packets.packets, 0);
//! assert!(stats.memory.total_bytes <= stats.memory.budget_bytes);
//! # Ok::<(), wormsift::Error>(())
//! ```
//!
//! # Features and packages
//!
//! - `toml` (a feature): [`Config::from_toml`] and [`Config::to_toml`].
//! - `wormsift-capture`: capture files, and frames from a network interface.
//! - `wormsift-export`: findings as JSON lines, rules and feeds; matching of known
//!   signatures.

pub mod config;
pub mod dark;
pub mod error;
pub mod packet;
pub mod signature;

// What only the packages, tests and benches of the project call, and may change at any
// time. In the order in which traffic meets them.
#[doc(hidden)]
pub mod decode;
#[doc(hidden)]
pub mod detect;
#[doc(hidden)]
pub mod fingerprint;
#[doc(hidden)]
pub mod pipeline;
#[doc(hidden)]
pub mod sketch;
#[doc(hidden)]
pub mod state;
#[doc(hidden)]
pub mod stream;
#[doc(hidden)]
pub mod time;

mod counters;
mod pages;

pub use config::Config;
pub use error::Error;
pub use packet::{Frame, Packet, StreamPiece};
pub use pipeline::{Baseline, Prepared, Preparer, Sensor, Stats, TimeOrder, Worker};
pub use signature::{Finding, Signature};
pub use time::Timestamp;

#[doc(inline)]
pub use pipeline::fleet;

/// The parts of [`Stats`].
pub mod stats {
    pub use crate::dark::DarkCounters;
    pub use crate::decode::{DropCounters, FragmentCounters};
    pub use crate::detect::candidates::CandidateCounters;
    pub use crate::detect::decoys::DecoyCounters;
    pub use crate::detect::prevalence::PrevalenceCounters;
    pub use crate::detect::propagation::PropagationCounters;
    pub use crate::pipeline::{
        ContentCounters, Coverage, Fill, Memory, NearestContent, PacketCounters,
        UnreadCounters, WindowCounters,
    };
    pub use crate::signature::SignatureCounters;
    pub use crate::stream::{SampleCounters, StreamCounters};
}

/// The examples of the docs are compiled, too.
#[cfg(doctest)]
#[doc = include_str!("../docs/embed-rust.md")]
struct EmbedRust;
