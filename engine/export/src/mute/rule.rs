//! Which findings are muted. The rule stands at [`Mutes`], here alone.

use super::{Entry, Muted, Subject};
use aho_corasick::AhoCorasick;
use std::collections::HashMap;
use wormsift::packet::Timestamp;
use wormsift::signature::{Incident, Kind, Signature};

/// The entries of a file, ready to be asked.
///
/// An entry mutes what was last seen before its end. Both are packet time, so the answer is a
/// function of the finding and the file, and the same live, over captures and in an export.
///
/// - **A signature** is muted by an entry of its id, or of the id of the one that it was found
///   to be a part of; by one of bytes that its content contains; or by one of the incident that
///   it belongs to, or that lists it among its signatures.
/// - **An incident** is muted by an entry of its id, or of the id of the one that it has become
///   part of; or by the entries of its signatures, when all of them are muted.
///
/// So what joins a muted incident is muted with it. Where a muted incident becomes part of an
/// older one that is not, the signatures that the entry lists stay muted, and the older one
/// stays as it was.
///
/// **Except:** an incident that has become an *outbreak* is told, and so are its signatures
/// ([`Verdict::Changed`]), unless the entry of the incident says that it was one when it was
/// muted. Entries of signatures themselves, and of contents, hold whatever the kind.
///
/// Of several entries the first of the file that holds is named. Costs a look-up a finding, and
/// for a signature one pass over its content for the bytes of all entries.
#[derive(Debug, Default)]
pub struct Mutes {
    entries: Vec<Entry>,
    /// Places of entries by their id, and by the ids of signatures that they list.
    by_id: HashMap<String, Vec<usize>>,
    by_member: HashMap<String, Vec<usize>>,
    contents: Contents,
}

/// What the entries say of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is told as any other.
    Open,
    /// It is muted.
    Muted(Muted),
    /// It would be muted, had its incident not become an outbreak.
    Changed {
        /// The incident of the entry.
        incident: String,
        /// What it was when it was muted, if that is known.
        was: Option<Kind>,
        /// The entry.
        entry: Muted,
    },
}

impl Verdict {
    /// The entry that mutes it, if one does.
    pub fn muted(self) -> Option<Muted> {
        match self {
            Self::Muted(muted) => Some(muted),
            Self::Open | Self::Changed { .. } => None,
        }
    }
}

/// An entry that is about a finding, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct About {
    place: usize,
    /// Whether it is by the incident, which may become an outbreak.
    by_incident: bool,
}

/// The bytes of entries, to be looked for at once.
#[derive(Debug, Default)]
struct Contents {
    /// The entry of each pattern.
    places: Vec<usize>,
    /// None where there is nothing to look for, or too much for one automaton.
    automaton: Option<AhoCorasick>,
}

impl Mutes {
    /// These entries, in the order of the file.
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let mut mutes = Self::default();
        let mut patterns = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            match &entry.subject {
                Subject::Id { id, signatures, .. } => {
                    mutes.by_id.entry(id.clone()).or_default().push(place);
                    for id in signatures {
                        mutes.by_member.entry(id.clone()).or_default().push(place);
                    }
                }
                Subject::Content(bytes) => {
                    mutes.contents.places.push(place);
                    patterns.push(&bytes[..]);
                }
            }
        }
        let automaton = (!patterns.is_empty()).then(|| AhoCorasick::new(patterns).ok());
        mutes.contents.automaton = automaton.flatten();
        mutes.entries = entries;
        mutes
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the entries say of a signature.
    pub fn signature(&self, signature: &Signature) -> Verdict {
        let own = [Some(&signature.id), signature.part_of.as_ref()];
        let mut about = found(&self.by_id, own, false);
        self.holding(&signature.content, &mut about);
        about.extend(found(&self.by_id, [signature.incident.as_ref()], true));
        about.extend(found(&self.by_member, own, true));
        self.first_of(about, signature.last_seen, signature.kind)
    }

    /// What the entries say of an incident by its id.
    pub(super) fn incident(&self, incident: &Incident) -> Verdict {
        let about =
            found(&self.by_id, [Some(&incident.id), incident.part_of.as_ref()], true);
        self.first_of(about, incident.last_seen, incident.kind)
    }

    /// Adds the entries of bytes that a content contains.
    fn holding(&self, content: &[u8], about: &mut Vec<About>) {
        let of = |place| About { place, by_incident: false };
        let places = &self.contents.places;
        match &self.contents.automaton {
            Some(automaton) => about.extend(
                automaton
                    .find_overlapping_iter(content)
                    .map(|it| of(places[it.pattern().as_usize()])),
            ),
            None => about.extend(
                (places.iter().copied())
                    .filter(|place| contains(content, &self.entries[*place]))
                    .map(of),
            ),
        }
    }

    /// The first of these entries that holds for what was last seen then and is of this kind.
    fn first_of(
        &self,
        mut about: Vec<About>,
        last_seen: Timestamp,
        kind: Kind,
    ) -> Verdict {
        about.sort_unstable();
        let mut verdict = Verdict::Open;
        for About { place, by_incident } in about {
            let entry = &self.entries[place];
            if entry.until.is_some_and(|until| last_seen >= until) {
                continue;
            }
            let muted = Muted {
                entry: entry.subject.name(),
                reason: entry.reason.clone(),
                until: entry.until,
            };
            match &entry.subject {
                Subject::Id { id, kind: was, .. }
                    if by_incident
                        && kind == Kind::Outbreak
                        && *was != Some(Kind::Outbreak) =>
                {
                    if verdict == Verdict::Open {
                        verdict = Verdict::Changed {
                            incident: id.clone(),
                            was: *was,
                            entry: muted,
                        };
                    }
                }
                _ => return Verdict::Muted(muted),
            }
        }
        verdict
    }
}

/// The entries of these ids.
fn found<'a>(
    index: &HashMap<String, Vec<usize>>,
    ids: impl IntoIterator<Item = Option<&'a String>>,
    by_incident: bool,
) -> Vec<About> {
    let places = ids.into_iter().flatten().filter_map(|id| index.get(id));
    places.flatten().map(|place| About { place: *place, by_incident }).collect()
}

/// Whether a content contains the bytes of an entry: the definition.
pub(super) fn contains(content: &[u8], entry: &Entry) -> bool {
    match &entry.subject {
        Subject::Content(bytes) => {
            content.windows(bytes.len().max(1)).any(|window| window == &bytes[..])
        }
        _ => false,
    }
}
