//! The ranked table of incidents, and under it the first ones in full.

use crate::output::columns::{self, Column, column, grade};
use crate::output::table::{
    BLOCKS, RELAYS, ROWS, Ranking, block, brief, host_count, moment, wrapped,
};
use crate::output::talk::{Paint, Palette};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use wormsift::signature::{Incident, Kind};
use wormsift_export::mute::Muted;
use wormsift_export::text::{counted, grouped, service_name};
use wormsift_run::grounds::blind;

/// Incidents that are kept at the same time; those that come last in the table go first.
const MOST: usize = 16 * ROWS;

/// The last word on each incident.
#[derive(Default)]
pub(crate) struct Incidents {
    by_id: BTreeMap<String, Incident>,
    left_out: u64,
}

impl Incidents {
    /// Takes what is new of one.
    pub(crate) fn take(&mut self, incident: Incident) {
        if incident.part_of.is_some() {
            return self.remove(&incident.id);
        }
        self.by_id.insert(incident.id.clone(), incident);
        if self.by_id.len() > MOST {
            let last = self.by_id.values().max_by(|a, b| a.by_rank(b));
            if let Some(id) = last.map(|incident| incident.id.clone()) {
                self.by_id.remove(&id);
                self.left_out += 1;
            }
        }
    }

    /// Forgets one.
    pub(crate) fn remove(&mut self, id: &str) {
        self.by_id.remove(id);
    }

    /// In the order in which a person should read them.
    pub(crate) fn ranked(self) -> Vec<Incident> {
        let mut incidents: Vec<_> = self.by_id.into_values().collect();
        incidents.sort_by(Incident::by_rank);
        incidents
    }

    /// The table and the blocks under it; `signatures` are the best of all.
    pub(crate) fn render(
        self,
        signatures: &Ranking,
        width: Option<usize>,
        palette: Palette,
    ) -> String {
        let left_out = self.left_out;
        let mut incidents = self.ranked();
        if incidents.is_empty() {
            return "no signature found\n".to_owned();
        }
        let others = left_out + incidents.len().saturating_sub(ROWS) as u64;
        incidents.truncate(ROWS);
        let mut text =
            columns::table(&incidents, &COLUMNS, ("services", services), width, palette);
        if others > 0 {
            let _ = writeln!(text, "and {} more", grouped(others));
        }
        for (index, incident) in incidents.iter().take(BLOCKS).enumerate() {
            text.push('\n');
            in_full(&mut text, Some(index + 1), incident, palette);
            let strongest = incident.signatures.first().and_then(|id| signatures.get(id));
            if let Some(signature) = strongest.filter(|_| !incident.kind.is_by_trade()) {
                let _ = writeln!(text, "   its strongest signature:");
                block(&mut text, None, signature, palette);
            }
        }
        text
    }
}

/// All but the services, which take what is left.
const COLUMNS: [Column<Incident>; 11] = [
    column("rank", true, 0, |rank, _| rank.to_string()),
    column("kind", false, 0, |_, it| words(it.kind)),
    grade(|it| it.confidence),
    column("relays", true, 0, |_, it| grouped(it.relays.into())),
    column("chain", true, 4, |_, it| grouped(it.generations.into())),
    column("sources", true, 1, |_, it| brief(it.sources)),
    column("destinations", true, 2, |_, it| brief(it.destinations)),
    column("spread", true, 0, |_, it| brief(it.spread)),
    column("signatures", true, 3, |_, it| grouped(it.signatures.len() as u64)),
    column("first seen", false, 6, |_, it| moment(it.first_seen)),
    column("detected at", false, 5, |_, it| moment(it.detected_at)),
];

/// A kind as a person reads it.
pub(crate) fn words(kind: Kind) -> String {
    kind.name().replace('_', " ")
}

/// Protocols and ports, as many as fit.
fn services(incident: &Incident, width: usize) -> String {
    let names =
        incident.services.iter().map(|(protocol, port)| service_name(*protocol, *port));
    let mut text = String::new();
    for name in names {
        let gap = if text.is_empty() { "" } else { ", " };
        if text.len() + gap.len() + name.len() > width {
            break;
        }
        let _ = write!(text, "{gap}{name}");
    }
    text
}

/// One incident by itself, before its strongest signature.
pub(crate) fn text(
    incident: &Incident,
    muted: Option<&Muted>,
    palette: Palette,
) -> String {
    let mut text = String::new();
    in_full(&mut text, None, incident, palette);
    if let Some(muted) = muted {
        let _ = writeln!(text, "   muted {}", muted.words());
    }
    text += "\nits strongest signature:\n";
    text
}

/// One incident in full, with its rank if it has one.
fn in_full(text: &mut String, rank: Option<usize>, it: &Incident, palette: Palette) {
    let title = match rank {
        Some(rank) => format!("{rank}. {}", it.id),
        None => it.id.clone(),
    };
    let _ = writeln!(
        text,
        "{}  {}, {} confidence",
        palette.paint(Paint::Bold, &title),
        words(it.kind),
        it.confidence.name()
    );
    let _ = writeln!(
        text,
        "   {} at {}, from {} to {}",
        counted(it.signatures.len() as u64, "signature"),
        services(it, usize::MAX),
        host_count(it.sources, "source"),
        host_count(it.destinations, "destination"),
    );
    let _ = writeln!(
        text,
        "   first seen {}, detected at {}, last seen {}",
        moment(it.first_seen),
        moment(it.detected_at),
        moment(it.last_seen)
    );
    for reason in &it.reasons {
        wrapped(text, "why: ", reason.split(' '), " ");
    }
    if let Some(blind) = blind(&it.blind) {
        wrapped(text, "blind meanwhile: ", blind.split(' '), " ");
    }
    if let Some(growth) = it.growth.filter(|growth| growth.doubling_seconds > 0.0) {
        let _ = writeln!(text, "   relays double in {:.1} s", growth.doubling_seconds);
    }
    if it.relays > 0 {
        let _ = writeln!(
            text,
            "   passed on by {}, longest chain {}:",
            counted(it.relays.into(), "host"),
            it.generations
        );
        let relays = || it.hosts.iter().filter(|host| host.generation > 0);
        for host in relays().take(RELAYS) {
            let _ = writeln!(
                text,
                "      {:15}  received {}  from {}  sent to {}",
                host.host.to_string(),
                host.first_seen.map_or_else(|| "(not recorded)".to_owned(), moment),
                host.received_from
                    .map_or_else(|| "(not known)".to_owned(), |it| it.to_string()),
                host_count(host.fan_out_count(), "host")
            );
        }
        let others = relays().count().saturating_sub(RELAYS);
        if others > 0 {
            let _ = writeln!(text, "      and {others} more");
        }
    }
    if it.kind.is_by_trade() {
        let ends: Vec<String> = it
            .relay_exempt()
            .into_iter()
            .map(|(host, port)| wormsift_export::text::end(host, port))
            .collect();
        if !ends.is_empty() {
            wrapped(
                text,
                "to silence it: relay_exempt = ",
                ends.iter().map(String::as_str),
                ", ",
            );
        }
    }
    wrapped(
        text,
        "signatures: ",
        it.signatures.iter().take(RELAYS).map(String::as_str),
        ", ",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::table::testing::{host, signature};
    use wormsift::packet::Timestamp;
    use wormsift::signature::{Confidence, Count, IncidentHost};

    fn incident(id: u32, kind: Kind, confidence: Confidence, spread: u32) -> Incident {
        let time = Timestamp::from_nanos(1_074_556_799_123_456_789);
        let relay = IncidentHost {
            host: host(7),
            first_seen: Some(time),
            received_from: Some(host(9)),
            generation: 1,
            fan_out: 12,
        };
        Incident {
            id: format!("{id:032x}"),
            kind,
            confidence,
            signatures: vec![format!("{:032x}", 500 + id)],
            services: vec![(6, Some(445)), (17, None)],
            hosts: vec![relay, IncidentHost { host: host(9), ..IncidentHost::default() }],
            relays: 1,
            generations: 1,
            sources: Count::exact(20),
            destinations: Count::about(900),
            spread: Count::exact(spread),
            first_seen: time,
            detected_at: time,
            last_seen: time,
            reasons: vec!["The reason.".to_owned()],
            ..Incident::default()
        }
    }

    fn rendered(incidents: Vec<Incident>, signatures: &Ranking) -> String {
        let mut all = Incidents::default();
        incidents.into_iter().for_each(|incident| all.take(incident));
        all.render(signatures, Some(160), Palette(false))
    }

    #[test]
    fn an_outbreak_is_told_with_its_hosts_and_strongest_signature() {
        let signatures = Ranking::of(&[signature(501, 41, 60, b"planted content")]);
        let it = incident(1, Kind::Outbreak, Confidence::High, 41);
        let text = rendered(vec![it], &signatures);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "rank  kind      grade  relays  chain  sources  destinations  spread  signatures  \
             first seen               detected at              services"
        );
        assert_eq!(
            lines[1],
            "   1  outbreak  high        1      1       20          ~900      41           1  \
             2004-01-19 23:59:59.123  2004-01-19 23:59:59.123  tcp/445, udp"
        );
        for part in [
            "1. 00000000000000000000000000000001  outbreak, high confidence",
            "1 signature at tcp/445, udp, from 20 sources to about 900 destinations",
            "why: The reason.",
            "passed on by 1 host, longest chain 1:",
            "192.0.2.7        received 2004-01-19 23:59:59.123  from 192.0.2.9  sent to 12 hosts",
            "its strongest signature:",
            "|planted content|",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("relay_exempt"), "{text}");
        assert!(!text.contains("blind"), "{text}");
    }

    #[test]
    fn who_was_blind_is_said_of_an_incident_and_of_its_signature() {
        let mut of_it = signature(501, 41, 60, b"planted content");
        of_it.blind = [("edge".to_owned(), 1)].into();
        of_it.withheld = ["core".to_owned(), "lab".to_owned()].into();
        let mut it = incident(1, Kind::Outbreak, Confidence::High, 41);
        it.blind = [("core".to_owned(), 12), ("edge".to_owned(), 1)].into();
        let text = rendered(vec![it], &Ranking::of(&[of_it]));
        for line in [
            "blind meanwhile: core 12 seconds, edge 1 second",
            "blind meanwhile: edge 1 second",
            "payload withheld by: core, lab",
        ] {
            let lines = text.lines().filter(|it| it.trim() == line);
            assert_eq!(lines.count(), 1, "{line}\n{text}");
        }
    }

    #[test]
    fn a_forwarding_service_is_told_once_with_what_silences_it() {
        let signatures = Ranking::of(&[signature(501, 41, 60, b"planted content")]);
        let it = incident(1, Kind::ForwardingService, Confidence::Medium, 41);
        let text = rendered(vec![it], &signatures);
        assert!(text.contains("to silence it: relay_exempt = 192.0.2.7:445\n"), "{text}");
        assert!(!text.contains("strongest signature"), "{text}");
    }

    #[test]
    fn the_last_word_counts_outbreaks_lead_and_parts_are_gone() {
        use Confidence::{High, Low, Medium};
        let told = vec![
            incident(1, Kind::ForwardingService, Medium, 90),
            incident(2, Kind::Unclear, High, 5),
            incident(2, Kind::Outbreak, Medium, 5),
            incident(3, Kind::Outbreak, High, 4),
            incident(4, Kind::ScanCampaign, Low, 0),
            incident(5, Kind::Outbreak, High, 50),
            Incident {
                part_of: Some("x".to_owned()),
                ..incident(5, Kind::Outbreak, High, 9)
            },
        ];
        let mut all = Incidents::default();
        told.into_iter().for_each(|incident| all.take(incident));
        let ids: Vec<u32> = all
            .ranked()
            .iter()
            .map(|it| u32::from_str_radix(&it.id, 16).unwrap())
            .collect();
        assert_eq!(ids, [3, 2, 1, 4]);
    }

    #[test]
    fn a_hundred_are_shown_and_the_others_counted() {
        let many = (0..250).map(|id| incident(id, Kind::Unclear, Confidence::Low, id));
        let text = rendered(many.collect(), &Ranking::default());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[ROWS + 1], "and 150 more");
        assert_eq!(lines[1].split_whitespace().nth(7), Some("249"));
        assert_eq!(rendered(Vec::new(), &Ranking::default()), "no signature found\n");
    }
}
