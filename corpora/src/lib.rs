//! Traffic with known answers.
//!
//! A *scenario* is a worm that spreads, or traffic that only looks like one, among
//! background traffic. From a seed it makes a capture, the same to the byte on every
//! machine, and a [`GroundTruth`]: what was planted, in which packets, and whom it infected
//! when. A [`Score`] compares a detector's claims with it.
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

pub mod address_space;
pub mod body;
pub mod detection_rule;
pub mod epidemic;
pub mod frame_builder;
pub mod ground_truth;
pub mod pcap_writer;
pub mod presets;
pub mod rng;
pub mod scenario;

mod address_map;
mod adversary;
mod background;
mod benign;
mod capture_file;
mod capture_setup;
mod carriage;
mod cut_off;
mod delivery;
mod error;
mod event_queue;
mod frame_stream;
mod infrastructure;
mod inject;
mod link;
mod merge;
mod profile;
mod registry;
mod score;
mod simulation;
mod taps;
mod tcp_session;
mod text;
mod time;
mod tls;
mod traffic;
mod unsolicited;
mod worms;

pub use address_map::AddressMap;
pub use capture_file::CaptureFile;
pub use carriage::Carriage;
pub use cut_off::CutOff;
pub use error::CorpusError;
pub use frame_stream::{FrameInfo, FrameStream, Trace};
pub use ground_truth::{GroundTruth, truth_beside};
pub use inject::{Injected, inject};
pub use merge::{HeldFrame, Merge};
pub use pcap_writer::{CapturedFrame, FrameWriter, PcapWriter, PcapngWriter};
pub use profile::{
    Expectation, IncidentExpectation, IncidentGrade, IncidentKind, Kind, Profile, Verdict,
};
pub use registry::{Scenario, generate};
pub use scenario::GenerateOptions;
pub use score::{Claim, ContentScore, Detection, Edges, Score};
pub use taps::{Cut, CutTap, TapFiles};
pub use worms::outbreak::Outbreak;
