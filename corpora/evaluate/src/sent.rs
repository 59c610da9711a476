//! The copies of a planted content that a signature is about: who sent them to whom, when.
//!
//! The truth names the packets that carry a content; the frames say whose they are, and
//! which of them hold the signature's own bytes at its port. Nothing here is from the
//! detector but its decoder.
//!
//! A copy is a datagram, or a direction of a TCP connection with its segments put in order.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use wormsift::config::Config;
use wormsift::decode::{Decoded, Fragments};
use wormsift::packet::{FlowKey, Frame, Host, Packet, protocol, tcp_flags};
use wormsift::pipeline::decoder;
use wormsift::signature::Signature;
use wormsift_corpora::ground_truth::ContentTruth;

/// The bytes of a signature, and where it says that they go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sought<'a> {
    pub(crate) content: &'a [u8],
    pub(crate) port: Option<u16>,
    pub(crate) port_rule: &'a str,
    /// Bytes of a window.
    pub(crate) beta: usize,
}

/// The copies of one signature, in any order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    copies: Vec<Copy>,
}

#[derive(Clone, Copy, Debug)]
struct Copy {
    /// Who sent it, and whom it was sent to.
    hosts: [Host; 2],
    /// Its first carrier.
    begins_ns: u64,
    /// When all the signature's bytes were there, or its last carrier.
    ends_ns: u64,
    /// Whether it holds all the signature's bytes. Else it was cut short, and may hold some, or
    /// it holds a window of them: who sent a part of a signature counts as its source.
    whole: bool,
}

/// Hosts of one side: those of whole copies, and those of all copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Between {
    pub(crate) least: u64,
    pub(crate) most: u64,
}

impl<'a> Sought<'a> {
    pub(crate) fn of(it: &'a Signature, config: &Config) -> Self {
        Self {
            content: &it.content,
            port: it.port,
            port_rule: &it.port_rule,
            beta: config.beta,
        }
    }

    /// Whether these bytes hold a window of its.
    fn has_window_in(&self, bytes: &[u8]) -> bool {
        let windows: HashSet<&[u8]> = self.content.windows(self.beta).collect();
        bytes.windows(self.beta).any(|window| windows.contains(window))
    }

    /// Whether it speaks of what goes from the first port to the second.
    fn is_at(&self, [source, destination]: [u16; 2]) -> bool {
        let Some(port) = self.port else { return true };
        match self.port_rule {
            "destination" => destination == port,
            "source" => source == port,
            "service" => source.min(destination) == port,
            _ => true,
        }
    }
}

impl Sent {
    /// Those of each signature; all of them are about this content.
    pub(crate) fn of(
        sought: &[Sought<'_>],
        content: &ContentTruth,
        frames: &[Frame<'_>],
        config: &Config,
    ) -> Vec<Self> {
        let mut carrying: HashSet<FlowKey> = HashSet::new();
        each(frames, config, |packet| {
            if is_stream(packet) && content.carriers.contains(packet.number) {
                carrying.insert(packet.flow());
            }
        });
        let mut followed = Followed {
            sought,
            content,
            v6_prefix: config.v6_prefix,
            streams: HashMap::new(),
            sent: vec![Self::default(); sought.len()],
        };
        each(frames, config, |packet| {
            if !is_stream(packet) {
                followed.datagram(packet);
            } else if carrying.contains(&packet.flow()) {
                followed.segment(packet);
            }
        });
        followed.finish()
    }

    /// The sources and the destinations from this moment on.
    pub(crate) fn hosts_since(&self, time_ns: u64) -> [Between; 2] {
        let since = || self.copies.iter().filter(|it| it.ends_ns >= time_ns);
        [0, 1].map(|side| {
            let all: BTreeSet<Host> = since().map(|it| it.hosts[side]).collect();
            let whole: BTreeSet<Host> =
                since().filter(|it| it.whole).map(|it| it.hosts[side]).collect();
            Between { least: whole.len() as u64, most: all.len() as u64 }
        })
    }

    /// When the first packet of a copy came, and when one was whole.
    pub(crate) fn first_ns(&self) -> Option<[u64; 2]> {
        let begins = self.copies.iter().map(|it| it.begins_ns).min()?;
        let whole = self.copies.iter().filter(|it| it.whole).map(|it| it.ends_ns).min();
        Some([begins, whole.unwrap_or(u64::MAX)])
    }
}

/// Gives every packet, fragments put together.
pub(crate) fn each(
    frames: &[Frame<'_>],
    config: &Config,
    mut each: impl FnMut(&Packet<'_>),
) {
    let decoder = decoder(config);
    let mut fragments = Fragments::new(decoder.clone());
    let mut give = |packet: &Packet<'_>| -> Result<(), Infallible> {
        each(packet);
        Ok(())
    };
    for frame in frames {
        let Ok(()) = match decoder.frame(frame) {
            Decoded::Packet(packet) => give(&packet),
            Decoded::Fragment(fragment) => fragments.insert(&fragment, &mut give),
            Decoded::Drop(_) => Ok(()),
        };
    }
}

fn is_stream(packet: &Packet<'_>) -> bool {
    packet.protocol == protocol::TCP
}

/// A content whose copies are being gathered.
struct Followed<'a> {
    sought: &'a [Sought<'a>],
    content: &'a ContentTruth,
    v6_prefix: u8,
    streams: HashMap<FlowKey, Stream>,
    sent: Vec<Sent>,
}

/// A direction of a connection.
#[derive(Default)]
struct Stream {
    hosts: [Host; 2],
    ports: [u16; 2],
    /// By their distance from the first one, bytes with the time of their first arrival.
    segments: BTreeMap<i64, (u64, Vec<u8>)>,
    first: Option<u32>,
    /// Times of the first and the last carrier.
    carriers: Option<[u64; 2]>,
    /// Bytes in carriers.
    carried: usize,
}

impl Followed<'_> {
    fn datagram(&mut self, packet: &Packet<'_>) {
        if !self.content.carriers.contains(packet.number) {
            return;
        }
        let (hosts, time_ns) = (self.hosts(packet), packet.time.as_nanos());
        let ports = [packet.source_port, packet.destination_port];
        for (it, sent) in self.sought.iter().zip(&mut self.sent) {
            if !it.is_at(ports) {
                continue;
            }
            let whole = place(packet.payload, it.content).is_some();
            if whole || it.has_window_in(packet.payload) {
                let copy = Copy { hosts, begins_ns: time_ns, ends_ns: time_ns, whole };
                sent.copies.push(copy);
            }
        }
    }

    fn segment(&mut self, packet: &Packet<'_>) {
        let flow = packet.flow();
        if packet.tcp_flags & tcp_flags::SYN != 0
            && let Some(before) = self.streams.remove(&flow)
        {
            self.end(&before);
        }
        if packet.payload.is_empty() {
            return;
        }
        let (hosts, time_ns) = (self.hosts(packet), packet.time.as_nanos());
        let stream = self.streams.entry(flow).or_default();
        stream.hosts = hosts;
        stream.ports = [packet.source_port, packet.destination_port];
        let first = *stream.first.get_or_insert(packet.sequence);
        let at = i64::from(packet.sequence.wrapping_sub(first) as i32);
        let carries = self.content.carriers.contains(packet.number);
        if carries {
            let [begins, _] = stream.carriers.unwrap_or([time_ns; 2]);
            stream.carriers = Some([begins, time_ns]);
        }
        if let Entry::Vacant(place) = stream.segments.entry(at) {
            stream.carried += if carries { packet.payload.len() } else { 0 };
            place.insert((time_ns, packet.payload.to_vec()));
        }
    }

    /// Adds what a stream holds of each signature.
    fn end(&mut self, stream: &Stream) {
        let Some([begins_ns, last_ns]) = stream.carriers else { return };
        let cut = stream.carried < self.content.length;
        let runs = stream.runs();
        for (it, sent) in self.sought.iter().zip(&mut self.sent) {
            if !it.is_at(stream.ports) {
                continue;
            }
            let whole_ns = runs.iter().find_map(|run| run.holds(it.content));
            let has_window = || runs.iter().any(|run| it.has_window_in(&run.bytes));
            if whole_ns.is_some() || cut || has_window() {
                sent.copies.push(Copy {
                    hosts: stream.hosts,
                    begins_ns,
                    ends_ns: whole_ns.unwrap_or(last_ns),
                    whole: whole_ns.is_some(),
                });
            }
        }
    }

    fn finish(mut self) -> Vec<Sent> {
        for (_, stream) in std::mem::take(&mut self.streams) {
            self.end(&stream);
        }
        self.sent
    }

    fn hosts(&self, packet: &Packet<'_>) -> [Host; 2] {
        let destination = match packet.to_group && packet.destination.is_ipv4() {
            true => Host::BROADCAST,
            false => Host::of(packet.destination, self.v6_prefix),
        };
        [Host::of(packet.source, self.v6_prefix), destination]
    }
}

/// Bytes without a gap, and where each time of arrival begins.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    times: Vec<(usize, u64)>,
}

impl Stream {
    /// What arrived, put in order.
    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut end = i64::MIN;
        for (&at, (time_ns, bytes)) in &self.segments {
            if at > end || runs.is_empty() {
                runs.push(Run::default());
                end = at;
            }
            let known = usize::try_from(end - at).unwrap_or(0).min(bytes.len());
            if let Some(run) = runs.last_mut() {
                run.times.push((run.bytes.len(), *time_ns));
                run.bytes.extend_from_slice(&bytes[known..]);
            }
            end += (bytes.len() - known) as i64;
        }
        runs
    }
}

impl Run {
    /// When these bytes were all there, if they are.
    fn holds(&self, content: &[u8]) -> Option<u64> {
        let first = place(&self.bytes, content)?;
        let last = first + content.len();
        let ends = self.times.iter().skip(1).map(|(at, _)| *at).chain([self.bytes.len()]);
        let within = self.times.iter().zip(ends);
        let within = within.filter(|((at, _), end)| *at < last && *end > first);
        within.map(|((_, time_ns), _)| *time_ns).max()
    }
}

/// Where these bytes are, if they are.
fn place(bytes: &[u8], content: &[u8]) -> Option<usize> {
    if content.is_empty() {
        return None;
    }
    bytes.windows(content.len()).position(|window| window == content)
}

#[cfg(test)]
mod tests;
