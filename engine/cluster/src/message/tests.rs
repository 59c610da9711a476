use super::*;
use proptest::prelude::*;

fn tap() -> impl Strategy<Value = TapName> {
    "[a-zA-Z0-9_:-]{1,32}".prop_map(|name| TapName::new(&name).unwrap())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..100)
}

fn messages() -> impl Strategy<Value = Message> {
    let covered =
        (tap(), any::<(u64, u64, u64)>()).prop_map(|(tap, (tick, spool, sequence))| {
            Covered { tap, tick, spool, sequence }
        });
    prop_oneof![
        (tap(), any::<(u64, u32, u64, u64, bool, Option<u64>)>(), bytes()).prop_map(
            |(tap, (tick, part, spool, sequence, leaves, absent_since), bytes)| {
                Message::Parcel(Parcel {
                    tap,
                    tick,
                    part,
                    spool,
                    sequence,
                    leaves,
                    absent_since,
                    bytes,
                })
            }
        ),
        (tap(), any::<(u64, u64)>()).prop_map(|(tap, (spool, sequence))| {
            Message::Lost(Lost { tap, spool, sequence })
        }),
        (tap(), any::<u64>(), bytes()).prop_map(|(tap, number, bytes)| {
            Message::Piece(Piece { tap, number, bytes })
        }),
        (tap(), any::<(u64, u64, u64, u64)>()).prop_map(
            |(tap, (number, spool, from, to))| {
                Message::Ask(Ask {
                    tap,
                    number,
                    wanted: Wanted::Parcels { spool, from, to },
                })
            }
        ),
        (tap(), any::<u64>(), bytes()).prop_map(|(tap, number, bytes)| {
            Message::Ask(Ask { tap, number, wanted: Wanted::Content(bytes) })
        }),
        (any::<u64>(), prop::collection::vec(covered, 0..5))
            .prop_map(|(checkpoint, taps)| Message::Done(Done { checkpoint, taps })),
    ]
}

fn fleet() -> Fleet {
    Fleet::new("fleet").unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in messages()) {
        let bytes = message.encode(&fleet());
        prop_assert_eq!(Message::decode(&bytes, &fleet()), Ok(message));
        let other = Fleet::new("other").unwrap();
        prop_assert_eq!(Message::decode(&bytes, &other), Err(Refusal::Fleet));
    }

    #[test]
    fn what_is_cut_or_changed_is_refused(
        message in messages(), at in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        let mut bytes = message.encode(&fleet());
        for length in 0..bytes.len() {
            prop_assert_eq!(Message::decode(&bytes[..length], &fleet()), Err(Refusal::Damaged));
        }
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert_eq!(Message::decode(&bytes, &fleet()), Err(Refusal::Damaged));
    }

    /// Whoever can compute the checksum gets no further than a refusal.
    #[test]
    fn sealed_nonsense_is_refused_or_is_what_would_be_written(
        message in messages(), at in any::<prop::sample::Index>(), value in any::<u8>(),
    ) {
        let bytes = message.encode(&fleet());
        let mut body = bytes[..bytes.len() - 8].to_vec();
        let at = at.index(body.len());
        body[at] = value;
        let sealed = Writer(body).sealed();
        if let Ok(read) = Message::decode(&sealed, &fleet()) {
            prop_assert_eq!(read.encode(&fleet()), sealed);
        }
    }
}

#[test]
fn another_version_is_named() {
    let lost = Lost { tap: TapName::new("a").unwrap(), spool: 1, sequence: 3 };
    let bytes = Message::Lost(lost).encode(&fleet());
    let mut body = bytes[..bytes.len() - 8].to_vec();
    body[4] += 1;
    let sealed = Writer(body).sealed();
    assert_eq!(Message::decode(&sealed, &fleet()), Err(Refusal::Version));
}

#[test]
fn the_longest_parcel_fits() {
    let long = "a".repeat(32);
    let parcel = Parcel {
        tap: TapName::new(&long).unwrap(),
        tick: u64::MAX,
        part: u32::MAX,
        spool: u64::MAX,
        sequence: u64::MAX,
        leaves: true,
        absent_since: Some(u64::MAX),
        bytes: vec![7; MAX_CONTENT],
    };
    assert!(fits("a parcel", &parcel.bytes).is_ok());
    assert!(fits("a parcel", &[0; MAX_CONTENT + 1]).is_err());
    let fleet = Fleet::new(&long).unwrap();
    let encoded = Message::Parcel(parcel.clone()).encode(&fleet);
    assert!(encoded.len() <= MAX_MESSAGE);
    assert_eq!(Message::decode(&encoded, &fleet), Ok(Message::Parcel(parcel)));
}

/// A million damaged messages whose checksum fits all the same: each is refused, or is what
/// would be written.
#[test]
fn a_million_sealed_and_damaged_messages() {
    let mut state = 1_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    let tap = TapName::new("tap").unwrap();
    let covered = Covered { tap: tap.clone(), tick: 1, spool: 2, sequence: 3 };
    let parcel = Parcel {
        tap: tap.clone(),
        tick: 1,
        part: 2,
        spool: 3,
        sequence: 4,
        leaves: false,
        absent_since: Some(1),
        bytes: vec![5; 20],
    };
    let wanted = Wanted::Parcels { spool: 1, from: 2, to: 3 };
    let whole = [
        Message::Parcel(parcel),
        Message::Lost(Lost { tap: tap.clone(), spool: 1, sequence: 2 }),
        Message::Piece(Piece { tap: tap.clone(), number: 1, bytes: vec![2; 20] }),
        Message::Ask(Ask { tap, number: 1, wanted }),
        Message::Done(Done { checkpoint: 1, taps: vec![covered; 3] }),
    ]
    .map(|message| message.encode(&fleet()));
    let mut refused = 0;
    for _ in 0..1_000_000 {
        let whole = &whole[random(whole.len())];
        let mut body = whole[..whole.len() - 8].to_vec();
        for _ in 0..=random(3) {
            let at = random(body.len());
            match random(3) {
                0 => body[at] = u8::try_from(random(256)).unwrap(),
                1 => body.truncate(at + 1),
                _ => body.insert(at, u8::try_from(random(256)).unwrap()),
            }
        }
        let sealed = Writer(body).sealed();
        match Message::decode(&sealed, &fleet()) {
            Ok(read) => assert_eq!(read.encode(&fleet()), sealed),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100_000);
}
