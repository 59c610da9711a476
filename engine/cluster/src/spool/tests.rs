use super::*;
use crate::scratch::Scratch;
use proptest::prelude::*;
use std::fs;

fn fleet() -> Fleet {
    Fleet::new("fleet").unwrap()
}

fn tap() -> TapName {
    TapName::new("tap").unwrap()
}

/// Small enough that files are cut and thrown out.
const CAPACITY: u64 = 4000;
const SEGMENT: u64 = 700;

fn open(folder: &Path) -> Spool {
    Spool::open_cut(folder, &fleet(), &tap(), CAPACITY, SEGMENT).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Cover(prop::sample::Index),
    Read(prop::sample::Index),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..400usize).prop_map(Step::Append),
        1 => any::<prop::sample::Index>().prop_map(Step::Cover),
        3 => any::<prop::sample::Index>().prop_map(Step::Read),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..120)
}

/// All that was ever appended, and what may be gone.
#[derive(Default)]
struct Twin {
    parcels: Vec<Parcel>,
    covered: usize,
}

/// The sequence of the oldest parcel that is there.
fn oldest(spool: &mut Spool) -> u64 {
    match spool.read(0).unwrap() {
        Found::Parcel(_) | Found::None => 0,
        Found::Lost { next } => next,
    }
}

fn folder_bytes(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    files.map(|file| file.metadata().unwrap().len()).sum()
}

proptest! {
    // Each forces files to the disk some hundred times.
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_spool_is_the_latest_of_all_that_was_appended(steps in steps()) {
        let scratch = Scratch::new();
        let mut spool = open(scratch.path());
        let mut twin = Twin::default();
        let (mut evicted, mut expected, mut before) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Append(length) => {
                    let number = twin.parcels.len() as u64;
                    let bytes = vec![number as u8; length];
                    let (tick, part) = (number / 3, (number % 3) as u32);
                    prop_assert_eq!(spool.append(tick, part, false, &bytes).unwrap(), number);
                    twin.parcels.push(Parcel {
                        tap: tap(), tick, part, spool: spool.id(), sequence: number, leaves: false, absent_since: None, bytes,
                    });
                }
                Step::Cover(index) => {
                    let sequence = index.index(twin.parcels.len() + 1);
                    spool.cover(sequence as u64).unwrap();
                    twin.covered = twin.covered.max(sequence);
                    prop_assert_eq!(spool.covered(), twin.covered as u64);
                }
                Step::Read(index) => {
                    let from = index.index(twin.parcels.len() + 1);
                    let first = oldest(&mut spool);
                    for sequence in from as u64..from as u64 + 3 {
                        let expected = match twin.parcels.get(sequence as usize) {
                            None => Found::None,
                            Some(_) if sequence < first => Found::Lost { next: first },
                            Some(parcel) => Found::Parcel(parcel.clone()),
                        };
                        prop_assert_eq!(spool.read(sequence).unwrap(), expected);
                    }
                }
                Step::Reopen => {
                    evicted += spool.counters().evicted;
                    let covered = spool.covered();
                    let id = spool.id();
                    drop(spool);
                    spool = open(scratch.path());
                    prop_assert_eq!(spool.id(), id);
                    prop_assert_eq!(spool.counters(), SpoolCounters::default());
                    spool.cover(covered).unwrap();
                }
            }
            prop_assert_eq!(spool.next(), twin.parcels.len() as u64);
            // What is gone without having been covered is counted, one by one.
            let first = oldest(&mut spool);
            expected += first.saturating_sub(before.max(twin.covered as u64));
            before = first;
            prop_assert_eq!(evicted + spool.counters().evicted, expected);
            prop_assert!(folder_bytes(scratch.path()) <= CAPACITY);
            // Only the newest file may hold nothing but what is covered.
            let full = spool.segments.len() - 1;
            let is_needed = |file: &Segment| file.next() > twin.covered as u64;
            prop_assert!(spool.segments.iter().take(full).all(is_needed));
        }
    }
}

/// Cut after any byte, the whole records are there, the rest is counted, and it goes on.
#[test]
fn a_torn_tail_is_cut_off() {
    let scratch = Scratch::new();
    let whole = scratch.path().join("whole");
    let mut spool = open(&whole);
    let mut ends = vec![folder_bytes(&whole)];
    for number in 0..4u64 {
        spool.append(number, 0, false, &vec![1; 40 * number as usize]).unwrap();
        ends.push(folder_bytes(&whole));
    }
    drop(spool);
    let name = format!("{:020}.spool", 0);
    let bytes = fs::read(whole.join(&name)).unwrap();
    assert_eq!(bytes.len() as u64, ends[4]);
    for length in 0..=bytes.len() {
        let cut = scratch.path().join(format!("cut{length}"));
        fs::create_dir(&cut).unwrap();
        fs::write(cut.join(&name), &bytes[..length]).unwrap();
        let mut spool = open(&cut);
        let kept = ends.iter().filter(|end| **end <= length as u64).count();
        let end = kept.checked_sub(1).map_or(0, |index| ends[index]);
        assert_eq!(spool.counters().torn_bytes, length as u64 - end, "{length}");
        let parcels = kept.saturating_sub(1) as u64;
        assert_eq!(spool.next(), parcels, "{length}");
        for sequence in 0..parcels {
            let found = spool.read(sequence).unwrap();
            assert!(
                matches!(found, Found::Parcel(Parcel { tick, .. }) if tick == sequence)
            );
        }
        assert_eq!(spool.append(9, 0, false, b"on").unwrap(), parcels);
        assert!(
            matches!(spool.read(parcels).unwrap(), Found::Parcel(p) if p.bytes == b"on")
        );
    }
}

/// A file that lost its beginning still says, by its name, where the numbers go on.
#[test]
fn numbers_go_on_without_the_newest_file() {
    let scratch = Scratch::new();
    let mut spool = open(scratch.path());
    while spool.segments.len() < 3 {
        spool.append(spool.next(), 0, false, &[0; 100]).unwrap();
    }
    let (newest, next) = (spool.segments[2].first(), spool.next());
    drop(spool);
    let path = scratch.path().join(format!("{newest:020}.spool"));
    fs::write(&path, &fs::read(&path).unwrap()[..10]).unwrap();
    let spool = open(scratch.path());
    assert_eq!((spool.next(), spool.counters().torn_bytes), (newest, 10));
    assert!(newest < next);
}

#[test]
fn what_is_damaged_in_the_middle_is_counted_once() {
    let scratch = Scratch::new();
    let mut spool = open(scratch.path());
    while spool.segments.len() < 3 {
        spool.append(spool.next(), 0, false, &[0; 100]).unwrap();
    }
    let end = spool.segments[0].next();
    let path = scratch.path().join(format!("{:020}.spool", 0));
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(spool.read(end - 2).unwrap(), Found::Parcel(_)));
    for _ in 0..2 {
        assert_eq!(spool.read(end - 1).unwrap(), Found::Lost { next: end });
        assert_eq!(spool.counters().damaged, 1);
    }
    assert!(matches!(spool.read(end).unwrap(), Found::Parcel(_)));
}

/// Killed, or refused by the disk, right after a new file was begun: what was the last parcel is
/// there, however much is covered, and also when the spool is full.
#[test]
fn the_last_parcel_outlives_the_file_that_is_begun_after_it() {
    let scratch = Scratch::new();
    let mut spool = open(scratch.path());
    for number in 0..60 {
        let tick = 10 * number;
        assert_eq!(spool.append(tick, 0, false, &[1; 100]).unwrap(), number);
        spool.begin(number + 1).unwrap();
        spool.cover(number + 1).unwrap();
        drop(spool);
        spool = open(scratch.path());
        assert_eq!((spool.next(), spool.segments.len()), (number + 1, 2));
        let last = spool.read(number).unwrap();
        assert!(matches!(last, Found::Parcel(Parcel { tick: it, .. }) if it == tick));
        spool.cover(number + 1).unwrap();
        assert!(matches!(spool.read(number).unwrap(), Found::Parcel(_)));
    }
    // Nothing is covered, and there is room for one record beside the file's beginning.
    let full = Scratch::new();
    let bytes = spool.segments[0].bytes() + 1;
    let mut spool = Spool::open_cut(full.path(), &fleet(), &tap(), bytes, 1).unwrap();
    for number in 0..10 {
        spool.append(number, 0, false, &[1; 100]).unwrap();
        assert!(matches!(spool.read(number).unwrap(), Found::Parcel(_)));
    }
    assert!(spool.counters().evicted > 0);
}

#[test]
fn refusals_say_what_to_do() {
    let scratch = Scratch::new();
    let mut spool = open(scratch.path());
    spool.append(5, 1, false, b"").unwrap();
    for (tick, part) in [(5, 1), (5, 0), (4, 9)] {
        let said = spool.append(tick, part, false, b"").unwrap_err().to_string();
        assert!(said.contains("parcels are sent in order"), "{said}");
    }
    let said = spool.append(6, 0, false, &vec![0; 1 << 20]).unwrap_err().to_string();
    assert!(said.contains("cut it into parts"), "{said}");
    let again = Spool::open_cut(scratch.path(), &fleet(), &tap(), CAPACITY, SEGMENT);
    let said = again.unwrap_err().to_string();
    assert!(said.contains("another process does"), "{said}");
    drop(spool);
    let other = TapName::new("other").unwrap();
    let again = Spool::open_cut(scratch.path(), &fleet(), &other, CAPACITY, SEGMENT);
    let said = again.unwrap_err().to_string();
    assert!(said.contains("that of tap tap"), "{said}");
    let small = Spool::open(scratch.path(), &fleet(), &tap(), 1000);
    assert!(small.unwrap_err().to_string().contains("at least"));
    // The order holds over a restart, too, and where the latest parcels are gone.
    assert!(open(scratch.path()).append(5, 1, false, b"").is_err());
}
