//! Rule in no dialect yet: the conditions on a packet, which each format writes its own way.

use super::sids::Sid;
use std::fmt;
use wormsift::packet::Packet;
use wormsift::packet::protocol::{ICMP, ICMPV6, TCP, UDP};
use wormsift::signature::{Precision, Signature, SignatureSample, strength};

/// What all rule formats share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOptions {
    /// Longest content of a rule, in bytes. Snort 3 takes at most 2,048, and a
    /// Suricata rule must stay under 8,192 characters, three of which are a byte.
    pub most_bytes: usize,
    /// Rule class: what is only a candidate is no more than `bad-unknown`.
    pub classtype: String,
}

impl RuleOptions {
    /// What both engines load, several contents to a rule included.
    pub const HARD_LIMIT: usize = 2_048;
}

impl Default for RuleOptions {
    fn default() -> Self {
        Self { most_bytes: 256, classtype: "bad-unknown".to_owned() }
    }
}

/// Why a signature makes no rule. The finding stands all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRule {
    /// Its tokens are too short, all bytes together.
    Short(usize),
    /// They have too few distinct byte values: filler.
    Monotonous(usize),
    /// So few bits of information stand in them that chance, or a counting filler,
    /// brings them.
    Predictable(u32),
}

impl fmt::Display for NoRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(bytes) => write!(
                f,
                "{bytes} bytes would match by chance: a rule needs {LEAST_BYTES}"
            ),
            Self::Monotonous(values) => write!(
                f,
                "{values} distinct byte values look like filler: a rule needs {LEAST_VALUES}"
            ),
            Self::Predictable(bits) => write!(
                f,
                "its bytes say {bits} bits, and much traffic has such: a rule needs {LEAST_BITS}"
            ),
        }
    }
}

/// Fewer bytes than this match by chance, or match every speaker of a protocol.
const LEAST_BYTES: usize = 16;
/// Shorter tokens add nothing to a conjunction.
const LEAST_TOKEN: usize = 4;
/// Fewer distinct byte values are filler.
const LEAST_VALUES: usize = 8;
/// A link of 10 Gbit/s carries some 2^47 bytes a day: what says fewer bits than this is
/// to be expected in it by chance alone.
const LEAST_BITS: u32 = 48;

/// A signature as rules see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<'a> {
    /// What it is made of.
    pub signature: &'a Signature,
    /// Its number and revision.
    pub sid: Sid,
    /// The strings that must all occur, shortened to what rules may hold.
    pub tokens: Vec<&'a [u8]>,
    /// Where its packets go.
    pub service: Service,
    /// Whether each token must follow the one before it.
    pub ordered: bool,
    /// Over UDP, where the one token always began, when the samples agree.
    pub offset: Option<usize>,
    /// Over UDP, how long every payload was, when the samples agree.
    pub payload_length: Option<u32>,
}

/// All that a rule asks of a packet, to be compared and to be a key of tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question<'a> {
    protocol: u8,
    service: Service,
    ordered: bool,
    offset: Option<usize>,
    payload_length: Option<u32>,
    tokens: Vec<&'a [u8]>,
}

/// Which packets a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Any port.
    Anywhere,
    /// Sent to this port; by a client, when that is clear.
    To(u16, bool),
    /// Sent from this port.
    From(u16),
    /// To or from this port.
    Either(u16),
    /// ICMP of this type and code.
    Icmp(u8, u8),
}

impl Service {
    /// Whether the packet, if of this protocol, is one that such a rule looks at.
    pub fn concerns(self, protocol: u8, packet: &Packet<'_>) -> bool {
        packet.protocol == protocol
            && match self {
                Self::Anywhere => true,
                Self::To(port, _) => packet.destination_port == port,
                Self::From(port) => packet.source_port == port,
                Self::Either(port) => {
                    packet.source_port == port || packet.destination_port == port
                }
                Self::Icmp(kind, code) => {
                    packet.destination_port == u16::from_be_bytes([kind, code])
                }
            }
    }
}

/// Why strings say too little to tell one content from all others, if they do.
pub(crate) fn weakness(tokens: &[&[u8]]) -> Option<NoRule> {
    let bytes = tokens.iter().map(|token| token.len()).sum();
    if bytes < LEAST_BYTES {
        return Some(NoRule::Short(bytes));
    }
    let values = strength::distinct(tokens.iter().copied().flatten());
    if values < LEAST_VALUES {
        return Some(NoRule::Monotonous(values));
    }
    let bits = strength::information(tokens.iter().copied()) as u32;
    (bits < LEAST_BITS).then_some(NoRule::Predictable(bits))
}

impl<'a> Rule<'a> {
    /// Takes from a signature what rules need.
    ///
    /// # Errors
    ///
    /// When it is too weak to be deployed.
    pub fn new(
        signature: &'a Signature,
        sid: Sid,
        options: &RuleOptions,
    ) -> Result<Self, NoRule> {
        let whole = [&signature.content[..]];
        let listed: Vec<&[u8]> = signature.tokens.iter().map(Vec::as_slice).collect();
        let tokens = if listed.is_empty() { &whole[..] } else { &listed };
        let most = options.most_bytes.clamp(LEAST_BYTES, RuleOptions::HARD_LIMIT);
        let tokens = shortened(tokens, most);
        if let Some(weak) = weakness(&tokens) {
            return Err(weak);
        }
        let offset = match tokens[..] {
            [token] if signature.protocol == UDP => constant_offset(signature, token),
            _ => None,
        };
        let payload_length = constant(signature, |sample| sample.payload_length)
            .filter(|_| signature.protocol == UDP);
        Ok(Self {
            signature,
            sid,
            service: service(signature),
            ordered: signature.tokens_ordered && tokens.len() > 1,
            offset,
            payload_length,
            tokens,
        })
    }

    /// What it asks of a packet: rules of which this is equal hold on the same packets.
    pub fn question(&self) -> Question<'a> {
        Question {
            protocol: self.signature.protocol,
            service: self.service,
            ordered: self.ordered,
            offset: self.offset,
            payload_length: self.payload_length,
            tokens: self.tokens.clone(),
        }
    }

    /// The name of its protocol in rules; `ip` for those without one.
    pub(super) fn protocol(&self) -> &'static str {
        match self.signature.protocol {
            TCP => "tcp",
            UDP => "udp",
            ICMP => "icmp",
            ICMPV6 => "icmpv6",
            _ => "ip",
        }
    }

    /// Its subject in few words of `[A-Za-z0-9 _./-]`, which need no escapes anywhere.
    pub(super) fn title(&self) -> String {
        let service = match self.service {
            Service::Anywhere => String::new(),
            Service::To(port, _) | Service::From(port) | Service::Either(port) => {
                format!("/{port}")
            }
            Service::Icmp(kind, code) => format!("/{kind}.{code}"),
        };
        let id = self.signature.id.get(..12).unwrap_or(&self.signature.id);
        format!("wormsift candidate {id} {}{service}", self.protocol())
    }

    /// The evidence as pairs of words.
    pub(super) fn metadata(&self) -> Vec<(&'static str, String)> {
        let it = self.signature;
        let day = it.detected_at.to_string();
        let day = day.get(..10).unwrap_or_default().replace('-', "_");
        let mut pairs = vec![
            ("created_at", day),
            ("wormsift_id", it.id.clone()),
            ("wormsift_alarm", it.alarm.name().to_owned()),
            ("wormsift_confidence", it.confidence.name().to_owned()),
            ("wormsift_packets", it.packets.to_string()),
        ];
        // A number that is not exact says so.
        for (name, precision_name, count) in [
            ("wormsift_sources", "wormsift_sources_precision", it.source_count()),
            (
                "wormsift_destinations",
                "wormsift_destinations_precision",
                it.destination_count(),
            ),
            ("wormsift_spread", "wormsift_spread_precision", it.spread_count()),
        ] {
            pairs.push((name, count.number.to_string()));
            if count.precision != Precision::Exact {
                pairs.push((precision_name, count.precision.name().to_owned()));
            }
        }
        pairs
    }
}

/// Bytes as uppercase hexadecimal, `separator` between them: no dialect needs
/// another escape.
pub(super) fn hex(bytes: &[u8], separator: &str) -> String {
    crate::text::hex(bytes, separator).to_uppercase()
}

/// The longest tokens that together take at most `most` bytes, in their own order; of
/// one that is too long by itself, its most varied part.
fn shortened<'b>(tokens: &[&'b [u8]], most: usize) -> Vec<&'b [u8]> {
    let mut by_length: Vec<usize> = (0..tokens.len()).collect();
    by_length.sort_by_key(|&i| std::cmp::Reverse(tokens[i].len()));
    let mut left = most;
    let mut chosen = Vec::new();
    for i in by_length {
        let token = most_varied(tokens[i], left);
        if token.len() >= LEAST_TOKEN {
            left -= token.len();
            chosen.push((i, token));
        }
    }
    chosen.sort_by_key(|(i, _)| *i);
    chosen.into_iter().map(|(_, token)| token).collect()
}

/// The part of `length` bytes with the most distinct pairs of neighbours: it is the
/// least likely to stand in other traffic. The first of several.
fn most_varied(token: &[u8], length: usize) -> &[u8] {
    if token.len() <= length {
        return token;
    }
    if length < 2 {
        return &token[..length];
    }
    let pair = |at: usize| usize::from(token[at]) << 8 | usize::from(token[at + 1]);
    let mut counts = vec![0_u32; 1 << 16];
    let (mut varied, mut best) = (0_usize, (0, 0));
    for end in 0..token.len() - 1 {
        let entering = &mut counts[pair(end)];
        *entering += 1;
        varied += usize::from(*entering == 1);
        if end + 2 > length {
            let leaving = &mut counts[pair(end + 1 - length)];
            *leaving -= 1;
            varied -= usize::from(*leaving == 0);
        }
        if end + 2 >= length && varied > best.0 {
            best = (varied, end + 2 - length);
        }
    }
    &token[best.1..best.1 + length]
}

/// Where the token begins in the payload, when it does so in all samples.
fn constant_offset(signature: &Signature, token: &[u8]) -> Option<usize> {
    let start = constant(signature, |sample| Some(sample.offset))?;
    let within = signature.content.windows(token.len()).position(|part| part == token)?;
    usize::try_from(start).ok().map(|start| start + within)
}

/// What all samples say alike, when there are enough of them from several sources.
fn constant<T: PartialEq>(
    signature: &Signature,
    of: impl Fn(&SignatureSample) -> Option<T>,
) -> Option<T> {
    const ENOUGH: usize = 4;
    let samples = &signature.samples;
    let first = samples.first()?;
    let value = of(first)?;
    let same = samples.iter().all(|sample| of(sample).as_ref() == Some(&value));
    let several = samples.iter().any(|sample| sample.source != first.source);
    (samples.len() >= ENOUGH && same && several).then_some(value)
}

fn service(signature: &Signature) -> Service {
    let Some(port) = signature.port else { return Service::Anywhere };
    if matches!(signature.protocol, ICMP | ICMPV6) {
        let [kind, code] = port.to_be_bytes();
        return Service::Icmp(kind, code);
    }
    if !matches!(signature.protocol, TCP | UDP) {
        return Service::Anywhere;
    }
    match signature.port_rule.as_str() {
        "source" => Service::From(port),
        "service" => Service::Either(port),
        _ => {
            let from_above = |sample: &SignatureSample| {
                sample.source_port >= 1_024 && sample.source_port > port
            };
            let by_clients = signature.protocol == TCP
                && !signature.samples.is_empty()
                && signature.samples.iter().all(from_above);
            Service::To(port, by_clients)
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
