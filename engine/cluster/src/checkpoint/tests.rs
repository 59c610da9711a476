use super::*;
use crate::message::Parcel;
use crate::scratch::Scratch;

fn fleet() -> Fleet {
    Fleet::new("fleet").unwrap()
}

fn some(number: u64) -> Checkpoint {
    let tap = TapName::new("a").unwrap();
    let mut closing = Closing::new(Rules::new(30), std::slice::from_ref(&tap));
    for tick in 0..3 {
        closing.parcel(Parcel {
            tap: tap.clone(),
            tick,
            part: 0,
            spool: 1,
            sequence: tick,
            leaves: false,
            absent_since: None,
            bytes: vec![1; 10],
        });
    }
    let position = Position { sequence: number, stored: 1_700_000_000_123_456_789 };
    Checkpoint { number, position, closing, state: vec![7; 20] }
}

fn write(store: &Store, number: u64) {
    let Checkpoint { number, position, closing, state } = some(number);
    store.write(number, position, &closing, &state).unwrap();
}

#[test]
fn the_latest_is_read_again() {
    let scratch = Scratch::new();
    let store = Store::open(scratch.path(), &fleet()).unwrap();
    assert_eq!(store.read(Rules::new(30), &[]).unwrap(), None);
    for number in 0..3 {
        write(&store, number);
        let read = store.read(Rules::new(30), &[]).unwrap();
        assert_eq!(read, Some(some(number)));
    }
    let second = Store::open(scratch.path(), &fleet()).unwrap_err().to_string();
    assert!(second.contains("another process"), "{second}");
}

/// Killed while the next one is written, the one before counts.
#[test]
fn a_checkpoint_that_was_not_finished_does_not_count() {
    let scratch = Scratch::new();
    let store = Store::open(scratch.path(), &fleet()).unwrap();
    write(&store, 1);
    let whole = fs::read(store.path()).unwrap();
    for length in 0..whole.len() {
        fs::write(scratch.path().join("checkpoint.new"), &whole[..length]).unwrap();
        assert_eq!(store.read(Rules::new(30), &[]).unwrap(), Some(some(1)));
    }
    write(&store, 2);
    assert_eq!(store.read(Rules::new(30), &[]).unwrap(), Some(some(2)));
}

#[test]
fn what_is_not_a_checkpoint_of_this_fleet_is_refused() {
    let scratch = Scratch::new();
    let store = Store::open(scratch.path(), &fleet()).unwrap();
    write(&store, 1);
    let whole = fs::read(store.path()).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(store.path(), bytes).unwrap();
        store.read(Rules::new(30), &[]).unwrap_err().to_string()
    };
    for length in 0..whole.len() {
        let said = refused(&whole[..length]);
        assert!(said.contains("damaged"), "{length}: {said}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let said = refused(&bytes);
        assert!(said.contains("damaged"), "{at}: {said}");
    }
    let body = |at: usize, value: u8| {
        let mut body = whole[..whole.len() - 8].to_vec();
        body[at] = value;
        Writer(body).sealed()
    };
    assert!(refused(&body(7, b'9')).contains("another version"));
    assert!(refused(&body(16, b'g')).contains("that of fleet gleet"));
}
