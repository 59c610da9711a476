use super::*;
use crate::output::table::testing::{host, signature};
use roxmltree::{Document, ParsingOptions};
use wormsift::packet::Timestamp;
use wormsift::signature::{IncidentHost, Relay};

const HOSTILE: &[u8] = b"</code></td><script>alert(1)</script>\x1b[2J\xff\"'&";

fn findings(signatures: &[Signature]) -> String {
    page_of(signatures, &[])
}

fn page_of(signatures: &[Signature], incidents: &[Incident]) -> String {
    render(&Findings {
        command: "wormsift detect '<b>.pcap'".to_owned(),
        tool: "wormsift 0".to_owned(),
        incidents: incidents.iter().collect(),
        signatures,
        muted: Vec::new(),
        warnings: &["a <script> warns".to_owned()],
        stats: serde_json::json!({"packet_counters": {"packets": 1234567, "empty": 0}, "x": {"y": 0}}),
        settings: "beta = 40\n".to_owned(),
    })
}

fn check(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(page, options).expect("well-formed XML");
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(!["script", "img", "link", "iframe"].contains(&node.tag_name().name()));
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on") && attribute.name() != "src");
            if attribute.name() == "href" {
                let target = attribute.value().strip_prefix('#').expect("a place here");
                assert!(
                    document.descendants().any(|n| n.attribute("id") == Some(target))
                );
            }
        }
    }
    document
}

#[test]
fn hostile_bytes_stay_text_and_nothing_is_missing() {
    let mut found = signature(7, 3, 40, HOSTILE);
    found.evidence.reasons = vec!["Because <i>.".to_owned()];
    found.tokens = vec![HOSTILE.to_vec(), b"second token".to_vec()];
    found.relays = vec![Relay {
        host: host(9),
        received_at: None,
        sent_at: Timestamp::from_nanos(1_074_556_799_000_000_000),
        fan_out: 3,
        ..Relay::default()
    }];
    let page = findings(&[signature(8, 0, 31, b"other"), found]);
    let document = check(&page);
    let text: String = document.descendants().filter_map(|node| node.text()).collect();
    for expected in [
        "</code></td><script>alert(1)</script>.[2J.\"'&",
        "Because <i>.",
        "192.0.2.9",
        "1,234,567",
        "3c 2f 63 6f 64 65",
        "second token",
        "a <script> warns",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    // What was passed on comes first.
    assert!(
        page.find("#s00000000000000000000000000000007")
            < page.find("#s00000000000000000000000000000008")
    );
}

#[test]
fn nothing_found_is_a_page_too() {
    let page = findings(&[]);
    check(&page);
    assert!(page.contains("No signature was found."));
    assert!(page.contains("No incident was found."));
    assert!(!page.contains("<svg"));
}

/// One of this kind, whose first host passed a content on to the others.
fn incident(id: u128, kind: Kind, confidence: Confidence, relays: u8) -> Incident {
    let time = |n: u8| Timestamp::from_nanos(1_000_000_000 * (1_000 + u64::from(n)));
    let relay = |n: u8| IncidentHost {
        host: host(n),
        first_seen: Some(time(n)),
        received_from: Some(host(if n > 1 { 1 } else { 100 })),
        generation: 1 + u32::from(n > 1),
        fan_out: 3,
    };
    Incident {
        id: format!("{id:032x}"),
        kind,
        confidence,
        signatures: vec![format!("{:032x}", id % 100), format!("{:032x}", 1_000)],
        services: vec![(6, Some(25)), (17, Some(53))],
        hosts: (1..=relays).map(relay).collect(),
        relays: relays.into(),
        generations: 1 + u32::from(relays > 1),
        detected_at: time(relays / 2),
        first_seen: time(0),
        reasons: vec![format!("Ground <i>{id}</i>.")],
        ..Incident::default()
    }
}

#[test]
fn incidents_lead_outbreaks_first_with_their_signatures_and_pictures() {
    let signatures = [signature(7, 3, 40, HOSTILE), signature(8, 0, 31, b"other")];
    let page = page_of(
        &signatures,
        &[
            incident(107, Kind::ForwardingService, Confidence::Medium, 3),
            incident(208, Kind::Outbreak, Confidence::High, 12),
            incident(307, Kind::ScanCampaign, Confidence::Low, 0),
        ],
    );
    let document = check(&page);
    let sections: Vec<_> = document
        .descendants()
        .filter(|it| it.attribute("class") == Some("incident"))
        .collect();
    let text = |n: usize| -> String {
        sections[n].descendants().filter_map(|it| it.text()).collect()
    };
    let ids: Vec<&str> = sections.iter().filter_map(|it| it.attribute("id")).collect();
    assert_eq!(ids, [208, 107, 307].map(|id| format!("i{id:032x}")));
    assert!(page.find(ids[2]) < page.find("id=\"ranking\""));
    let classes = |n: usize| -> Vec<&str> {
        let figures = sections[n].descendants().filter(|it| it.has_tag_name("figure"));
        figures.filter_map(|it| it.attribute("class")).collect()
    };
    assert_eq!(classes(0), ["timeline", "tree"]);
    assert_eq!(classes(1), ["timeline"]);
    assert!(classes(2).is_empty());
    for part in [
        "1. Outbreak, high confidence, tcp/25, udp/53",
        "Ground <i>208</i>.",
        "12 hosts in 2 generations",
    ] {
        assert!(text(0).contains(part), "{part} in {}", text(0));
    }
    assert!(!text(0).contains("relay_exempt"));
    let values =
        "192.0.2.1:25 192.0.2.1:53 192.0.2.2:25 192.0.2.2:53 192.0.2.3:25 192.0.2.3:53";
    assert!(text(1).contains(values), "{}", text(1));
    // A signature that the page does not hold is named, and leads nowhere.
    let links: Vec<&str> =
        sections[0].descendants().filter_map(|it| it.attribute("href")).collect();
    assert_eq!(links, [format!("#s{:032x}", 8)]);
    assert!(text(0).contains(&format!("{:032x}", 1_000)));
    assert!(page.contains("<h1>3 incidents, 2 signatures</h1>"));
}

#[test]
fn many_incidents_are_a_page_of_bounded_size() {
    let of = |n| incident(n, Kind::Outbreak, Confidence::High, 90);
    let many: Vec<Incident> = (0..2_000).map(of).collect();
    let page = page_of(&[], &many);
    let document = check(&page);
    let figures = document.descendants().filter(|it| it.has_tag_name("figure"));
    assert_eq!(figures.count(), 2 * PICTURED);
    assert!(page.contains("and 1,900 more"));
    assert!(page.len() < 1_000_000, "{}", page.len());
}

/// For `.ci/page`: pages for a browser to draw.
#[test]
fn pages_to_look_at() {
    let Some(folder) = std::env::var_os("WORMSIFT_PAGES") else { return };
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let many: Vec<Signature> =
        (0..130).map(|n| signature(n, n % 5, 30 + n, &HOSTILE.repeat(9))).collect();
    let kinds = (0..).zip(Kind::ALL);
    let incidents: Vec<Incident> = kinds
        .map(|(n, kind)| incident(100 * n + 3, kind, Confidence::Medium, 40 + n as u8))
        .collect();
    std::fs::write(folder.join("findings.html"), page_of(&many, &incidents)).unwrap();
    std::fs::write(folder.join("findings-none.html"), findings(&[])).unwrap();
}
