//! Each rule by hand; then against exact twins.

mod random;
mod traffic;
mod twin;

use super::table::Table;
use super::*;
use crate::packet::Handshake::{self, Answered as Gets, Unanswered as GetsNone};
use crate::packet::tcp_flags::{ACK, FIN, RST, SYN};
use crate::sketch::hash_word;
use Answered::{No, Yes};
use Role::{Initiator, Responder};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const WINDOW: u64 = 60 * MINUTE;
/// First sequence numbers of the lower and of the higher end.
const X: u32 = 1_000;
const Y: u32 = 4_000_000_000;
/// How far off an acknowledgement may be.
const REACH: u32 = 65_535;
/// A number that fits neither.
const BLIND: u32 = 2_500_000_000;

fn at(nanos: u64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

/// A step of the lower end (`false`) or the higher one of one connection.
fn step(from_higher: bool, time: u64, kind: Kind, payload_len: u32) -> Step {
    Step {
        connection: 0x1234_5678_9abc,
        from_higher,
        pair: 77,
        kind,
        payload_len,
        time: at(time),
    }
}

fn tcp(flags: u8, sequence: u32, acknowledgement: u32) -> Kind {
    Kind::Tcp { flags, sequence, acknowledgement }
}

/// Takes segments a millisecond apart: who sends, flags, both numbers, payload bytes.
fn segments(given: &[(bool, u8, u32, u32, u32)]) -> Vec<Facts> {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let observe = |(&(from, flags, sequence, acknowledgement, len), n)| {
        let time = WINDOW + n * SECOND / 1_000;
        all.observe(step(from, time, tcp(flags, sequence, acknowledgement), len))
    };
    given.iter().zip(0..).map(observe).collect()
}

fn handshakes(facts: &[Facts]) -> Vec<Handshake> {
    facts.iter().map(|facts| facts.handshake).collect()
}

const LOW: bool = false;
const HIGH: bool = true;

#[test]
fn a_three_way_handshake_answers_both_sides() {
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (LOW, ACK, X + 1, Y + 1, 0),
        (LOW, ACK, X + 1, Y + 1, 100),
        (HIGH, ACK, Y + 1, X + 101, 200),
        (LOW, FIN | ACK, X + 101, Y + 201, 0),
    ]);
    let low = |answered, handshake| Facts {
        role: Initiator,
        answered,
        handshake,
        new_pair: NewPair::Yes,
        midstream: false,
        age: Age::of_units(0),
        acquaintance: Acquaintance::default(),
        untrusted: false,
    };
    let high = Facts { role: Responder, ..low(Yes, Gets) };
    assert_eq!(
        facts,
        [
            low(No, Handshake::Unknown),
            high,
            low(Yes, Gets),
            low(Yes, Gets),
            high,
            low(Yes, Gets)
        ]
    );
}

#[test]
fn without_the_syn_the_syn_ack_says_who_began() {
    let facts = segments(&[
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (LOW, ACK, X + 1, Y + 1, 100),
        (HIGH, ACK, Y + 1, X + 101, 0),
    ]);
    let roles = facts.iter().map(|facts| facts.role);
    assert!(roles.eq([Responder, Responder, Initiator, Responder]));
    assert!(facts.iter().all(|it| !it.midstream && it.new_pair == NewPair::Yes));
    // The SYN was there, but was not seen; nor was what the SYN+ACK acknowledges.
    assert_eq!(facts[1].answered, Answered::Unknown);
    let unknown = Handshake::Unknown;
    assert_eq!(handshakes(&facts), [unknown, unknown, Gets, Gets]);
}

#[test]
fn a_syn_that_is_captured_after_its_answer_begins_nothing_else() {
    let facts = segments(&[
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (LOW, SYN, X, 0, 0),
        (LOW, ACK, X + 1, Y + 1, 5),
        (HIGH, ACK, Y + 1, X + 6, 5),
    ]);
    assert_eq!((facts[1].role, facts[1].answered), (Initiator, Yes));
    assert_eq!(facts[3].handshake, Gets);
    assert!(facts.iter().all(|it| it.new_pair == NewPair::Yes));
}

#[test]
fn a_capture_that_begins_midstream_soon_knows_both_sides() {
    let facts = segments(&[
        (LOW, ACK, X, Y, 100),
        (HIGH, ACK, Y, X + 100, 0),
        (LOW, ACK, X + 100, Y, 100),
        (HIGH, ACK, Y, X + 200, 700),
    ]);
    assert_eq!(handshakes(&facts), [Handshake::Unknown, Gets, Gets, Gets]);
    assert_eq!(facts[0].answered, Answered::Unknown);
    assert_eq!(facts[2].answered, Yes);
    for it in facts {
        let (role, new_pair) = (Role::Unknown, NewPair::No);
        assert_eq!(it, Facts { role, new_pair, midstream: true, ..it });
    }
}

/// Answers to what was sent before the capture began, with four megabytes under way.
#[test]
fn late_acknowledgements_of_a_transfer_taken_up_midstream_say_nothing() {
    let far = 4 << 20;
    let facts = segments(&[
        (HIGH, ACK, Y, X, 1_000),
        (LOW, ACK, X, Y - far, 10),
        (HIGH, ACK, Y + 1_000, X, 1_000),
        (LOW, ACK, X + 10, Y + 1_000, 10),
    ]);
    assert_eq!(handshakes(&facts)[1], Handshake::Unknown);
    assert_eq!(handshakes(&facts)[3], Gets);
}

/// Once answered, more than 65,535 bytes on the way do no harm.
#[test]
fn any_byte_that_the_other_side_was_seen_to_send_may_be_acknowledged() {
    let mut given = vec![(HIGH, SYN, Y, 0, 0), (LOW, SYN | ACK, X, Y + 1, 0)];
    given.extend((0..300).map(|n| (LOW, ACK, X + 1 + n * 1_400, BLIND, 1_400)));
    given.push((HIGH, ACK, Y + 1, X + 1 + 100 * 1_400, 10));
    let facts = segments(&given);
    assert_eq!(facts.last().unwrap().handshake, Gets);
    assert_eq!(facts[200].handshake, Gets, "by its SYN+ACK, and it stays so");
}

#[test]
fn one_direction_from_its_middle_shows_no_forged_source() {
    let given: Vec<_> =
        (0..50).map(|n| (LOW, ACK, X + n * 100, Y + n, 100 * (n % 2))).collect();
    for facts in segments(&given) {
        assert_eq!(facts.handshake, Handshake::Unknown);
        assert_eq!((facts.role, facts.answered), (Role::Unknown, Answered::Unknown));
        assert!(facts.midstream);
    }
}

#[test]
fn one_direction_from_its_syn_is_unanswered() {
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (LOW, ACK, X + 1, Y + 1, 0),
        (LOW, ACK, X + 1, Y + 1, 100),
    ]);
    assert_eq!(handshakes(&facts), [Handshake::Unknown, GetsNone, GetsNone]);
    assert!(facts.iter().all(|it| it.answered == No && it.role == Initiator));
}

#[test]
fn payload_alone_of_both_sides_is_enough_to_judge_them() {
    let facts = segments(&[
        (LOW, ACK, X, Y, 100),
        (LOW, ACK, X + 100, Y, 100),
        (HIGH, ACK, Y, X + 200, 1_000),
        (LOW, ACK, X + 200, Y + 1_000, 100),
    ]);
    let unknown = Handshake::Unknown;
    assert_eq!(handshakes(&facts), [unknown, unknown, Gets, Gets]);
}

#[test]
fn a_forged_syn_with_blind_data_is_unanswered() {
    for answer in [(HIGH, SYN | ACK, Y, X + 1, 0), (HIGH, RST | ACK, 0, X + 1, 0)] {
        let facts = segments(&[
            (LOW, SYN, X, 0, 0),
            answer,
            (LOW, ACK, X + 1, BLIND, 0),
            (LOW, ACK, X + 1, BLIND, 400),
            (HIGH, RST, BLIND, 0, 0),
            (LOW, ACK, X + 401, BLIND, 400),
        ]);
        assert_eq!(handshakes(&facts)[2..4], [GetsNone, GetsNone]);
        assert_eq!(facts[1].handshake, Gets, "the victim answered what it got");
        // The RST's number is the forger's own.
        assert_eq!(facts[5].handshake, GetsNone);
    }
}

#[test]
fn forged_midstream_data_is_unanswered_once_a_rst_shows_it() {
    let facts = segments(&[
        (LOW, ACK, X, BLIND, 400),
        (HIGH, RST, BLIND, 0, 0),
        (LOW, ACK, X + 400, BLIND, 400),
    ]);
    let unknown = Handshake::Unknown;
    assert_eq!(handshakes(&facts), [unknown, unknown, GetsNone]);
    assert_eq!((facts[1].answered, facts[2].answered), (Yes, Yes));
    // The same for a segment without ACK, which is answered with one.
    let facts = segments(&[
        (LOW, 0, X, 0, 400),
        (HIGH, RST | ACK, 0, X + 400, 0),
        (LOW, 0, X + 400, 0, 400),
    ]);
    assert_eq!(handshakes(&facts), [unknown, Gets, GetsNone]);
}

#[test]
fn a_rst_of_a_host_that_knows_the_connection_refuses_nobody() {
    let facts = segments(&[
        (LOW, ACK, X, Y, 400),
        (HIGH, RST | ACK, Y, X + 400, 0),
        (LOW, ACK, X + 400, Y, 400),
    ]);
    assert_eq!(handshakes(&facts), [Handshake::Unknown, Gets, Handshake::Unknown]);
    // And one that comes before anything else answers nothing.
    let facts = segments(&[(HIGH, RST, Y, 0, 0), (LOW, ACK, X, BLIND, 400)]);
    assert_eq!(facts[1].handshake, Handshake::Unknown);
    assert_eq!(facts[0].new_pair, NewPair::Unknown, "a RST is no sign of a talk");
}

/// The victim challenges a segment that is out of its window (RFC 5961).
#[test]
fn forged_data_in_a_connection_that_exists_is_unanswered_or_unknown() {
    for (guess, verdict) in [
        (BLIND, GetsNone),
        (Y.wrapping_add(1 << 29), Handshake::Unknown),
        (Y.wrapping_add(REACH), Gets),
    ] {
        let facts = segments(&[
            (LOW, ACK, X, guess, 400),
            (HIGH, ACK, Y, X + BLIND, 0),
            (LOW, ACK, X + 400, guess, 400),
        ]);
        assert_eq!(facts[2].handshake, verdict, "{guess}");
    }
}

#[test]
fn a_forged_syn_ack_makes_nobody_answered() {
    let facts = segments(&[
        (LOW, SYN | ACK, X, BLIND, 0),
        (LOW, ACK, X + 1, BLIND, 400),
        (HIGH, RST, BLIND, 0, 0),
        (LOW, ACK, X + 401, BLIND, 400),
    ]);
    let unknown = Handshake::Unknown;
    assert_eq!(handshakes(&facts), [unknown, unknown, unknown, GetsNone]);
}

#[test]
fn a_syn_sent_again_changes_nothing() {
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (LOW, SYN, X, 0, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (LOW, ACK, X + 1, Y + 1, 10),
        (LOW, SYN, X, 0, 0),
        (LOW, ACK, X + 11, BLIND, 10),
    ]);
    assert_eq!(facts[1], facts[0]);
    assert_eq!(facts[3], facts[2]);
    assert_eq!((facts[5], facts[6]), (facts[4], facts[4]));
    assert!(facts.iter().all(|it| it.new_pair == NewPair::Yes));
}

#[test]
fn data_in_a_syn_are_judged_and_may_be_acknowledged() {
    let facts = segments(&[
        (LOW, SYN, X, 0, 500),
        (HIGH, SYN | ACK, Y, X + 501, 0),
        (LOW, ACK, X + 501, Y + 1, 10),
    ]);
    assert_eq!(handshakes(&facts), [GetsNone, Gets, Gets]);
    assert_eq!(facts[1].role, Responder);
}

#[test]
fn a_port_used_again_begins_another_conversation() {
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (LOW, ACK, X + 1, Y + 1, 10),
        (LOW, SYN, X + 900_000, 0, 0),
        (LOW, ACK, X + 900_001, Y + 1_200_000, 10),
        // The other end, once it has spoken.
        (HIGH, SYN, BLIND, 0, 0),
    ]);
    let unknown = Handshake::Unknown;
    assert_eq!(handshakes(&facts), [unknown, Gets, Gets, unknown, GetsNone, unknown]);
    assert_eq!((facts[2].answered, facts[3].answered), (Yes, No));
    let again = NewPair::Lately;
    assert_eq!((facts[2].new_pair, facts[3].new_pair), (NewPair::Yes, again));
    // The second asked before it had said a word: at the same time.
    assert_eq!((facts[5].role, facts[5].answered), (Responder, Yes));
}

#[test]
fn a_syn_ack_to_another_syn_begins_another_conversation() {
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (LOW, ACK, X + 1, Y + 1, 10),
        (LOW, SYN | ACK, X + 900_000, BLIND, 0),
    ]);
    assert_eq!((facts[3].role, facts[3].answered), (Responder, Answered::Unknown));
    // A server that keeps no state answers a SYN twice, with two numbers.
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (HIGH, SYN | ACK, BLIND, X + 1, 0),
        (LOW, ACK, X + 1, BLIND + 1, 10),
    ]);
    assert_eq!((facts[3].answered, facts[3].handshake), (Yes, Gets));
    assert_eq!(facts[3].role, Initiator);
}

#[test]
fn of_two_that_ask_at_the_same_time_the_first_is_the_initiator() {
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (HIGH, SYN, Y, 0, 0),
        (LOW, SYN | ACK, X, Y + 1, 0),
        (HIGH, SYN | ACK, Y, X + 1, 0),
        (HIGH, ACK, Y + 1, X + 1, 10),
    ]);
    let roles = facts.iter().map(|facts| facts.role);
    assert!(roles.eq([Initiator, Responder, Initiator, Responder, Responder]));
    let unknown = Handshake::Unknown;
    assert_eq!(handshakes(&facts), [unknown, unknown, Gets, Gets, Gets]);
    // Not so when the second had refused the first.
    let facts = segments(&[
        (LOW, SYN, X, 0, 0),
        (HIGH, RST | ACK, 0, X + 1, 0),
        (HIGH, SYN, Y, 0, 0),
    ]);
    assert_eq!((facts[2].role, facts[2].answered), (Initiator, No));
}

#[test]
fn a_syn_in_a_conversation_taken_up_midstream_is_a_beginning() {
    let facts = segments(&[(LOW, ACK, X, Y, 10), (LOW, SYN, X + 10, 0, 0)]);
    assert_eq!((facts[1].role, facts[1].midstream), (Initiator, false));
    assert_eq!(facts[1].new_pair, NewPair::No);
}

/// Facts of datagrams: who sends, and when.
fn datagrams(all: &mut Conversations, given: &[(bool, u64)]) -> Vec<Facts> {
    let observe =
        |&(from, time)| all.observe(step(from, WINDOW + time, Kind::Datagram, 30));
    given.iter().map(observe).collect()
}

/// UDP and ICMP echo alike.
#[test]
fn the_first_datagram_asks_and_another_answers() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let facts = datagrams(&mut all, &[(HIGH, 0), (HIGH, 5), (LOW, 9), (HIGH, 10)]);
    let asks = Facts {
        role: Initiator,
        answered: No,
        handshake: Handshake::Unknown,
        new_pair: NewPair::Yes,
        midstream: false,
        age: Age::of_units(0),
        acquaintance: Acquaintance::default(),
        untrusted: false,
    };
    let answers = Facts { role: Responder, answered: Yes, ..asks };
    let goes_on = Facts { answered: Yes, ..asks };
    assert_eq!(facts, [asks, asks, answers, goes_on]);
    let counters = all.counters();
    assert_eq!((counters.datagrams_begun, counters.tcp_begun), (1, 0));
}

#[test]
fn five_quiet_minutes_end_a_conversation_of_datagrams() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let quiet = 5 * MINUTE;
    let facts = datagrams(
        &mut all,
        &[(LOW, 0), (HIGH, quiet - 1), (LOW, 2 * quiet - 2), (HIGH, 3 * quiet - 2)],
    );
    let roles = facts.iter().map(|facts| facts.role);
    assert!(roles.eq([Initiator, Responder, Initiator, Initiator]));
    assert_eq!((facts[2].answered, facts[3].answered), (Yes, No));
    assert_eq!(facts[3].new_pair, NewPair::Lately);
    // Of TCP only a SYN, which is then none that was sent again.
    let kinds = [(SYN, 0), (ACK, 30 * MINUTE), (SYN, 60 * MINUTE)];
    let mut tcp_step = |(flags, time)| {
        all.observe(Step { connection: 9, ..step(LOW, time, tcp(flags, X, Y), 0) })
    };
    assert_eq!(kinds.map(|kind| tcp_step(kind).role), [Initiator; 3]);
    assert_eq!(all.counters().tcp_begun, 2);
}

#[test]
fn time_that_runs_back_ends_no_conversation() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let facts = datagrams(&mut all, &[(LOW, 9 * MINUTE), (HIGH, 0), (LOW, 13 * MINUTE)]);
    assert_eq!((facts[1].role, facts[2].role), (Responder, Initiator));
    assert_eq!(all.counters().datagrams_begun, 1);
}

#[test]
fn a_host_that_puts_streams_together_is_believed() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let mut piece = |from, handshake, begins| {
        let kind = Kind::HostStream { handshake, begins };
        all.observe(step(from, WINDOW, kind, 100))
    };
    let unknown = Handshake::Unknown;
    let first = piece(LOW, unknown, true);
    let age = Age::of_units(0);
    let wanted = Facts { answered: No, new_pair: NewPair::Yes, age, ..Facts::default() };
    assert_eq!(first, wanted);
    assert_eq!(piece(LOW, GetsNone, false).handshake, GetsNone);
    assert_eq!(piece(LOW, unknown, false).handshake, GetsNone);
    assert_eq!(piece(LOW, Gets, false).handshake, Gets);
    assert_eq!(piece(LOW, GetsNone, false).handshake, Gets);
    let other = piece(HIGH, unknown, true);
    assert_eq!((other.answered, other.handshake), (Yes, unknown));
    assert_eq!(piece(HIGH, unknown, true).answered, No, "another conversation");
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let kind = Kind::HostStream { handshake: unknown, begins: false };
    let middle = all.observe(step(LOW, WINDOW, kind, 100));
    let no = Facts { midstream: true, new_pair: NewPair::No, ..Facts::default() };
    assert_eq!(middle, no);
}

/// A host that gives the handshake as packets and the rest as a stream, or a stream and
/// then packets.
#[test]
fn packets_and_pieces_of_one_conversation_go_together() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let mut observe = |from, kind, len| all.observe(step(from, WINDOW, kind, len));
    observe(LOW, tcp(SYN, X, 0), 0);
    observe(HIGH, tcp(SYN | ACK, Y, X + 1), 0);
    let begins = Kind::HostStream { handshake: Handshake::Unknown, begins: true };
    let piece = observe(LOW, begins, 100);
    assert_eq!((piece.role, piece.answered), (Initiator, Yes));
    let later = observe(LOW, tcp(ACK, X + 101, Y + 1), 100);
    assert_eq!((later.role, later.handshake), (Initiator, Gets));
}

/// A conversation at another connection of the same two hosts.
fn datagram_of(connection: u64, pair: u64, time: u64) -> Step {
    Step { connection, pair, ..step(LOW, time, Kind::Datagram, 9) }
}

#[test]
fn a_pair_is_new_once_and_lately_met_for_two_windows() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let mut fact = |connection, window: u64| {
        all.observe(datagram_of(hash_word(connection, 1), 5, window * WINDOW)).new_pair
    };
    assert_eq!(fact(1, 10), NewPair::Yes);
    assert_eq!(fact(2, 10), NewPair::Lately);
    assert_eq!(fact(3, 11), NewPair::Lately);
    assert_eq!(fact(4, 12), NewPair::No);
    assert_eq!(fact(5, 14), NewPair::Yes, "a whole window without a word");
}

/// It is not its beginning alone that makes hosts talk.
#[test]
fn a_long_conversation_keeps_its_own_answer_and_its_pair_known() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    let mut observe = |connection, flags, window: u64| {
        let kind = tcp(flags, X, Y);
        let step = Step { connection, ..step(LOW, window * WINDOW, kind, 0) };
        all.observe(step).new_pair
    };
    assert_eq!(observe(1 << 20, SYN, 10), NewPair::Yes);
    for window in 11..20 {
        assert_eq!(observe(1 << 20, ACK, window), NewPair::Yes);
    }
    assert_eq!(observe(2 << 20, SYN, 20), NewPair::No);
}

#[test]
fn filters_that_turned_early_leave_new_pairs_unknown_for_a_time() {
    let mut all = Conversations::new(20_000, Span(WINDOW), 7);
    let mut n = 0;
    let mut facts = |all: &mut Conversations, time| {
        n += 1;
        all.observe(datagram_of(hash_word(n, 1), hash_word(n, 2), time)).new_pair
    };
    assert_eq!(facts(&mut all, 5 * WINDOW), NewPair::Yes);
    while all.counters().pairs_turned_early == 0 {
        facts(&mut all, 5 * WINDOW);
    }
    assert_eq!(facts(&mut all, 5 * WINDOW), NewPair::Unknown);
    assert_eq!(facts(&mut all, 7 * WINDOW - 1), NewPair::Unknown);
    assert_eq!(facts(&mut all, 7 * WINDOW), NewPair::Yes);
}

/// A small table beside large filters: of one set if it has 500 bytes.
fn beside_large_filters(bytes: usize, window: u64) -> Conversations {
    let all = Conversations::new(1 << 20, Span(window), 7);
    Conversations { table: Table::new(bytes, 1), ..all }
}

/// Ten conversations of datagrams, each of two packets, of which nine go through the
/// eight ways; then the first one again.
#[test]
fn a_conversation_that_was_let_go_of_comes_back_with_less() {
    for (gap, doubtful) in [(5 * MINUTE - 1, true), (5 * MINUTE, false)] {
        let mut all = beside_large_filters(500, WINDOW);
        assert_eq!(all.capacity(), 8);
        let at = |n: u64, time| datagram_of((n + 1) << 20, n, WINDOW + time);
        for n in 0..9 {
            assert_eq!(all.observe(at(n, 0)).role, Initiator, "{n}");
            all.observe(at(n, 0));
        }
        let facts = all.observe(at(0, gap));
        let wanted = if doubtful {
            Facts::default()
        } else {
            let (role, new_pair) = (Initiator, NewPair::Lately);
            let age = Age::of_units(0);
            let acquaintance = Acquaintance::of_units(gap / 15_625_000);
            let known = Facts { role, answered: No, new_pair, ..Facts::default() };
            Facts { age, acquaintance, ..known }
        };
        assert_eq!(facts, wanted);
        let counters = all.counters();
        assert_eq!(counters.doubtful, u64::from(doubtful));
        assert_eq!((counters.datagrams_evicted, counters.datagrams_begun), (2, 10));
    }
    let mut all = beside_large_filters(500, WINDOW);
    let at = |n: u64, flags| {
        let kind = tcp(flags, X, Y);
        Step { connection: (n + 1) << 20, pair: n, ..step(LOW, WINDOW, kind, 0) }
    };
    for n in 0..9 {
        all.observe(at(n, SYN));
        all.observe(at(n, ACK));
    }
    // An ACK after the SYN was let go of; then the SYN itself, sent again.
    let middle = Facts { midstream: true, ..Facts::default() };
    assert_eq!(all.observe(at(0, ACK)), middle);
    let begun = Facts { role: Initiator, ..Facts::default() };
    assert_eq!(all.observe(at(1, SYN)), begun);
    assert_eq!(all.counters().tcp_evicted, 3);
}

#[test]
fn any_memory_is_kept_to_and_none_knows_nothing() {
    for bytes in [0, 256, 384, 500, 1_000, 65_536, 1 << 20, 3_000_001] {
        let mut all = Conversations::new(bytes, Span(WINDOW), 7);
        assert!(all.memory_bytes() <= bytes.max(384), "{bytes}");
        let facts = all.observe(step(LOW, WINDOW, Kind::Datagram, 9));
        let known = all.capacity() > 0;
        assert_eq!(facts != Facts::default(), known, "{bytes}");
        assert_eq!(all.counters().refused, u64::from(!known));
        assert_eq!(all.place(5).len(), 8);
    }
    let all = Conversations::new(1 << 20, Span(WINDOW), 7);
    // 42 bytes a conversation in the table's three quarters.
    let most = (3 << 18) / 42 / 8 * 8;
    assert!((most - 16..=most + 16).contains(&all.capacity()), "{}", all.capacity());
}

#[test]
fn the_place_of_a_connection_is_the_line_that_holds_its_tag() {
    let mut all = Conversations::new(1 << 20, Span(WINDOW), 7);
    for connection in (0..500).map(|n| hash_word(n, 3)) {
        all.observe(datagram_of(connection, 1, WINDOW));
        let line = all.place(connection);
        assert!(line.iter().any(|tag| (tag ^ connection) >> 4 == 0));
        assert_eq!(line.as_ptr() as usize % 64, 0);
    }
}
