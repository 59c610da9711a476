//! A MISP event: one attribute a rule, and the infected sources.

use super::rule::{Rule, RuleOptions};
use super::stix::{description, uuid};
use super::suricata;
use serde_json::{Value, json};
use std::net::IpAddr;
use wormsift::packet::Site;

/// An event of these rules, JSON. It is neither published nor meant for detection
/// without a look.
pub fn event(rules: &[Rule<'_>], options: &RuleOptions) -> String {
    let first = rules.iter().map(|rule| rule.signature.detected_at).min();
    let date = first.unwrap_or_default().to_string();
    let attributes: Vec<Value> =
        rules.iter().flat_map(|rule| attributes(rule, options)).collect();
    let ids: Vec<&str> = rules.iter().map(|rule| &*rule.signature.id).collect();
    let event = json!({ "Event": {
        "uuid": uuid(&format!("event {}", ids.join(" "))),
        "info": "wormsift: contents seen to spread",
        "date": date.get(..10).unwrap_or_default(),
        "threat_level_id": "4",
        "analysis": "0",
        "distribution": "0",
        "published": false,
        "Attribute": attributes,
    }});
    format!("{event:#}\n")
}

fn attributes(rule: &Rule<'_>, options: &RuleOptions) -> Vec<Value> {
    let it = rule.signature;
    let comment = description(rule);
    // Types that every instance since 2.4 knows: one that it does not know makes it refuse
    // the whole event. `snort` is the type of all rules of this syntax, Suricata's too.
    let attribute = |kind: &str, value: String, (site, role): (Option<Site>, &str)| {
        // What is private to a site is another host at another one.
        let site = site.map_or_else(String::new, |site| format!("%{site}"));
        let role = if site.is_empty() {
            role.to_owned()
        } else {
            format!("{role}{value}{site}, ")
        };
        json!({
            "uuid": uuid(&format!("attribute {kind} {} {value}{site}", it.id)),
            "type": kind,
            "category": "Network activity",
            "value": value,
            "comment": format!("{role}{comment}"),
            "to_ids": false,
        })
    };
    let relays = it.relays.iter().map(|relay| relay.host);
    let mut list = vec![attribute("snort", suricata::rule(rule, options), (None, ""))];
    list.extend(relays.map(|host| {
        let network = it.addresses.network(host);
        let text = match host.address() {
            IpAddr::V6(_) if network.parts().1 < 128 => network.to_string(),
            address => address.to_string(),
        };
        attribute("ip-src", text, (host.site(), "Relay: "))
    }));
    list
}

#[cfg(test)]
mod tests {
    use super::super::rule::tests::{SID, signature};
    use super::*;
    use wormsift::signature::Relay;

    #[test]
    fn relays_of_two_sites_are_two_attributes() {
        let mut signature = signature(b"some content that is long enough");
        let relay =
            |text: &str| Relay { host: text.parse().unwrap(), ..Relay::default() };
        signature.relays =
            ["10.0.0.1%berlin", "10.0.0.1%paris", "10.0.0.1"].map(relay).to_vec();
        let options = RuleOptions::default();
        let rule = Rule::new(&signature, SID, &options).unwrap();
        let value: Value = serde_json::from_str(&event(&[rule], &options)).unwrap();
        let relays = &value["Event"]["Attribute"].as_array().unwrap()[1..];
        let ids: std::collections::BTreeSet<&str> =
            relays.iter().map(|it| it["uuid"].as_str().unwrap()).collect();
        assert_eq!((relays.len(), ids.len()), (3, 3));
        assert!(relays.iter().all(|it| it["value"] == "10.0.0.1"));
        let comment = |at: usize| relays[at]["comment"].as_str().unwrap();
        assert!(
            comment(0).starts_with("Relay: 10.0.0.1%berlin, ")
                && !comment(2).contains('%')
        );
    }

    #[test]
    fn an_event_holds_the_rule_and_is_not_for_blocking() {
        let signature = signature(b"some content that is long enough");
        let options = RuleOptions::default();
        let rule = Rule::new(&signature, SID, &options).unwrap();
        let value: Value = serde_json::from_str(&event(&[rule], &options)).unwrap();
        let event = &value["Event"];
        assert_eq!(event["date"], "2023-11-14");
        assert_eq!(event["Attribute"][0]["type"], "snort");
        assert_eq!(event["Attribute"][0]["category"], "Network activity");
        assert_eq!(event["Attribute"][0]["to_ids"], false);
        assert_eq!(event["Attribute"].as_array().unwrap().len(), 1);
    }
}
