//! Strict readers of the emitted rules, written from the formats' own grammars and
//! sharing no code with the writers: what is emitted must read back as the same bytes.

use super::rule::tests::{SID, signature};
use super::{Rule, RuleOptions, snort3, suricata, yara, zeek};
use proptest::prelude::*;

/// Splits a rule into its header and its options, each a name and a value. Only `;`
/// outside quotes ends an option, and inside quotes only `\` escapes.
fn options_of(rule: &str) -> (String, Vec<(String, String)>) {
    let (head, body) = rule.split_once(" (").expect("options in brackets");
    let body = body.strip_suffix(')').expect("a closing bracket");
    let (mut options, mut option, mut quoted, mut escaped) =
        (Vec::new(), String::new(), false, false);
    for c in body.chars() {
        match c {
            ';' if !quoted => {
                let (name, value) = option.split_once(':').unwrap_or((&option, ""));
                options.push((name.trim().to_owned(), value.trim().to_owned()));
                option.clear();
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
        option.push(c);
    }
    assert!(option.trim().is_empty() && !quoted, "an option without an end");
    (head.to_owned(), options)
}

/// The bytes of a quoted content: text, with pairs of digits between bars.
fn content_bytes(quoted: &str) -> Vec<u8> {
    let text =
        quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"')).expect("quotes");
    assert!(!text.is_empty(), "an empty content is refused");
    let mut bytes = Vec::new();
    for (n, part) in text.split('|').enumerate() {
        if n % 2 == 0 {
            assert!(!part.contains([';', '"', '\\', ':']), "an unescaped character");
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        for pair in part.split(' ') {
            assert_eq!(pair.len(), 2, "half a byte");
            bytes.push(u8::from_str_radix(pair, 16).expect("hexadecimal digits"));
        }
    }
    assert_eq!(text.matches('|').count() % 2, 0, "an open bar");
    bytes
}

fn numbers(options: &[(String, String)], name: &str) -> Vec<usize> {
    let of_name = options.iter().filter(|(key, _)| key == name);
    of_name.map(|(_, value)| value.parse().expect("a number")).collect()
}

/// What both engines refuse.
fn check_shape(head: &str, options: &[(String, String)]) {
    let words: Vec<&str> = head.split(' ').collect();
    assert_eq!(words.len(), 7, "{head}");
    assert_eq!((words[0], words[2], words[5]), ("alert", "any", "any"));
    assert!(["tcp", "udp", "icmp", "icmpv6", "ip"].contains(&words[1]));
    assert!(["->", "<>"].contains(&words[4]));
    for port in [words[3], words[6]] {
        assert!(port == "any" || port.parse::<u16>().is_ok(), "{port}");
    }
    assert_eq!(numbers(options, "sid"), [1_500_001]);
    assert_eq!(numbers(options, "rev"), [1]);
    let message = &options.iter().find(|(key, _)| key == "msg").expect("a message").1;
    let plain = |c: char| c.is_ascii_alphanumeric() || " _./-\"".contains(c);
    assert!(message.chars().all(plain), "{message}");
}

fn suricata_tokens(text: &str) -> Vec<Vec<u8>> {
    assert!(text.len() < 8_192, "{} characters", text.len());
    let (head, options) = options_of(text);
    check_shape(&head, &options);
    let fast = options.iter().filter(|(key, _)| key == "fast_pattern").count();
    assert_eq!(fast, 1);
    let tokens: Vec<Vec<u8>> = options
        .iter()
        .filter(|(key, _)| key == "content")
        .map(|(_, value)| content_bytes(value))
        .collect();
    for depth in numbers(&options, "depth") {
        assert!(tokens.iter().all(|token| token.len() <= depth), "depth below content");
    }
    // A relative content needs one before it; a modifier belongs to the content before.
    let mut before = 0;
    for (key, _) in &options {
        before += usize::from(key == "content");
        assert!(key != "distance" || before > 1, "relative to nothing");
    }
    assert!(numbers(&options, "distance").iter().all(|distance| *distance == 0));
    let tcp = head.starts_with("alert tcp ");
    let tied = ["offset", "depth", "dsize"];
    assert!(!tcp || options.iter().all(|(key, _)| !tied.contains(&key.as_str())));
    tokens
}

/// Contents that must follow the one before.
fn suricata_relative(text: &str) -> usize {
    numbers(&options_of(text).1, "distance").len()
}

fn snort_tokens(text: &str) -> Vec<Vec<u8>> {
    let (head, options) = options_of(text);
    check_shape(&head, &options);
    assert!(!head.contains("icmpv6"), "Snort has one name for both");
    let modifiers = ["offset", "depth", "fast_pattern", "distance", "within"];
    assert!(options.iter().all(|(key, _)| !modifiers.contains(&key.as_str())));
    let contents: Vec<&String> =
        options.iter().filter(|(key, _)| key == "content").map(|(_, v)| v).collect();
    let fast = contents.iter().filter(|v| v.ends_with(",fast_pattern")).count();
    assert_eq!(fast, 1);
    let tokens = contents.into_iter().map(|value| {
        let end = value[1..].find('"').expect("a closing quote") + 2;
        for modifier in value[end..].split(',').skip(1) {
            let name = modifier.split(' ').next().unwrap_or_default();
            assert!(modifiers.contains(&name), "{modifier}");
        }
        content_bytes(&value[..end])
    });
    let tokens: Vec<Vec<u8>> = tokens.collect();
    assert!(tokens.iter().all(|token| token.len() <= 2_048));
    tokens
}

/// Patterns of a Zeek signature, each a list of tokens in order.
fn zeek_patterns(text: &str) -> Vec<Vec<Vec<u8>>> {
    let mut lines = text.lines();
    let first = lines.next().expect("a first line");
    let id = first.strip_prefix("signature ").and_then(|l| l.strip_suffix(" {"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    assert!(id.expect("an id").chars().all(plain));
    let mut patterns = Vec::new();
    let mut events = 0;
    for line in lines.by_ref() {
        let line = line.trim();
        if line == "}" {
            break;
        }
        let (key, rest) = line.split_once(' ').expect("a condition");
        match key {
            "payload" => {
                let pattern =
                    rest.strip_prefix("/(?s:.*)").and_then(|p| p.strip_suffix('/'));
                let tokens = pattern.expect("an unanchored pattern").split("(?s:.*)");
                patterns.push(tokens.map(escaped_bytes).collect());
            }
            "event" => events += 1,
            "ip-proto" | "dst-port" | "src-port" => assert!(rest.starts_with("== ")),
            "header" => assert!(rest.starts_with("icmp[") || rest.starts_with("icmp6[")),
            other => panic!("a condition that Zeek does not know: {other}"),
        }
    }
    assert_eq!((events, lines.next()), (1, None));
    patterns
}

/// `\xHH` alone.
fn escaped_bytes(text: &str) -> Vec<u8> {
    let mut pairs = text.split("\\x");
    assert_eq!(pairs.next(), Some(""), "an unescaped character");
    let byte = |pair: &str| {
        assert_eq!(pair.len(), 2);
        u8::from_str_radix(pair, 16).expect("hexadecimal digits")
    };
    pairs.map(byte).collect()
}

fn yara_tokens(text: &str) -> Vec<Vec<u8>> {
    assert!(text.starts_with("rule wormsift_1500001 : wormsift {\n"));
    assert!(text.ends_with("  condition:\n    all of them\n}\n"));
    let (_, strings) = text.split_once("  strings:\n").expect("strings");
    let (strings, _) = strings.split_once("  condition:").expect("a condition");
    strings
        .lines()
        .map(|line| {
            let (name, value) = line.trim().split_once(" = ").expect("an assignment");
            assert!(name.starts_with("$t"));
            let inner = value.strip_prefix("{ ").and_then(|v| v.strip_suffix(" }"));
            let pairs = inner.expect("braces").split(' ');
            pairs.map(|pair| u8::from_str_radix(pair, 16).expect("a byte")).collect()
        })
        .collect()
}

/// Contents that are strong enough, with hostile bytes among them.
fn token() -> impl Strategy<Value = Vec<u8>> {
    let hostile = prop::sample::select(b"\";:\\|/()${}\n\0\xff ".to_vec());
    prop::collection::vec(prop_oneof![any::<u8>(), hostile], 20..120)
}

proptest! {
    #[test]
    fn what_is_emitted_reads_back_as_the_same_bytes(
        tokens in prop::collection::vec(token(), 1..4),
        protocol in prop::sample::select(vec![1u8, 6, 17, 47, 58]),
        rule in prop::sample::select(vec!["destination", "source", "service", "none"]),
        ordered in any::<bool>(),
        length in prop::option::of(120_u32..1_500),
    ) {
        let mut signature = signature(&tokens[0]);
        signature.protocol = protocol;
        signature.port_rule = rule.to_owned();
        signature.port = (rule != "none").then_some(445);
        signature.tokens = tokens.clone();
        signature.tokens_ordered = ordered;
        signature.samples.iter_mut().for_each(|sample| sample.payload_length = length);
        let options = RuleOptions { most_bytes: 2_048, ..RuleOptions::default() };
        prop_assume!(Rule::new(&signature, SID, &options).is_ok());
        let rule = Rule::new(&signature, SID, &options).unwrap();
        let (suricata, snort) =
            (suricata::rule(&rule, &options), snort3::rule(&rule, &options));
        prop_assert_eq!(suricata_tokens(&suricata), tokens.clone());
        prop_assert_eq!(snort_tokens(&snort), tokens.clone());
        let relative = if ordered { tokens.len() - 1 } else { 0 };
        prop_assert_eq!(suricata_relative(&suricata), relative);
        prop_assert_eq!(snort.matches(",distance 0").count(), relative);
        let of_udp = length.filter(|_| protocol == 17).map(|it| format!(" dsize:{it};"));
        for text in [&suricata, &snort] {
            prop_assert_eq!(text.contains(" dsize:"), of_udp.is_some());
            prop_assert!(of_udp.as_ref().is_none_or(|condition| text.contains(condition)));
        }
        let patterns = zeek_patterns(&zeek::rule(&rule));
        prop_assert_eq!(patterns.len(), if ordered { 1 } else { tokens.len() });
        prop_assert_eq!(patterns.concat(), tokens.clone());
        prop_assert_eq!(yara_tokens(&yara::rule(&rule)), tokens);
    }

    #[test]
    fn long_contents_keep_to_every_limit(
        content in prop::collection::vec(any::<u8>(), 2_000..5_000), most in 0usize..10_000,
    ) {
        let signature = signature(&content);
        let options = RuleOptions { most_bytes: most, ..RuleOptions::default() };
        let rule = Rule::new(&signature, SID, &options).unwrap();
        let expected = most.clamp(16, 2_048).min(content.len());
        for tokens in [
            suricata_tokens(&suricata::rule(&rule, &options)),
            snort_tokens(&snort3::rule(&rule, &options)),
        ] {
            prop_assert_eq!(tokens.concat().len(), expected);
        }
    }
}

/// Type 128 is an echo request over IPv6 and nothing over IPv4.
#[test]
fn both_icmps_differ_in_every_dialect() {
    let mut signature = signature(b"a ping with \x00\xff some content of its own");
    let options = RuleOptions::default();
    for (number, kind, of_suricata, of_zeek) in
        [(1, 8_u8, "icmp", "icmp"), (58, 128, "icmpv6", "icmp6")]
    {
        (signature.protocol, signature.port) =
            (number, Some(u16::from_be_bytes([kind, 0])));
        let rule = Rule::new(&signature, SID, &options).unwrap();
        let text = suricata::rule(&rule, &options);
        assert!(text.starts_with(&format!("alert {of_suricata} any any -> any any (")));
        assert!(text.contains(&format!(" itype:{kind}; icode:0;")), "{text}");
        let text = snort3::rule(&rule, &options);
        assert!(text.starts_with("alert icmp any any -> any any ("), "{text}");
        assert!(text.contains(&format!(" ip_proto:{number}; itype:{kind};")), "{text}");
        let text = zeek::rule(&rule);
        for line in [
            format!("  ip-proto == {of_zeek}\n"),
            format!("  header {of_zeek}[0:1] == {kind}\n"),
            format!("  header {of_zeek}[1:1] == 0\n"),
        ] {
            assert!(text.contains(&line), "{text}");
        }
    }
}

/// After a wanted change: run it twice with `WORMSIFT_BLESS=1`.
#[test]
fn the_golden_rules_stay_as_they_are() {
    let mut signature =
        signature(b"\x00\xde\xad\xbe\xef inert content; \"quoted\" |bars|");
    let options = RuleOptions::default();
    let lines = |signature: &wormsift::signature::Signature| {
        let rule = Rule::new(signature, SID, &options).unwrap();
        [
            suricata::rule(&rule, &options),
            snort3::rule(&rule, &options),
            zeek::rule(&rule),
            yara::rule(&rule),
        ]
        .join("\n")
    };
    let udp = lines(&signature);
    signature.samples.iter_mut().for_each(|sample| sample.payload_length = Some(376));
    let of_one_length = lines(&signature);
    (signature.protocol, signature.tokens) =
        (6, vec![vec![1; 4], signature.content.clone()]);
    let ordered = lines(&signature);
    signature.tokens_ordered = false;
    let golden = [udp, of_one_length, ordered, lines(&signature)].join("\n");
    if std::env::var_os("WORMSIFT_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/golden_rules.txt");
        std::fs::write(path, &golden).unwrap();
    }
    assert_eq!(golden, include_str!("golden_rules.txt"));
}
