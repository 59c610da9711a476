//! The list that was applied before, from its CSV.

use super::render::HEADING;
use super::{Change, Class, Listed};
use crate::text::{is_id, time_of};
use std::collections::BTreeMap;
use wormsift::packet::Network;

/// Reads what [`csv`](super::csv) wrote: hosts, and for each line that cannot be used its number,
/// what is expected and what was found.
pub fn read(text: &str) -> (BTreeMap<Network, Listed>, Vec<String>) {
    let mut hosts = BTreeMap::new();
    let mut damaged = Vec::new();
    for (number, line) in (1_u64..).zip(text.lines()) {
        if line.is_empty() || line.starts_with('#') || line == HEADING {
            continue;
        }
        match host(line) {
            Ok((network, listed)) => {
                hosts.insert(network, listed);
            }
            Err(reason) => damaged.push(format!("line {number}: {reason}")),
        }
    }
    (hosts, damaged)
}

fn host(line: &str) -> Result<(Network, Listed), String> {
    let fields: Vec<&str> = line.splitn(9, ',').collect();
    let [host, class, change, last_seen, until, signature, incident, inside, reason] =
        fields[..]
    else {
        return Err(format!("expected 9 fields, found {}", fields.len()));
    };
    let wrong =
        |expected: &str, found: &str| format!("expected {expected}, found `{found}`");
    let of = |text: &str| time_of(text).ok_or_else(|| wrong("a time", text));
    let class_of = Class::ALL.into_iter().find(|it| it.name() == class);
    let change_of = Change::ALL.into_iter().find(|it| it.name() == change);
    let listed = Listed {
        class: class_of.ok_or_else(|| wrong("confirmed or suspected", class))?,
        change: change_of.ok_or_else(|| wrong("new, changed, same or gone", change))?,
        last_seen: of(last_seen)?,
        until: of(until)?,
        signature: id(signature)?,
        incident: (!incident.is_empty()).then(|| id(incident)).transpose()?,
        inside: match inside {
            "yes" => Some(true),
            "no" => Some(false),
            "" => None,
            other => return Err(wrong("yes, no or nothing", other)),
        },
        reason: reason.to_owned(),
    };
    Ok((host.parse().map_err(|_| wrong("an address or a network", host))?, listed))
}

fn id(text: &str) -> Result<String, String> {
    match is_id(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("expected an id of 32 hexadecimal digits, found `{text}`")),
    }
}
