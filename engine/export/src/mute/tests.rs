use super::rule::contains;
use super::*;
use crate::rule::tests::signature;
use proptest::prelude::*;
use wormsift::signature::Signature;

const HOUR: u64 = 3_600_000_000_000;
const FIRST: &str = "0123456789abcdef0123456789abcdef";
const SECOND: &str = "fedcba9876543210fedcba9876543210";
const THIRD: &str = "00000000000000000000000000000003";
const FOURTH: &str = "00000000000000000000000000000004";
const BYTES: &[u8] = b"GET /one-of-a-kind/7f3a HTTP/1.1";

fn at(hours: u64) -> Timestamp {
    Timestamp::from_nanos(hours * HOUR)
}

fn entry(subject: Subject) -> Entry {
    Entry { subject, reason: "a scanner of ours".to_owned(), until: None, added: None }
}

fn incident_entry(id: &str, kind: Option<Kind>, signatures: &[&str]) -> Entry {
    let signatures = signatures.iter().map(ToString::to_string).collect();
    entry(Subject::Id { id: id.to_owned(), kind, signatures })
}

fn of(id: &str, kind: Kind, incident: Option<&str>) -> Signature {
    let (id, incident) = (id.to_owned(), incident.map(str::to_owned));
    Signature { id, kind, incident, last_seen: at(5), ..signature(b"some content") }
}

fn incident(id: &str, kind: Kind, signatures: &[&str]) -> Incident {
    Incident {
        id: id.to_owned(),
        kind,
        signatures: signatures.iter().map(ToString::to_string).collect(),
        last_seen: at(5),
        ..Incident::default()
    }
}

#[test]
fn entries_are_read_as_people_write_them() {
    let text = format!(
        "# ours\n\n\
         {{\"id\": \"{}\", \"reason\": \"the scanner\", \"until\": \"never\"}}\r\n  \
         {{\"until\":\"2026-12-31T01:00:00+01:00\",\"reason\":\"x\",\"content\":\"{}\",\
         \"added\":\"2026-11-30T00:00:00Z\"}}\n\
         {{\"id\":\"{SECOND}\",\"kind\":\"forwarding_service\",\"reason\":\"mail\",\
         \"until\":\"never\",\"signatures\":[\"{THIRD}\"]}}",
        FIRST.to_uppercase(),
        hex(BYTES, "")
    );
    let (file, errors) = MuteFile::parse(&text);
    assert_eq!(errors, []);
    let time = |text: &str| {
        let time: jiff::Timestamp = text.parse().unwrap();
        Some(Timestamp::from_nanos(time.as_nanosecond() as u64))
    };
    let expected = [
        (3, Entry { reason: "the scanner".to_owned(), ..entry(Subject::id(FIRST)) }),
        (
            4,
            Entry {
                subject: Subject::Content(BYTES.to_vec()),
                reason: "x".to_owned(),
                until: time("2026-12-31T00:00:00Z"),
                added: time("2026-11-30T00:00:00Z"),
            },
        ),
        (
            5,
            Entry {
                reason: "mail".to_owned(),
                ..incident_entry(SECOND, Some(Kind::ForwardingService), &[THIRD])
            },
        ),
    ];
    let found: Vec<_> = file.entries().map(|(n, it)| (n, it.clone())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_bad_line_is_named_and_costs_no_other() {
    let good = format!(r#"{{"id":"{FIRST}","reason":"x","until":"never"}}"#);
    let with = |from: &str, to: &str| good.replacen(from, to, 1);
    let by_id = format!("\"id\":\"{FIRST}\"");
    for (line, expected) in [
        ("not json".to_owned(), "expected an entry as a JSON object, found `not json`"),
        ("[1]".to_owned(), "expected an entry as a JSON object, found `[1]`"),
        (with("\"until\"", "\"untill\""), "unknown field `untill`"),
        (with(",\"until\":\"never\"", ""), "missing field `until`"),
        (with("\"reason\":\"x\",", ""), "missing field `reason`"),
        (with("\"x\"", "\" \""), "reason: expected one line of text, found ` `"),
        (with("\"x\"", "\"a\\nb\""), "reason: expected one line of text, found `a\\nb`"),
        (
            with("never", "later"),
            "until: expected a time such as 2026-12-31T00:00:00Z or",
        ),
        (with("never", "2026-12-31"), "found `2026-12-31`"),
        (with("never", "1969-12-31T23:59:59Z"), "found `1969-12-31T23:59:59Z`"),
        (
            with(FIRST, "0123"),
            "id: expected an id of 32 hexadecimal digits, found `0123`",
        ),
        // Its digits count up.
        (
            with("\"id\"", "\"content\""),
            "its bytes say 5 bits, and much traffic has such",
        ),
        (
            with("{", &format!("{{\"content\":\"{SECOND}\",")),
            "expected id or content, found both",
        ),
        (with(&by_id, "\"added\":\"2026-12-31T00:00:00Z\""), "found neither"),
        (
            with(&by_id, &format!("\"kind\":\"outbreak\",\"content\":\"{FIRST}\"")),
            "beside content",
        ),
        (with("{", "{\"kind\":\"worm\","), "kind: expected one of outbreak, "),
        (
            with("{", "{\"added\":\"today\","),
            "added: expected a time such as 2026-12-31T00:00:00Z, ",
        ),
        (with("{", "{\"signatures\":[\"02\"],"), "signatures: expected an id of 32 hex"),
        (with(&by_id, "\"content\":\"4g\""), "found `4g`"),
        (
            with(&by_id, "\"content\":\"47455420\""),
            "found `47455420`: 4 bytes would match by chance",
        ),
        (
            with(&by_id, &format!("\"content\":\"{}\"", "00".repeat(40))),
            "1 distinct byte values look like filler",
        ),
    ] {
        let text = format!("{good}\n{line}\n# end\n");
        let (file, errors) = MuteFile::parse(&text);
        assert_eq!((file.entries().count(), file.text()), (1, text));
        let [error] = &errors[..] else { panic!("{line}: {errors:?}") };
        assert_eq!(error.line, 2);
        let said = error.to_string();
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(said.starts_with("line 2: ") && !said.contains('\n'), "{said}");
        assert!(!said.contains("at line 1"), "{said}");
    }
}

#[test]
fn edits_leave_all_other_lines_alone() {
    let text = format!(
        "# a comment\n  not json\n\n{{ \"id\":\"{FIRST}\", \"reason\":\"x\", \"until\":\"never\" }}"
    );
    let (mut file, errors) = MuteFile::parse(&text);
    assert_eq!(errors.len(), 1);
    let content = entry(Subject::Content(BYTES.to_vec()));
    file.add(content.clone()).unwrap();
    let line = format!(
        "{{\"content\":\"{}\",\"reason\":\"a scanner of ours\",\"until\":\"never\"}}",
        hex(BYTES, "")
    );
    assert_eq!(file.text(), format!("{text}\n{line}\n"));
    let again = Entry { reason: "other".to_owned(), ..entry(Subject::id(FIRST)) };
    let error = file.add(again).unwrap_err();
    assert_eq!(error, format!("id {FIRST} is muted by line 4, without end: x"));
    // An incident of that id has the same name.
    assert!(file.add(incident_entry(FIRST, None, &[])).is_err());
    let removed = file.remove(|it| it.subject.is_same(&content.subject));
    assert_eq!(removed, [content]);
    let removed = file.remove(|it| it.subject.name() == FIRST);
    assert_eq!(removed.len(), 1);
    assert_eq!(file.text(), "# a comment\n  not json\n\n");
    let unreadable =
        Entry { reason: "a\nb".to_owned(), ..incident_entry(FIRST, None, &[]) };
    assert!(file.add(unreadable).unwrap_err().contains("one line of text"));
}

fn id() -> impl Strategy<Value = String> {
    "[0-9a-f]{32}"
}

fn subject() -> impl Strategy<Value = Subject> {
    let kind = prop::option::of(prop::sample::select(&Kind::ALL[..]));
    prop_oneof![
        (id(), kind, prop::collection::vec(id(), 0..4))
            .prop_map(|(id, kind, signatures)| Subject::Id { id, kind, signatures }),
        any::<[u8; 32]>().prop_map(|bytes| Subject::Content(bytes.to_vec())),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let time = || prop::option::of(any::<u64>().prop_map(Timestamp::from_nanos));
    (subject(), "[^\\p{Cc}]*[a-z\"\\\\é]", time(), time()).prop_map(
        |(subject, reason, until, added)| Entry { subject, reason, until, added },
    )
}

/// Bytes of few values, so that one often contains another.
fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..3_u8, len)
}

proptest! {
    #[test]
    fn what_is_added_is_read_back(entries in prop::collection::vec(any_entry(), 0..6)) {
        let mut file = MuteFile::default();
        let mut added: Vec<Entry> = Vec::new();
        for entry in entries {
            let is_new = !added.iter().any(|it| it.subject.is_same(&entry.subject));
            let is_strong = match &entry.subject {
                Subject::Content(bytes) => crate::rule::weakness(&[bytes]).is_none(),
                _ => true,
            };
            prop_assert_eq!(file.add(entry.clone()).is_ok(), is_new && is_strong);
            if is_new && is_strong {
                added.push(entry);
            }
        }
        let (read, errors) = MuteFile::parse(&file.text());
        prop_assert_eq!(errors, []);
        prop_assert_eq!(read.entries().map(|(_, it)| it.clone()).collect::<Vec<_>>(), added);
        prop_assert_eq!(read.text(), file.text());
    }

    #[test]
    fn no_text_panics_and_each_bad_line_is_told_once(text in "(\\PC|\n|\"|\\{|\\}){0,200}") {
        let (file, errors) = MuteFile::parse(&text);
        prop_assert_eq!(file.entries().count(), 0);
        let expected = text.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#'));
        prop_assert_eq!(errors.len(), expected.count());
    }

    /// Against the definition, entry by entry.
    #[test]
    fn all_contents_at_once_are_found_as_one_by_one(
        contents in prop::collection::vec((bytes(1..4), 0..3_u64), 0..6),
        content in bytes(0..12),
        last_seen in 0..3_u64,
    ) {
        let entries: Vec<Entry> = contents
            .into_iter()
            .map(|(bytes, until)| Entry {
                until: Some(at(until)),
                ..entry(Subject::Content(bytes))
            })
            .collect();
        let mut found = of(FIRST, Kind::Unclear, None);
        (found.content, found.last_seen) = (content, at(last_seen));
        let expected = entries
            .iter()
            .find(|it| it.until > Some(at(last_seen)) && contains(&found.content, it))
            .map(|it| it.subject.name());
        let muted = Mutes::new(entries).signature(&found).muted();
        prop_assert_eq!(muted.map(|it| it.entry), expected);
    }
}

#[test]
fn a_signature_is_muted_by_its_id_its_whole_its_bytes_and_its_incident() {
    let open = of(THIRD, Kind::MassDelivery, Some(SECOND));
    let by = |entry: Entry, it: &Signature| {
        Mutes::new([entry]).signature(it).muted().is_some()
    };
    let by_id = || entry(Subject::id(FIRST));
    assert!(by(by_id(), &of(FIRST, Kind::Outbreak, None)));
    assert!(!by(by_id(), &open));
    let part = Signature { part_of: Some(FIRST.to_owned()), ..open.clone() };
    assert!(by(by_id(), &part));
    let longer = [b"before ", BYTES, b" after"].concat();
    let by_bytes = || entry(Subject::Content(BYTES.to_vec()));
    assert!(by(by_bytes(), &Signature { content: longer, ..open.clone() }));
    assert!(!by(by_bytes(), &Signature { content: BYTES[1..].to_vec(), ..open.clone() }));
    assert!(by(incident_entry(SECOND, Some(Kind::Unclear), &[]), &open));
    assert!(!by(incident_entry(FIRST, Some(Kind::Unclear), &[]), &open));
    assert!(by(incident_entry(FIRST, Some(Kind::Unclear), &[THIRD]), &open));
    assert!(by(entry(Subject::id(SECOND)), &open));
}

#[test]
fn an_entry_holds_for_what_was_last_seen_before_its_end() {
    let it = of(FIRST, Kind::Unclear, None);
    let until = |until: Option<u64>| {
        let mut entry = entry(Subject::id(FIRST));
        entry.until = until.map(at);
        entry
    };
    let muted = |entries: Vec<Entry>| Mutes::new(entries).signature(&it).muted();
    assert_eq!(muted(vec![until(Some(5))]), None);
    assert!(muted(vec![until(Some(6))]).is_some());
    assert!(muted(vec![until(None)]).is_some());
    // The first that holds.
    let first = muted(vec![until(Some(4)), until(Some(7)), until(None)]).unwrap();
    assert_eq!(first.until, Some(at(7)));
    assert_eq!(first.words(), "until 1970-01-01 07:00:00 UTC: a scanner of ours");
}

#[test]
fn an_incident_that_becomes_an_outbreak_is_told_and_said_once() {
    for was in [Some(Kind::ForwardingService), None] {
        let mut muting = Muting::new(Mutes::new([incident_entry(SECOND, was, &[FIRST])]));
        for kind in [Kind::ForwardingService, Kind::MassDelivery, Kind::Unclear] {
            assert!(muting.signature(&of(FIRST, kind, Some(SECOND))).is_some());
            assert!(muting.signature(&of(THIRD, kind, Some(SECOND))).is_some());
            assert!(muting.incident(&incident(SECOND, kind, &[FIRST, THIRD])).is_some());
        }
        assert_eq!(muting.counts(), MutedCounts { signatures: 2, incidents: 1 });
        assert_eq!(muting.take_news(), [""; 0]);
        for _ in 0..2 {
            assert_eq!(muting.signature(&of(FIRST, Kind::Outbreak, Some(SECOND))), None);
            let outbreak = incident(SECOND, Kind::Outbreak, &[FIRST, THIRD]);
            assert_eq!(muting.incident(&outbreak), None);
        }
        let news = muting.take_news();
        let [said] = &news[..] else { panic!("{news:?}") };
        assert!(said.starts_with(&format!("incident {SECOND} is an outbreak")), "{said}");
        assert_eq!(said.contains("as forwarding service"), was.is_some(), "{said}");
        assert!(said.ends_with(", without end: a scanner of ours"), "{said}");
    }
    // Muted as an outbreak, it stays muted.
    let entry = incident_entry(SECOND, Some(Kind::Outbreak), &[]);
    let mut muting = Muting::new(Mutes::new([entry]));
    assert!(muting.incident(&incident(SECOND, Kind::Outbreak, &[FIRST])).is_some());
    // And a signature that is muted itself stays so whatever its kind.
    let mut muting =
        Muting::new(Mutes::new([entry_of(FIRST), incident_entry(SECOND, None, &[])]));
    assert!(muting.signature(&of(FIRST, Kind::Outbreak, Some(SECOND))).is_some());
    assert_eq!(muting.take_news(), [""; 0]);
}

fn entry_of(id: &str) -> Entry {
    entry(Subject::id(id))
}

#[test]
fn parts_of_what_is_muted_are_muted_and_an_older_whole_is_not() {
    let by_trade = Some(Kind::ForwardingService);
    let kind = Kind::ForwardingService;
    let mut muting = Muting::new(Mutes::new([incident_entry(FIRST, by_trade, &[THIRD])]));
    let last =
        Incident { part_of: Some(FIRST.to_owned()), ..incident(SECOND, kind, &[]) };
    assert!(muting.incident(&last).is_some());
    // The other way about: the signatures stay muted, and the older incident is told.
    assert!(muting.signature(&of(THIRD, kind, Some(SECOND))).is_some());
    assert_eq!(muting.signature(&of(FOURTH, kind, Some(SECOND))), None);
    assert_eq!(muting.incident(&incident(SECOND, kind, &[THIRD, FOURTH])), None);
    // After a restart the same signatures may be an incident of another name.
    assert!(muting.incident(&incident(SECOND, kind, &[THIRD])).is_some());
}

#[test]
fn an_incident_is_muted_when_all_its_signatures_are() {
    let mut muting = Muting::new(Mutes::new([entry_of(FIRST), entry_of(THIRD)]));
    let whole = incident(SECOND, Kind::Outbreak, &[THIRD, FIRST]);
    assert_eq!(muting.incident(&whole), None, "none of its signatures is known");
    assert!(muting.signature(&of(FIRST, Kind::Outbreak, None)).is_some());
    assert_eq!(muting.incident(&whole), None);
    assert!(muting.signature(&of(THIRD, Kind::Outbreak, None)).is_some());
    assert_eq!(muting.incident(&whole).unwrap().entry, THIRD, "of the strongest");
    assert_eq!(muting.incident(&incident(SECOND, Kind::Outbreak, &[])), None);
    // One that is seen after its end no longer counts.
    muting.replace(Mutes::new([entry_of(FIRST)]));
    assert_eq!(muting.incident(&whole), None);
    assert_eq!(muting.counts(), MutedCounts { signatures: 2, incidents: 1 });
}

#[test]
fn what_is_remembered_is_bounded() {
    let content = entry(Subject::Content(BYTES.to_vec()));
    let mut muting = Muting::new(Mutes::new([content]));
    let name = |n: u32| format!("{n:032x}");
    for n in 0..20_000 {
        let id = name(n);
        let it = Signature { content: BYTES.to_vec(), ..of(&id, Kind::Unclear, None) };
        assert!(muting.signature(&it).is_some());
    }
    assert_eq!(muting.counts().signatures, 20_000);
    let of_one = |n: u32| incident(SECOND, Kind::Unclear, &[&name(n)]);
    assert!(muting.incident(&of_one(19_999)).is_some());
    assert!(muting.incident(&of_one(20_000 - 8_192)).is_some());
    assert_eq!(muting.incident(&of_one(20_000 - 8_193)), None);
}
