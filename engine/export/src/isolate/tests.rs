use super::*;
use crate::rule::tests::signature;
use proptest::prelude::*;
use wormsift::packet::{AddressPlan, Host};
use wormsift::signature::PortCounts;

fn host(text: &str) -> Host {
    Host::of(text.parse().unwrap(), 64)
}

fn network(text: &str) -> Network {
    text.parse().unwrap()
}

fn relay(text: &str, proven: Option<bool>) -> Relay {
    Relay { host: host(text), fan_out: 3, new_targets: 3, proven, ..Relay::default() }
}

/// A content of an outbreak, of grade high, with three listed sources.
fn one() -> Signature {
    let mut one = signature(b"some content");
    one.confidence = Confidence::High;
    one.source_list = ["10.0.0.1", "10.0.0.2", "2001:db8:1:2:3::4"].map(host).to_vec();
    one.samples.clear();
    one.relays = vec![relay("10.0.0.1", Some(true)), relay("192.0.2.9", None)];
    one
}

fn list(signatures: &[Signature]) -> IsolationList {
    IsolationList::new(
        signatures,
        &Protected::default(),
        &BTreeMap::new(),
        &IsolateOptions::default(),
    )
}

fn classes(list: &IsolationList) -> Vec<(String, Class, Change)> {
    list.with_gone()
        .map(|(it, listed)| (render::text(it), listed.class, listed.change))
        .collect()
}

#[test]
fn relays_that_are_not_forged_are_confirmed_and_other_senders_suspected() {
    use Change::New;
    use Class::{Confirmed, Suspected};
    let expected = |first| {
        vec![
            ("10.0.0.1".to_owned(), first, New),
            ("10.0.0.2".to_owned(), Suspected, New),
            ("192.0.2.9".to_owned(), Suspected, New),
            ("2001:db8:1:2::/64".to_owned(), Suspected, New),
        ]
    };
    assert_eq!(classes(&list(&[one()])), expected(Confirmed));
    let mut medium = one();
    medium.confidence = Confidence::Medium;
    assert_eq!(classes(&list(&[medium.clone()])), expected(Suspected));
    // The signature that says most has the word, in any order.
    assert_eq!(classes(&list(&[medium.clone(), one()])), expected(Confirmed));
    assert_eq!(classes(&list(&[one(), medium])), expected(Confirmed));
    let mut server = one();
    server.relays[0].began_before = Some(true);
    assert_eq!(classes(&list(&[server])), expected(Suspected));
    let mut mail = one();
    mail.port = Some(25);
    assert_eq!(classes(&list(&[mail])), expected(Suspected));
    // Over all ports it is at the one that it was sent to most.
    for (ports, class) in
        [([(25, 9), (445, 3)], Suspected), ([(25, 3), (445, 9)], Confirmed)]
    {
        let over_all =
            Signature { port: None, ports: PortCounts::of(&ports, 0), ..one() };
        assert_eq!(classes(&list(&[over_all])), expected(class));
    }
}

#[test]
fn a_private_address_is_listed_for_its_own_site_alone() {
    let berlin = |text: &str| format!("{text}%berlin").parse::<Host>().unwrap();
    let mut of_site = one();
    of_site.source_list[..2].copy_from_slice(&["10.0.0.1", "10.0.0.2"].map(berlin));
    of_site.relays[0].host = berlin("10.0.0.1");
    let made = |site: Option<&str>| {
        let site = site.map(|it| it.parse().unwrap());
        let options = IsolateOptions { site, ..IsolateOptions::default() };
        let (protected, applied) = (Protected::default(), BTreeMap::new());
        IsolationList::new([&of_site], &protected, &applied, &options)
    };
    assert_eq!(classes(&made(Some("berlin"))), classes(&list(&[one()])));
    assert_eq!(made(Some("berlin")).left_out.other_site, 0);
    for site in [None, Some("paris")] {
        let list = made(site);
        assert_eq!(list.left_out.other_site, 2);
        let names: Vec<_> = classes(&list).into_iter().map(|it| it.0).collect();
        assert_eq!(names, ["192.0.2.9", "2001:db8:1:2::/64"]);
    }
}

#[test]
fn hosts_expire_after_the_last_sighting() {
    let (mut early, late) = (one(), one());
    early.last_seen = Timestamp::from_nanos(1_000_000_000);
    early.source_list = vec![host("10.0.0.7")];
    early.relays.clear();
    let both = list(&[early.clone(), late.clone()]);
    assert_eq!(both.as_of(), late.last_seen);
    assert!(classes(&both).iter().all(|(host, ..)| host != "10.0.0.7"));
    assert_eq!(both.left_out, LeftOutHosts { expired: 1, ..LeftOutHosts::default() });
    for (_, listed) in both.hosts() {
        assert_eq!(listed.until, late.last_seen + Span::from_secs(86_400));
    }
    let then =
        IsolateOptions { as_of: Some(early.last_seen), ..IsolateOptions::default() };
    let all = IsolationList::new(
        &[early, late],
        &Protected::default(),
        &BTreeMap::new(),
        &then,
    );
    assert_eq!((all.hosts().count(), all.left_out), (5, LeftOutHosts::default()));
}

#[test]
fn a_run_adds_so_many_and_confirmed_ones_first() {
    let options = IsolateOptions { most_new: 2, ..IsolateOptions::default() };
    let none = BTreeMap::new();
    let mut first = IsolationList::new(&[one()], &Protected::default(), &none, &options);
    let names = |list: &IsolationList| -> Vec<String> {
        list.hosts().map(|(it, _)| render::text(it)).collect()
    };
    assert_eq!(names(&first), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(first.left_out.beyond_most, 2);
    // With the list applied, the next run adds the others.
    for (expected, left) in [(4, 0), (4, 0)] {
        let (applied, damaged) = read(&csv(&first));
        assert_eq!(damaged, [""; 0]);
        first = IsolationList::new(&[one()], &Protected::default(), &applied, &options);
        assert_eq!((names(&first).len(), first.left_out.beyond_most), (expected, left));
    }
    assert!(first.hosts().all(|(_, it)| it.change == Change::Same));
}

#[test]
fn what_was_applied_stays_until_it_expires_and_is_gone_then() {
    let before = list(&[one()]);
    let (applied, _) = read(&csv(&before));
    assert_eq!(applied, before.hosts);
    let next = |as_of, protected: &Protected| {
        let options = IsolateOptions { as_of: Some(as_of), ..IsolateOptions::default() };
        IsolationList::new([], protected, &applied, &options)
    };
    let seen = one().last_seen;
    let same = next(seen + Span::from_secs(86_399), &Protected::default());
    assert!(classes(&same).iter().all(|(.., change)| *change == Change::Same));
    let gone = next(seen + Span::from_secs(86_400), &Protected::default());
    assert!(classes(&gone).iter().all(|(.., change)| *change == Change::Gone));
    assert_eq!((gone.hosts().count(), gone.left_out.expired), (0, 4));
    // What is gone is not there at the next run.
    let (applied_then, _) = read(&csv(&gone));
    let options = IsolateOptions { as_of: Some(seen), ..IsolateOptions::default() };
    let after = IsolationList::new([], &Protected::default(), &applied_then, &options);
    assert_eq!(after.with_gone().count(), 0);
    // Protected since: gone at once.
    let protected = Protected::read("10.0.0.0/24 # servers\n").unwrap();
    let fewer = next(seen, &protected);
    assert_eq!((fewer.hosts().count(), fewer.left_out.protected), (2, 2));
}

#[test]
fn files_that_cannot_be_read_are_named_by_line() {
    let refused = Protected::read("10.0.0.1\n\n# all\nmy-gateway\n").unwrap_err();
    assert!(
        refused.starts_with("line 4: ") && refused.contains("`my-gateway`"),
        "{refused}"
    );
    let text = csv(&list(&[one()]));
    let damaged = text.replace("confirmed", "certain");
    let (hosts, lines) = read(&damaged);
    assert_eq!(hosts.len(), 3);
    assert_eq!(lines, ["line 2: expected confirmed or suspected, found `certain`"]);
    assert_eq!(read("10.0.0.1").1, ["line 1: expected 9 fields, found 1"]);
    // What a file of commands could take for more is in none.
    let foreign = text.replace(&one().id, "aa\" } ; flush ruleset");
    assert!(read(&foreign).1.iter().all(|line| line.contains("hexadecimal")));
    let mut odd = one();
    odd.id = "aa\" }; flush ruleset; ,\n".to_owned();
    let odd = list(&[odd]);
    assert_eq!(
        (nftables(&odd).matches("ruleset").count(), read(&csv(&odd)).1.len()),
        (4, 4)
    );
}

#[test]
fn each_form_has_every_host_with_its_expiry() {
    let list = list(&[one()]);
    let nft = nftables(&list);
    let id = one().id;
    let expected = format!("10.0.0.1 timeout 86400s comment \"confirmed {id}\"");
    assert!(nft.contains(&expected), "{nft}");
    assert!(nft.contains("2001:db8:1:2::/64 timeout 86400s"), "{nft}");
    let set = ipset(&list);
    let expected = format!(
        "add -exist wormsift-isolate4-next 10.0.0.2 timeout 86400 comment \"suspected {id}\""
    );
    assert!(set.contains(&expected), "{set}");
    assert!(iprep(&list).contains("\n10.0.0.1,1,127\n10.0.0.2,1,64\n"));
    let bundle: serde_json::Value = serde_json::from_str(&stix(&list)).unwrap();
    let until = &bundle["objects"][0]["valid_until"];
    assert_eq!(bundle["objects"].as_array().unwrap().len(), 4);
    assert_eq!(
        bundle["objects"][3]["pattern"],
        "[ipv6-addr:value = '2001:db8:1:2::/64']"
    );
    assert_eq!(until, &milliseconds_of(list.hosts().next().unwrap().1.until));
    let none = IsolationList::default();
    assert!(!nftables(&none).contains("add element"));
    assert!(!ipset(&none).contains("add -exist"));
}

fn milliseconds_of(time: Timestamp) -> String {
    crate::stix::milliseconds(time)
}

proptest! {
    /// Nobody who is protected is in any form of any list, whatever was applied before.
    #[test]
    fn who_is_protected_is_never_listed(
        hosts in prop::collection::vec(any::<u16>(), 1..40),
        protected in prop::collection::vec((any::<u16>(), 17_u8..=32), 0..6),
        relays in 0_usize..10,
    ) {
        let address = |n: u16| std::net::Ipv4Addr::from(0x0a00_0000 | u32::from(n));
        let text: String = protected
            .iter()
            .map(|(n, prefix)| format!("{}\n", Network::around(address(*n).into(), *prefix)))
            .collect();
        let known = Protected::read(&text).unwrap();
        let mut one = one();
        one.source_list = hosts.iter().map(|n| Host::of(address(*n).into(), 64)).collect();
        one.relays = one.source_list.iter().take(relays).map(|host| Relay {
            host: *host, fan_out: 2, proven: Some(true), ..Relay::default()
        }).collect();
        let (applied, _) = read(&csv(&list(&[one.clone()])));
        for applied in [BTreeMap::new(), applied] {
            let made = IsolationList::new([&one], &known, &applied, &IsolateOptions::default());
            let is_protected = |n: &u16| {
                protected.iter().any(|(p, prefix)| {
                    let shift = 32 - u32::from(*prefix);
                    (u32::from(*p) >> shift) == (u32::from(*n) >> shift)
                })
            };
            let expected: std::collections::BTreeSet<Network> = hosts
                .iter()
                .filter(|n| !is_protected(n))
                .map(|n| Network::around(address(*n).into(), 32))
                .collect();
            let listed: std::collections::BTreeSet<Network> =
                made.hosts().map(|(it, _)| *it).collect();
            prop_assert_eq!(&listed, &expected);
            for host in hosts.iter().filter(|n| is_protected(n)) {
                let host = address(*host).to_string();
                for form in [nftables(&made), ipset(&made), iprep(&made), stix(&made)] {
                    let is_named = form.split(|c: char| !c.is_ascii_digit() && c != '.')
                        .any(|word| word == host);
                    prop_assert!(!is_named, "{}: {}", host, form);
                }
            }
        }
    }
}

#[test]
fn prefixes_and_inside_are_those_of_the_sensor() {
    let mut one = one();
    one.relays.clear();
    one.source_list =
        vec![Host::of("2001:db8::1".parse().unwrap(), 128), host("10.0.0.1")];
    one.addresses =
        AddressPlan { v6_prefix: 128, home_net: vec![network("2001:db8::/32")].into() };
    let list = list(&[one]);
    let found: Vec<_> =
        list.hosts().map(|(it, listed)| (render::text(it), listed.inside)).collect();
    let expected = [
        ("10.0.0.1".to_owned(), Some(false)),
        ("2001:db8::1/128".to_owned(), Some(true)),
    ];
    assert_eq!(found, expected);
}
