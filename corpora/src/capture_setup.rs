//! Start of a scenario: its own traffic beside the background, up to the limits of the
//! capture.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::address_space::Prefix;
use crate::background::{self, BackgroundSettings};
use crate::error::CorpusError;
use crate::frame_stream::{FrameStream, Limits};
use crate::scenario::Request;
use crate::time::nanos;
use crate::traffic::Traffic;

/// What a scenario decides where the caller's options do not.
pub(crate) struct CaptureSetup<'a> {
    pub(crate) request: Request<'a>,
    /// The network behind the tap.
    pub(crate) inside: Prefix,
    /// Inside hosts with background traffic.
    pub(crate) background_hosts: u32,
    /// Conversations a second that each of them starts.
    pub(crate) background_rate: f64,
    /// Hosts that have background traffic before others.
    pub(crate) prefer: Vec<Ipv4Addr>,
    /// How long the capture is, where the scenario does not end by itself.
    pub(crate) duration: Option<Duration>,
}

impl<'a> CaptureSetup<'a> {
    /// A network without traffic of its own, seen for so long.
    pub(crate) fn of_dark(
        request: Request<'a>,
        inside: Prefix,
        length: Duration,
    ) -> Self {
        Self {
            request,
            inside,
            background_hosts: 0,
            background_rate: 0.1,
            prefer: Vec::new(),
            duration: Some(length),
        }
    }

    /// Starts what the scenario consists of, or the background alone.
    pub(crate) fn start(
        self,
        scenario: Vec<Box<dyn Traffic>>,
    ) -> Result<FrameStream, CorpusError> {
        let Request { name, seed, options } = self.request;
        let mut traffic = scenario;
        traffic.extend(background::open(&BackgroundSettings {
            seed,
            start_ns: options.start_ns,
            inside: self.inside,
            hosts: options.background_hosts.unwrap_or(self.background_hosts),
            rate: options.background_rate.unwrap_or(self.background_rate),
            prefer: self.prefer,
        })?);
        let duration = if options.has_end() { options.duration } else { self.duration };
        let limits = Limits {
            until_ns: duration.map(|span| options.start_ns.saturating_add(nanos(span))),
            packets: options.packets,
        };
        Ok(FrameStream::new(name, seed, traffic, limits, options.list_carriers))
    }
}
