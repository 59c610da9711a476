use super::*;
use proptest::prelude::*;

fn day(n: u64) -> Timestamp {
    Timestamp::from_nanos((20_000 + n) * DAY)
}

fn small(count: u32) -> SidRegistry {
    SidRegistry::new(SidRange::new(100, count).unwrap())
}

#[test]
fn a_number_stays_and_its_revision_follows_the_content() {
    let mut registry = SidRegistry::default();
    let first = registry.assign("a", b"one", day(0)).unwrap();
    assert_eq!(first, Sid { sid: 1_500_000, rev: 1 });
    assert_eq!(registry.assign("b", b"one", day(0)).unwrap().sid, 1_500_001);
    let mut read = SidRegistry::from_json(&registry.to_json()).unwrap();
    assert_eq!(read.to_json(), registry.to_json());
    assert_eq!(read.assign("a", b"one", day(1)).unwrap(), first);
    let second = Sid { sid: 1_500_000, rev: 2 };
    assert_eq!(read.assign("a", b"two", day(1)).unwrap(), second);
    assert_eq!(read.assign("a", b"two", day(1)).unwrap(), second);
    assert_eq!(read.assign("c", b"", day(1)).unwrap().sid, 1_500_002);
}

#[test]
fn a_number_is_used_again_after_90_days_and_the_oldest_first() {
    let mut registry = small(3);
    for id in ["a", "b", "c"] {
        registry.assign(id, b"x", day(0)).unwrap();
    }
    registry.settle(|id| id != "b", day(1));
    registry.settle(|id| id == "c", day(2));
    let exhausted = Err(SidError::Exhausted(registry.range()));
    assert_eq!(registry.assign("d", b"x", day(90)), exhausted);
    // What is known is not refused.
    assert_eq!(registry.assign("c", b"x", day(90)).unwrap(), Sid { sid: 102, rev: 1 });
    let nearly = Timestamp::from_nanos(day(91).as_nanos() - 1);
    assert_eq!(registry.assign("d", b"x", nearly), exhausted);
    assert_eq!(registry.assign("d", b"x", day(91)).unwrap(), Sid { sid: 101, rev: 2 });
    assert_eq!(registry.assign("e", b"x", day(91)), exhausted);
    assert_eq!(registry.assign("e", b"x", day(92)).unwrap(), Sid { sid: 100, rev: 2 });
    // Both came back to find their numbers taken.
    assert_eq!(registry.assign("b", b"x", day(92)), exhausted);
    // A rule that came back in time has its number, and the rest begins anew.
    registry.settle(|_| false, day(100));
    registry.assign("c", b"x", day(180)).unwrap();
    registry.settle(|_| false, day(181));
    assert_eq!(registry.assign("f", b"x", day(190)).unwrap().sid, 100);
    assert_eq!(registry.assign("g", b"x", day(190)).unwrap().sid, 101);
    assert_eq!(registry.assign("h", b"x", day(190)), exhausted);
}

#[test]
fn two_ranges_never_meet_and_a_new_range_takes_rules_along() {
    let mut registry = small(10);
    registry.assign("a", b"x", day(0)).unwrap();
    registry.set_range(SidRange::new(200, 1).unwrap());
    assert_eq!(registry.assign("a", b"x", day(1)).unwrap(), Sid { sid: 200, rev: 1 });
    // Where the range is full it keeps a number from outside.
    registry.set_range(SidRange::new(100, 1).unwrap());
    assert_eq!(registry.assign("a", b"x", day(2)).unwrap(), Sid { sid: 200, rev: 1 });
    let read = SidRegistry::from_json(&registry.to_json()).unwrap();
    assert_eq!(read.to_json(), registry.to_json());
    // The number that it gave up rests like any other.
    assert!(registry.assign("b", b"x", day(90)).is_err());
    assert_eq!(registry.assign("b", b"x", day(91)).unwrap(), Sid { sid: 100, rev: 2 });
    assert!(SidRange::new(0, 1).is_none() && SidRange::new(1, 0).is_none());
    assert!(SidRange::new(u32::MAX, 2).is_none());
    let mut top = SidRegistry::new(SidRange::new(u32::MAX, 1).unwrap());
    assert_eq!(top.assign("a", b"", day(0)).unwrap().sid, u32::MAX);
    assert!(top.assign("b", b"", day(0)).is_err());
}

const VERSION_1: &str = r#"{
  "schema": "wormsift-sids/1",
  "next": 1500002,
  "given": {
    "a": { "sid": 1500001, "rev": 3, "content": "00000000000000ff" },
    "b": { "sid": 1500000, "rev": 1, "content": "0123456789abcdef" }
  }
}"#;

#[test]
fn a_registry_of_version_1_is_taken_up() {
    let mut registry = SidRegistry::from_json(VERSION_1).unwrap();
    assert_eq!(
        (registry.range().base(), registry.range().last()),
        (1_500_000, 1_999_999)
    );
    assert_eq!(
        registry.assign("a", b"x", day(0)).unwrap(),
        Sid { sid: 1_500_001, rev: 4 }
    );
    assert_eq!(registry.assign("c", b"x", day(0)).unwrap().sid, 1_500_002);
    let beyond = VERSION_1.replace("\"next\": 1500002", "\"next\": 1500001");
    assert!(SidRegistry::from_json(&beyond).is_err());
    let twice = VERSION_1.replace("1500001", "1500000");
    assert!(SidRegistry::from_json(&twice).is_err());
}

#[test]
fn damaged_registries_are_refused() {
    let mut registry = small(5);
    registry.assign("a", b"one", day(0)).unwrap();
    registry.assign("b", b"two", day(0)).unwrap();
    registry.settle(|id| id == "a", day(1));
    let text = registry.to_json();
    assert!(SidRegistry::from_json(&text).is_ok());
    for (from, to, reason) in [
        ("\"sid\": 101", "\"sid\": 100", "stands twice"),
        ("\"sid\": 101", "\"sid\": 99", "out of order"),
        ("\"sid\": 101", "\"sid\": -1", "not a wormsift-sids/2 registry"),
        ("\"rev\": 1", "\"rev\": 0", "revision 0"),
        ("\"id\": \"b\"", "\"id\": \"a\"", "another number"),
        ("\"id\": \"b\"", "\"id\": null", "one of `id` and `content`"),
        ("\"left_at\": \"2", "\"left_at\": \"x", "no time"),
        ("\"content\": \"", "\"content\": \"+", "no hash"),
        ("wormsift-sids/2", "wormsift-sids/3", "expected schema"),
        ("\"count\": 5", "\"count\": 0", "no range"),
        ("\"base\"", "\"first\"", "not a wormsift-sids/2 registry"),
        ("\"left_at\"", "\"left\"", "not a wormsift-sids/2 registry"),
        ("{", "[", "not a wormsift-sids/2 registry"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        let error = SidRegistry::from_json(&damaged).unwrap_err().to_string();
        assert!(error.contains(reason), "{from} to {to}: {error}");
    }
}

/// Number, revision, signature, content, since when it is out of the file.
type Entry = (u32, u32, Option<u8>, u8, Option<u64>);

/// The rules as they are written in the module's docs, over a plain list.
#[derive(Default)]
struct Twin {
    range: (u32, u32),
    list: Vec<Entry>,
}

impl Twin {
    fn inside(&self, sid: u32) -> bool {
        sid >= self.range.0 && sid - self.range.0 < self.range.1
    }

    fn assign(&mut self, id: u8, content: u8, now: u64) -> Option<(u32, u32)> {
        let own = self.list.iter().position(|it| it.2 == Some(id));
        let never = (self.range.0..self.range.0 + self.range.1)
            .find(|sid| self.list.iter().all(|it| it.0 != *sid));
        let rested = (0..self.list.len())
            .filter(|i| self.inside(self.list[*i].0))
            .filter(|i| self.list[*i].4.is_some_and(|left| left + 90 <= now))
            .min_by_key(|i| (self.list[*i].4, self.list[*i].0));
        let stays = own.is_some_and(|own| self.inside(self.list[own].0));
        if let Some(own) = own.filter(|_| stays || never.is_none() && rested.is_none()) {
            let it = &mut self.list[own];
            it.1 += u32::from(it.3 != content);
            (it.3, it.4) = (content, None);
            return Some((it.0, it.1));
        }
        if never.is_none() && rested.is_none() {
            return None;
        }
        if let Some(own) = own {
            (self.list[own].2, self.list[own].4) = (None, Some(now));
        }
        if let Some(sid) = never {
            self.list.push((sid, 1, Some(id), content, None));
            return Some((sid, 1));
        }
        let it = &mut self.list[rested.unwrap()];
        *it = (it.0, it.1 + 1, Some(id), content, None);
        Some((it.0, it.1))
    }

    fn settle(&mut self, kept: u8, now: u64) {
        for it in &mut self.list {
            let stays = it.2.is_some_and(|id| id % 8 >= kept);
            if it.4.is_none() && !stays {
                it.4 = Some(now);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Assign(u8, u8),
    Settle(u8),
    Wait(u64),
    Range(u32, u32),
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..24, 0u8..2).prop_map(|(id, content)| Step::Assign(id, content)),
        3 => (0u8..9).prop_map(Step::Settle),
        3 => (0u64..70).prop_map(Step::Wait),
        1 => (0u32..3, 1u32..9).prop_map(|(n, count)| Step::Range(100 + 4 * n, count)),
        1 => Just(Step::Reload),
    ]
}

proptest! {
    #[test]
    fn the_registry_is_its_plain_twin(steps in prop::collection::vec(step(), 1..120)) {
        let mut registry = small(6);
        let mut twin = Twin { range: (100, 6), ..Twin::default() };
        let mut now = 0;
        // By number: the signature that it last meant, the highest revision, and until
        // when it was in use.
        let mut meant: BTreeMap<u32, (u8, u32, u64)> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Assign(id, content) => {
                    let given = registry.assign(&id.to_string(), &[content], day(now)).ok();
                    let expected = twin.assign(id, content, now);
                    prop_assert_eq!(given.map(|it| (it.sid, it.rev)), expected);
                    let Some(Sid { sid, rev }) = given else { continue };
                    if let Some((before, highest, until)) = meant.get(&sid).copied() {
                        prop_assert!(rev >= highest);
                        if before != id {
                            prop_assert!(rev > highest && until + 90 <= now);
                        }
                    }
                    meant.insert(sid, (id, rev, now));
                }
                Step::Settle(kept) => {
                    registry.settle(|id| id.parse::<u8>().unwrap() % 8 >= kept, day(now));
                    twin.settle(kept, now);
                }
                Step::Wait(days) => now += days,
                Step::Range(base, count) => {
                    registry.set_range(SidRange::new(base, count).unwrap());
                    twin.range = (base, count);
                }
                Step::Reload => {
                    let read = SidRegistry::from_json(&registry.to_json()).unwrap();
                    prop_assert_eq!(read.to_json(), registry.to_json());
                    registry = read;
                }
            }
        }
    }
}
