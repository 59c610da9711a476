//! Traffic with known answers.
//!
//! A *scenario* is a story told in packets: a worm that spreads, or something
//! that only looks like one, in the midst of ordinary traffic. From a seed it
//! makes a capture, the same to the byte on every machine, and a
//! [`GroundTruth`]: what was planted, where, and whom it infected when. A
//! [`Score`] compares a detector's claims with it.
//!
//! Planted bodies are inert: random bytes from the seed, never code.
//!
//! Large captures stream through [`generate`]; small ones fit in memory:
//!
//! ```
//! use wormsift_corpora::{Carriage, Outbreak};
//!
//! let trace = Outbreak::new(1)
//!     .carriage(Carriage::tcp(536).reordered())
//!     .background_hosts(0)
//!     .infected(10)
//!     .trace()?;
//! assert!(trace.truth.infections.len() >= 10);
//! assert_eq!(trace.frames.len() as u64, trace.truth.packets);
//! # Ok::<(), wormsift_corpora::CorpusError>(())
//! ```
//!
//! Nothing here shares code with the engine that it tests.

#![forbid(unsafe_code)]

pub mod address_book;
pub mod address_space;
pub mod background;
pub mod benign;
pub mod body;
pub mod capture_file;
pub mod carriage;
pub mod detection_rule;
pub mod epidemic;
pub mod error;
pub mod frame_builder;
pub mod frame_stream;
pub mod ground_truth;
pub mod inject;
pub mod merge;
pub mod outbreak;
pub mod pcap_writer;
pub mod presets;
pub mod profile;
pub mod registry;
pub mod rng;
pub mod scenario;
pub mod score;
pub mod traffic;
pub mod worms;

mod beside;
mod calendar;
mod emitter;
mod tcp_dialogue;

pub use address_book::AddressBook;
pub use beside::truth_beside;
pub use capture_file::CaptureFile;
pub use carriage::Carriage;
pub use error::CorpusError;
pub use frame_stream::{FrameStream, Trace};
pub use ground_truth::GroundTruth;
pub use inject::{Injected, inject};
pub use merge::{HeldFrame, Merge};
pub use outbreak::Outbreak;
pub use pcap_writer::{CapturedFrame, FrameWriter, PcapWriter, PcapngWriter};
pub use profile::{Expectation, Kind, Profile, Verdict};
pub use registry::{Scenario, generate};
pub use scenario::GenerateOptions;
pub use score::{Claim, Edges, Score};
