//! Conversations: who began one, whether it was answered, and whether the hosts had
//! talked before.
//!
//! A *conversation* is the two directions between two ends: protocol, addresses, ports
//! and encapsulation of TCP or UDP, or addresses and identifier of ICMP echo. Every packet
//! of one shard goes through [`Conversations::observe`] in packet order and gets the
//! [`Facts`] known at it. Memory is taken at construction, the facts are a function of
//! the steps alone, and what was not seen is *unknown*, never guessed. A look-up costs two
//! cache lines; a new conversation also asks the filters of host pairs.
//!
//! # Rules
//!
//! - **Initiator.** TCP: who sent the first SYN without ACK, or received the SYN+ACK if no
//!   SYN was seen. UDP and ICMP echo: who sent the first packet. A conversation of TCP of
//!   which neither was seen is *midstream*, and one that the host puts together does not
//!   say who began it.
//! - **Another conversation.** TCP: at a SYN with another number than its sender's last
//!   one, at a SYN+ACK that answers another SYN, and at any SYN after five quiet minutes;
//!   while both sides ask at the same time, the first one counts. Datagrams: after five
//!   quiet minutes. A stream that the host puts together: at a second beginning of one
//!   direction, and at any beginning after five quiet minutes.
//! - **Handshake.** A TCP sender is *answered* once one of its segments acknowledges what
//!   the other side was seen to send, at any point of the conversation, and stays so. It
//!   is *unanswered* when none has and one should have: because its own SYN was seen,
//!   because the other side was seen to send, or because all that the other side says is
//!   RSTs to what it knows nothing of. Where the beginning was not seen, a number that may
//!   be of bytes sent before says nothing. A SYN or SYN+ACK without data, and a RST, may
//!   make their sender answered but not unanswered. Datagrams acknowledge nothing.
//! - **New pair.** Asked of two filters of host pairs over this and the previous window,
//!   when a conversation begins, and kept for it. See [`NewPair`]. A conversation that is
//!   midstream shows by itself that its hosts had talked, unless it was begun in this
//!   capture and let go of since.
//!
//! # What a forger can do
//!
//! Whoever forges a source address does not see the answers to it, and must guess what to
//! acknowledge (RFC 9293, section 3.10.7.4; RFC 6528).
//!
//! - **After a forged SYN** a guess fits once in 32,768 times. The share grows with what
//!   the other side was seen to send, up to one in four after a gigabyte; a victim sends
//!   nothing to an address that it knows no connection with.
//! - **Without a SYN** the sender is unknown, not answered, until the victim says
//!   something. Its RST, or the ACK with which it challenges a segment out of its window
//!   (RFC 5961), makes what follows unanswered; of guesses beside such an ACK half stay
//!   unknown. The number of a RST is never compared: it is copied from the segment that it
//!   answers, so it would fit.
//! - **In a conversation of others** forged segments share its facts: a fact is of the
//!   conversation's side, not of a segment. A forged SYN begins another one, whose facts
//!   are right again once both sides have sent.
//! - **Both sides** forged past the tap make any fact.
//! - **Old acquaintance** takes one packet: who wants a pair not to look new sends
//!   something a window earlier.
//! - **Floods** of newcomers take one way in eight of the table, and turn the filters of
//!   pairs early; then more is unknown.
//!
//! # When memory is too small
//!
//! The longest unused conversation of a set makes room, a newcomer of one packet first.
//! A conversation that comes back is midstream if it is TCP. Each set remembers when it
//! last let go of a conversation that might still go on; what seems to begin there within
//! five minutes may be the rest of one. Then a datagram has no initiator, the other side's
//! silence says nothing, nor does an acknowledgement that may be of bytes sent before, and
//! a pair that the filters hold is unknown. When a filter was full and turned before its
//! window ended, a pair that is not held is unknown until both filters are whole again.
//!
//! So small memory makes facts weaker and not wrong: unknown, or midstream, or `No` for
//! `Lately`. There are four exceptions. Of two sides that asked at the same time, the
//! second may be taken for the initiator. Who goes on sending after the other side closed
//! and answers with RSTs may count as unanswered. After an early turn hosts may be said to
//! have talked before that last did three windows ago. And the filters err once in a
//! thousand times when they are full, as they are designed to.

mod entry;
mod facts;
mod pairs;
mod side;
mod table;

pub use facts::{Acquaintance, Age, Answered, Facts, NewPair, Observed, Role, ViewStep};

use crate::counters::counters;
use crate::packet::Handshake;
use crate::state::persist;
use crate::time::{Span, Timestamp};
use entry::{Conversation, Opening, QUIET};
use pairs::Pairs;
use table::{Met, Table};

/// A packet, as far as its conversation is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Keyed hash of the two ends with protocol and encapsulation, the same for both
    /// directions.
    pub connection: u64,
    /// Which of the two ends sends.
    pub from_higher: bool,
    /// Keyed hash of the two hosts, the same for both directions.
    pub pair: u64,
    /// What it says.
    pub kind: Kind,
    /// Bytes of payload on the wire.
    pub payload_len: u32,
    /// Its time. One before the last counts as the current window.
    pub time: Timestamp,
}

/// What a packet says of its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A TCP segment: its header's [flags](crate::packet::tcp_flags) and numbers.
    Tcp {
        /// SYN, ACK and RST count.
        flags: u8,
        /// The number of the SYN, or else of the first payload byte.
        sequence: u32,
        /// Counts only with the ACK flag.
        acknowledgement: u32,
    },
    /// UDP, or an ICMP echo request or reply.
    Datagram,
    /// A piece of a TCP direction that the host has put together.
    HostStream {
        /// What the host says of the sender.
        handshake: Handshake,
        /// Whether it is the first piece of its direction.
        begins: bool,
    },
}

counters! {
    /// What the tables of conversations met.
    pub struct ConversationCounters {
        /// Conversations of TCP that began.
        pub tcp_begun: u64,
        /// Conversations of TCP taken up in their middle.
        pub tcp_midstream: u64,
        /// Conversations of datagrams that began.
        pub datagrams_begun: u64,
        /// Of those that seemed to begin, how many may be the rest of one that was let go of.
        pub doubtful: u64,
        /// Conversations of TCP that made room for others.
        pub tcp_evicted: u64,
        /// Conversations of datagrams that made room for others.
        pub datagrams_evicted: u64,
        /// Packets without a conversation, for want of any memory.
        pub refused: u64,
        /// Turns of the filters of pairs before their window's end, because one was full.
        pub pairs_turned_early: u64,
    }
    when_read {
        /// Conversations that several taps see wrapped in different ways, and that are two again
        /// for want of memory.
        pub aliases_forgotten: u64,
    }
}

/// The conversations of one shard. See the [module](self).
#[derive(Debug)]
pub struct Conversations {
    table: Table,
    pairs: Pairs,
    window: Span,
    counters: ConversationCounters,
}

impl Conversations {
    /// A table and two filters of at most `bytes` in all (and never less than 384), the
    /// window of the filters and the seed of the hashes.
    ///
    /// A quarter goes to the filters, so that they hold about twice as many new pairs a
    /// window as the table holds conversations. Memory for less than eight conversations
    /// holds none: nothing is then known of any.
    pub fn new(bytes: usize, window: Span, seed: u64) -> Self {
        let window = window.max(Span(1));
        let pairs = Pairs::new(bytes / 4, window, seed);
        let table = Table::new(bytes.saturating_sub(pairs.memory_bytes()), seed);
        Self { table, pairs, window, counters: ConversationCounters::default() }
    }

    /// Bytes taken, all at construction.
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes() + self.pairs.memory_bytes()
    }

    /// Conversations that can be held at a time.
    pub fn capacity(&self) -> usize {
        self.table.capacity()
    }

    /// What happened so far.
    pub fn counters(&self) -> ConversationCounters {
        let pairs_turned_early = self.pairs.turned_early();
        ConversationCounters { pairs_turned_early, ..self.counters }
    }

    /// What [`Conversations::observe`] will read first of a connection, to be
    /// [prefetched](crate::fingerprint::prefetch).
    #[inline]
    pub fn place(&self, connection: u64) -> &[u64; 8] {
        self.table.tags(connection)
    }

    /// Takes the shard's next packet and says what is known of its conversation.
    pub fn observe(&mut self, step: Step) -> Facts {
        self.take(step).facts
    }

    /// The same, and what the packet adds besides.
    pub fn take(&mut self, step: Step) -> Observed {
        self.pairs.advance(step.time);
        let Some((place, met)) = self.table.place(step.connection, !step.is_request())
        else {
            self.counters.refused += 1;
            return Observed::default();
        };
        let mut conversation = Conversation::from_words(*self.table.entry(place));
        let begins = met != Met::Known || conversation.is_over_at(&step);
        if begins {
            let begun = self.begin(place.set, &step);
            if met == Met::Evicted {
                self.let_go(place.set, &conversation);
            }
            conversation = begun;
        }
        // A pair counts as talking as long as one of its conversations goes on.
        if begins || conversation.turn != self.pairs.turn() {
            self.pairs.enter(step.pair);
            conversation.turn = self.pairs.turn();
        }
        let observed = conversation.take(&step);
        *self.table.entry_mut(place) = conversation.to_words();
        Observed { begins, ..observed }
    }

    /// Remembers that a conversation of this set made room for another.
    #[inline(never)]
    fn let_go(&mut self, set: usize, conversation: &Conversation) {
        let datagrams = conversation.is_datagrams();
        self.counters.tcp_evicted += u64::from(!datagrams);
        self.counters.datagrams_evicted += u64::from(datagrams);
        let until = &mut self.table.gone_mut(set)[usize::from(datagrams)];
        *until = (*until).max((conversation.last + QUIET).as_nanos());
    }

    /// A conversation that shows itself in this step.
    #[inline(never)]
    fn begin(&mut self, set: usize, step: &Step) -> Conversation {
        let datagrams = step.kind == Kind::Datagram;
        let gone_until = self.table.gone(set)[usize::from(datagrams)];
        let opening = step.opening();
        let midstream = matches!(opening, Opening::Middle | Opening::Stray);
        let doubtful = !midstream && step.time.as_nanos() < gone_until;
        self.counters.datagrams_begun += u64::from(datagrams);
        self.counters.tcp_midstream += u64::from(midstream);
        self.counters.tcp_begun += u64::from(!datagrams && !midstream);
        self.counters.doubtful += u64::from(doubtful);
        let held = self.pairs.contains(step.pair);
        let new_pair = if midstream {
            let seen_before = held || gone_until > 0;
            if opening == Opening::Middle && !seen_before {
                NewPair::No
            } else {
                NewPair::Unknown
            }
        } else if doubtful && (held || self.window < QUIET) {
            // It may be the conversation's own pair.
            NewPair::Unknown
        } else if held {
            let lately = self.pairs.contains(met_lately(step.pair));
            if lately { NewPair::Lately } else { NewPair::No }
        } else if self.pairs.is_complete() {
            self.pairs.enter(met_lately(step.pair));
            self.pairs.meet(step.pair, step.time);
            NewPair::Yes
        } else {
            NewPair::Unknown
        };
        let met_at = match new_pair {
            NewPair::Lately => self.pairs.met_at(step.pair),
            NewPair::Yes | NewPair::No | NewPair::Unknown => None,
        };
        Conversation::begin(step, new_pair, met_at, doubtful)
    }
}

/// What stands in the filters for a pair that was new when it was entered.
fn met_lately(pair: u64) -> u64 {
    !pair
}

persist!(Conversations { table, pairs, counters; window });

#[cfg(test)]
mod tests;
