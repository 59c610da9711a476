//! One signature in full.

use super::time_cell;
use crate::output::grounds::grounds;
use crate::output::table::{brief, host_count, moment};
use wormsift::packet::Host;
use wormsift::signature::Signature;
use wormsift_export::html::escape::hex_dump;
use wormsift_export::html::markup::Markup;
use wormsift_export::html::tables::{headings, number, scrolling};
use wormsift_export::text::{counted, service};

pub(super) fn draw(page: &mut Markup, rank: usize, s: &Signature) {
    let id = format!("s{}", s.id);
    page.element("section", &[("id", &id), ("class", "signature")], |page| {
        page.element("h3", &[], |page| {
            page.text(&format!("{rank}. "));
            page.leaf("code", &[], &s.id);
        });
        facts(page, s);
        for reason in &s.evidence.reasons {
            page.leaf("p", &[], reason);
        }
        relays(page, s);
        for (name, list) in
            [("Sources", &s.source_list), ("Destinations", &s.destination_list)]
        {
            hosts(page, name, list);
        }
        samples(page, s);
        bytes(page, "Content", &s.content, true);
        let others = s.tokens.iter().filter(|token| **token != s.content);
        for (token, number) in others.zip(1..) {
            bytes(page, &format!("Token {number}"), token, false);
        }
    });
}

fn facts(page: &mut Markup, s: &Signature) {
    page.element("dl", &[("class", "setting")], |page| {
        let name = service(s);
        let served = match s.port {
            None => format!("{name}, any port"),
            Some(_) if name.starts_with("icmp") => format!("{name} (type/code)"),
            Some(_) => format!("{name} ({} port)", s.port_rule),
        };
        for (name, value) in [
            ("Alarm", s.alarm.name().to_owned()),
            ("Confidence", s.confidence.name().to_owned()),
            ("Service", served),
            ("Seen in", counted(s.packets, "packet")),
            (
                "Hosts",
                format!(
                    "{} to {}",
                    host_count(s.source_count(), "source"),
                    host_count(s.destination_count(), "destination")
                ),
            ),
            ("First seen", first_seen(s)),
            ("Detected at", moment(s.detected_at)),
            ("Last seen", moment(s.last_seen)),
        ] {
            page.leaf("dt", &[], name);
            page.leaf("dd", &[], &value);
        }
        for (name, value) in grounds(s) {
            page.leaf("dt", &[], &capitalised(name));
            page.leaf("dd", &[], &value);
        }
    });
}

fn first_seen(s: &Signature) -> String {
    match s.may_be_earlier() {
        true => format!("{}, perhaps earlier", moment(s.first_seen)),
        false => moment(s.first_seen),
    }
}

fn capitalised(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_uppercase() + rest
}

fn relays(page: &mut Markup, s: &Signature) {
    if s.relays.is_empty() {
        return;
    }
    let caption = format!(
        "Passed on by {}, spread {}",
        counted(s.relays.len() as u64, "host"),
        crate::output::table::number(s.spread_count())
    );
    page.leaf("p", &[], &format!("{caption}:"));
    scrolling(page, "plain", &caption, |page| {
        headings(page, &["Host", "#Received", "#Sent", "#To hosts"]);
        page.element("tbody", &[], |page| {
            for relay in &s.relays {
                page.element("tr", &[], |page| {
                    page.leaf("td", &[], &relay.host.to_string());
                    match relay.received_at {
                        Some(time) => time_cell(page, time),
                        None => number(page, "not recorded"),
                    }
                    time_cell(page, relay.sent_at);
                    number(page, &brief(relay.fan_out_count()));
                });
            }
        });
    });
}

fn hosts(page: &mut Markup, name: &str, list: &[Host]) {
    if list.is_empty() {
        return;
    }
    let hosts: Vec<String> = list.iter().map(ToString::to_string).collect();
    page.element("p", &[("class", "hosts")], |page| {
        page.leaf("b", &[], &format!("{name} "));
        page.text(&hosts.join(", "));
    });
}

fn samples(page: &mut Markup, s: &Signature) {
    if s.samples.is_empty() {
        return;
    }
    page.element("details", &[], |page| {
        page.leaf("summary", &[], &counted(s.samples.len() as u64, "sample"));
        scrolling(page, "plain", "Where it was seen", |page| {
            headings(page, &["#Packet", "#Time", "From", "To", "#Offset"]);
            page.element("tbody", &[], |page| {
                for sample in &s.samples {
                    page.element("tr", &[], |page| {
                        number(page, &sample.packet.to_string());
                        time_cell(page, sample.time);
                        for (host, port) in [
                            (sample.source, sample.source_port),
                            (sample.destination, sample.destination_port),
                        ] {
                            page.leaf("td", &[], &format!("{host} port {port}"));
                        }
                        number(page, &sample.offset.to_string());
                    });
                }
            });
        });
    });
}

fn bytes(page: &mut Markup, name: &str, bytes: &[u8], open: bool) {
    let attributes: &[_] = if open { &[("open", "open")] } else { &[] };
    page.element("details", attributes, |page| {
        let length = counted(bytes.len() as u64, "byte");
        page.leaf("summary", &[], &format!("{name}, {length}"));
        page.leaf("pre", &[], &hex_dump(bytes));
    });
}
