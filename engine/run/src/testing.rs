//! Signatures for tests of what people see.

use wormsift::packet::{AddressPlan, Host, Timestamp};
use wormsift::signature::{
    Alarm, Confidence, Evidence, FirstSighting, Kind, PortCounts, Precision, Relay,
    Roles, Signature,
};

/// One of 256 hosts.
pub fn host(last: u8) -> Host {
    Host::of([192, 0, 2, last].into(), 64)
}

/// A signature with these figures.
pub fn signature(id: u32, spread: u32, sources: u32, content: &[u8]) -> Signature {
    let time = Timestamp::from_nanos(1_074_556_799_123_456_789);
    Signature {
        id: format!("{id:032x}"),
        alarm: Alarm::Propagation,
        confidence: Confidence::High,
        kind: Kind::Outbreak,
        incident: None,
        protocol: wormsift::packet::protocol::UDP,
        port: Some(4_444),
        port_rule: "destination".to_owned(),
        part_of: None,
        content: content.to_vec(),
        tokens: vec![content.to_vec()],
        tokens_ordered: true,
        packets: 12_345,
        sources,
        sources_precision: Precision::Exact,
        destinations: 1_000,
        destinations_precision: Precision::About,
        source_list: (0..64).map(host).collect(),
        destination_list: vec![host(200)],
        roles: Roles::default(),
        ports: PortCounts::default(),
        spread,
        relays: vec![Relay {
            host: host(1),
            received_at: None,
            sent_at: time,
            fan_out: 1,
            ..Relay::default()
        }],
        population: None,
        taps: std::collections::BTreeMap::new(),
        blind: std::collections::BTreeMap::new(),
        withheld: std::collections::BTreeSet::new(),
        first_seen: time,
        first_sighting: Some(FirstSighting {
            packet: 1,
            time,
            source: host(0),
            destination: host(200),
            source_port: 4_000,
            destination_port: 4_444,
            certain: true,
        }),
        last_seen: time,
        detected_at: time,
        evidence: Evidence {
            keys: 1,
            alarms: vec![Alarm::Propagation],
            distinct_bytes: 80,
            reasons: vec!["Twelve hosts passed it on.".to_owned()],
            ..Evidence::default()
        },
        samples: Vec::new(),
        addresses: AddressPlan::default(),
    }
}
