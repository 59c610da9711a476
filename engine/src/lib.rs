//! Content sifting: find byte strings that spread from host to host.
#![cfg_attr(not(test), warn(missing_docs))]

#[cfg(feature = "capture")]
pub mod capture;
pub mod config;
pub mod decode;
pub mod dispersion;
pub mod error;
pub mod export;
pub mod fingerprint;
pub mod packet;
pub mod prevalence;
pub mod propagation;
pub mod sensor;
pub mod signature;
pub mod sketch;
pub mod stream;
