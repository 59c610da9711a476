//! Addresses of the home network that never sent: dark, without anybody saying so.
//!
//! For the time of `dark_learn` it is noted who sends. From then on an address is dark until it
//! sends for the first time. One bit an address, exact. IPv4 alone: of an IPv6 network nearly
//! every address is dark for ever.

use crate::packet::{Host, NetworkSet};
use crate::state::persist;
use crate::time::{Span, Timestamp};

#[derive(Debug, Default)]
pub(crate) struct Learned {
    home: NetworkSet,
    span: Span,
    /// Which addresses have sent, in their order.
    sent: Vec<u64>,
    silent: u64,
    begin: Option<Timestamp>,
}

impl Learned {
    /// Of these networks; none are learned in no time.
    pub(crate) fn new(home: NetworkSet, span: Span) -> Self {
        let addresses = if span == Span(0) { 0 } else { home.v4_addresses() };
        let words = addresses.div_ceil(64) as usize;
        Self { home, span, sent: vec![0; words], silent: addresses, begin: None }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.sent.len() * 8
    }

    /// Notes that a host has sent.
    #[inline]
    pub(crate) fn note_sender(&mut self, host: Host, time: Timestamp) {
        if self.sent.is_empty() {
            return;
        }
        self.begin.get_or_insert(time);
        let Some((word, bit)) = self.place(host) else { return };
        self.silent -= u64::from(self.sent[word] & bit == 0);
        self.sent[word] |= bit;
    }

    /// Whether a host has never sent, and it is known by now who does.
    pub(crate) fn is_dark(&self, host: Host, time: Timestamp) -> bool {
        if self.sent.is_empty() {
            return false;
        }
        let is_over = self.begin.is_some_and(|begin| time.since(begin) >= self.span);
        is_over && self.place(host).is_some_and(|(word, bit)| self.sent[word] & bit == 0)
    }

    /// How many addresses have never sent; 0 where none are learned, or not yet.
    pub(crate) fn silent(&self, time: Timestamp) -> u64 {
        let is_over = self.begin.is_some_and(|begin| time.since(begin) >= self.span);
        if is_over && !self.sent.is_empty() { self.silent } else { 0 }
    }

    fn place(&self, host: Host) -> Option<(usize, u64)> {
        let place = self.home.v4_place(host)?;
        Some(((place / 64) as usize, 1 << (place % 64)))
    }
}

// The networks and the span are settings.
persist!(Learned { sent, silent, begin; home, span });

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::of(text.parse().unwrap(), 128)
    }

    #[test]
    fn what_never_sent_is_dark_once_it_is_known_and_until_it_sends() {
        let networks = ["10.0.0.0/24", "10.0.2.0/30"].map(|it| it.parse().unwrap());
        let mut learned = Learned::new(NetworkSet::new(&networks), Span::from_secs(60));
        let at = |seconds: u64| Timestamp::from_nanos(seconds * 1_000_000_000);
        assert_eq!(learned.memory_bytes(), 40);
        learned.note_sender(host("203.0.113.9"), at(100));
        learned.note_sender(host("10.0.0.7"), at(110));
        learned.note_sender(host("10.0.0.7"), at(111));
        assert!(!learned.is_dark(host("10.0.2.3"), at(159)));
        assert_eq!(learned.silent(at(159)), 0);
        for (address, dark) in [
            ("10.0.2.3", true),
            ("10.0.0.255", true),
            ("10.0.0.7", false),
            ("10.0.1.0", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(learned.is_dark(host(address), at(160)), dark, "{address}");
        }
        assert_eq!(learned.silent(at(160)), 259);
        learned.note_sender(host("10.0.2.3"), at(161));
        assert!(!learned.is_dark(host("10.0.2.3"), at(162)));
        assert_eq!(learned.silent(at(162)), 258);
        let mut none = Learned::new(NetworkSet::new(&networks), Span(0));
        none.note_sender(host("10.0.0.7"), at(1));
        assert!(!none.is_dark(host("10.0.0.8"), at(100)) && none.silent(at(100)) == 0);
    }
}
