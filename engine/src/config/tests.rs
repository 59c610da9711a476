use super::*;
use serde_json::json;

/// Defaults but for one setting.
fn with(name: &str, text: &str) -> Result<Config, Error> {
    let mut config = Config::default();
    if name == "dark_learn" {
        config.set_text("home_net", "192.0.2.0/24")?;
    }
    config.set_text(name, text)?;
    config.validate()?;
    Ok(config)
}

/// Texts of a kind that are taken, and texts that are not: just below, at and just above
/// each end of its range.
fn samples(setting: &Setting) -> (Vec<String>, Vec<String>) {
    let ends = |least: u64, most: u64, text: &dyn Fn(u64) -> String| {
        let below = least.checked_sub(1).map_or("-1".to_owned(), text);
        (vec![text(least), text(most)], vec![below, text(most + 1), "x".to_owned()])
    };
    let texts = |taken: &[&str], refused: &[&str]| {
        let owned = |it: &[&str]| it.iter().map(|text| (*text).to_owned()).collect();
        (owned(taken), owned(refused))
    };
    let ports = |count: u16| (1..=count).map(|it| it.to_string()).collect::<Vec<_>>();
    match setting.kind {
        Kind::Number(least, most, _) => ends(least, most, &|it| it.to_string()),
        Kind::Time(least, most) => ends(least.0, most.0, &|it| format!("{it}ns")),
        Kind::Size(least, most) => ends(least.0, most.0, &|it| format!("{it}B")),
        Kind::Choice(names) => texts(names, &["x", ""]),
        Kind::Switch => texts(&["true", "false", "yes", "off"], &["maybe", "2", ""]),
        Kind::Text(..) => {
            let taken = ["1", "256", "winnow:2", "winnow:1024"];
            texts(&taken, &["0", "3", "512", "winnow:1", "winnow:1025", ""])
        }
        Kind::List(..) if setting.name == "vxlan_ports" => {
            let (most, more) = (ports(16).join(","), ports(17).join(","));
            texts(&["1", "65535", "[1, 2]", &most], &["", "0", "65536", "x", &more])
        }
        Kind::List(..)
            if ["home_net", "trusted_tunnels", "decoys", "dark"]
                .contains(&setting.name) =>
        {
            let taken = ["192.0.2.0/24", "2001:db8::/32,10.0.0.0/8", "0.0.0.0/0", ""];
            texts(&taken, &["192.0.2.1/24", "192.0.2.0/33", "x"])
        }
        Kind::List(..) if setting.name == "decoys_may" => {
            let taken = ["udp/53 192.0.2.1", "udp/123, tcp", "icmp,tcp/80 ::/0", ""];
            texts(&taken, &["53", "udp/53 192.0.2.1/24", "x"])
        }
        Kind::List(..) if setting.name == "taps" => {
            let names = |count: u16| ports(count).join(",");
            let (most, more) = (names(64), names(65));
            texts(
                &["edge, core@berlin", "eth0.1", "", &most],
                &["a b", "a@", "a,a@b", &more],
            )
        }
        Kind::List(..) => {
            let taken = ["192.0.2.1:25", "[\"192.0.2.1:25\",\"[2001:db8::1]:53\",]", ""];
            texts(&taken, &["192.0.2.1", "192.0.2.1:65536", "x"])
        }
        Kind::Key => {
            let digits = "0123456789abcdef0123456789abcdef";
            let (short, long) = (&digits[1..], &format!("{digits}0"));
            texts(&[digits, ""], &[short, long, "x"])
        }
    }
}

#[test]
fn every_setting_takes_its_range_and_nothing_beyond() {
    for setting in SETTINGS {
        let (taken, refused) = samples(setting);
        assert!(taken.len() >= 2 && refused.len() >= 2, "{}", setting.name);
        for text in taken {
            let config = with(setting.name, &text);
            let config =
                config.unwrap_or_else(|e| panic!("{} {text}: {e}", setting.name));
            let again = Config::from_values(&config.to_values()).unwrap();
            assert!(again.differences(&config).next().is_none(), "{config:?}");
            #[cfg(feature = "toml")]
            assert_eq!(Config::from_toml(&config.to_toml()).unwrap(), again);
        }
        for text in refused {
            let error = with(setting.name, &text).unwrap_err();
            let Error::Config { key, reason } = &error else { panic!("{error}") };
            assert_eq!(key, setting.name);
            assert!(
                !reason.contains("invalid type") && !reason.contains('\n'),
                "{error}"
            );
            if let Some(range) = setting.kind.range().filter(|_| text != "x") {
                let range = range.replace(" to ", " ");
                let said = |end| reason.contains(end) || text == "-1";
                assert!(range.split(' ').all(said), "{text}: {error}");
            }
        }
    }
}

#[test]
fn defaults_are_in_range_and_those_of_the_table() {
    let defaults = Config::default();
    defaults.validate().unwrap();
    for (setting, value) in SETTINGS.iter().zip(defaults.values()) {
        assert_eq!(setting.default_value(), value, "{}", setting.name);
        assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "{setting:?}");
        assert!(!setting.source.is_empty(), "{}", setting.name);
    }
    assert_eq!((defaults.beta, defaults.prevalence, defaults.sources), (40, 3, 30));
    assert_eq!(defaults.sampling, crate::fingerprint::Sampling::default());
    assert_eq!(defaults.port_rule, PortRule::default());
    assert_eq!(defaults.address_plan(), AddressPlan::default());
    assert_eq!(defaults.memory, Size(256 << 20));
    assert!(defaults.tails && defaults.short_datagrams && defaults.key.is_none());
}

#[test]
fn fields_are_checked_as_texts_are() {
    let broken = [
        Config { beta: 7, ..Config::default() },
        Config { spread: u32::MAX, ..Config::default() },
        Config { sampling: crate::fingerprint::Sampling::Value(3), ..Config::default() },
        Config { prevalence_window: Span(u64::MAX), ..Config::default() },
        Config { memory: Size(1), ..Config::default() },
        Config { vxlan_ports: vec![], ..Config::default() },
        Config { v6_prefix: 129, ..Config::default() },
        Config {
            home_net: vec!["2001:db8::/96".parse().unwrap()].into(),
            ..Config::default()
        },
    ];
    for config in broken {
        assert!(config.validate().is_err(), "{config:?}");
    }
}

#[test]
fn hidden_settings_are_shown_where_they_are_not_at_their_default() {
    let hidden: Vec<&str> =
        SETTINGS.iter().filter(|it| it.hidden).map(|it| it.name).collect();
    assert_eq!(hidden, ["short_datagrams", "tails"]);
    let values = Config::default().to_values();
    assert_eq!(values.len(), SETTINGS.len() - hidden.len() - 1, "{values:?}");
    let config = with("tails", "no").unwrap();
    assert_eq!(config.to_values()["tails"], json!(false));
    assert_eq!(config.first_difference(&Config::default()), Some("tails"));
}

#[test]
fn a_name_that_is_none_is_answered_with_what_there_is() {
    for (name, said) in [
        ("prevalance", "did you mean `prevalence`?"),
        ("x", "no such setting; there are beta, "),
        ("rate", "setting `rate`: removed; `memory` alone sizes the tables"),
    ] {
        let error = Config::default().set(name, &json!(3)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    for (name, _) in REMOVED {
        assert!(SETTINGS.iter().all(|setting| setting.name != *name), "{name}");
    }
}

#[test]
fn a_value_of_the_wrong_form_is_answered_in_plain_words() {
    for (name, value, expected) in [
        (
            "sources",
            json!("30"),
            "a whole number of hosts from 1 to 10000, such as 30; found the text `30`",
        ),
        (
            "beta",
            json!(-1),
            "a whole number of bytes from 8 to 64, such as 40; found `-1`",
        ),
        (
            "prevalence_window",
            json!(60),
            "a time with its unit from 1ms to 3650d, such as \"1m\"; found `60`",
        ),
        ("checksums", json!("x"), "true or false, such as false; found the text `x`"),
        (
            "relay_exempt",
            json!("192.0.2.1:25"),
            "a list of addresses with ports, such as [\"192.0.2.1:25\"]; found the text \
             `192.0.2.1:25`",
        ),
        ("relay_exempt", json!(["192.0.2.1"]), "address:port, found `192.0.2.1`"),
        ("sampling", json!("63"), "a power of two from 1 to 256, found 63"),
        ("home_net", json!(["x"]), "a network such as 192.0.2.0/24, found `x`"),
    ] {
        let error = Config::default().set(name, &value).unwrap_err().to_string();
        assert_eq!(error, format!("setting `{name}`: expected {expected}"));
    }
}

#[test]
fn the_key_is_never_shown() {
    let text = "000102030405060708090a0b0c0d0e0f";
    let config = with("key", text).unwrap();
    assert!(!format!("{config:?}").contains("0a0b"));
    assert!(!config.to_values().contains_key("key"));
    assert_eq!(config.effective_key(), 0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
    let error = with("key", "0a0b").unwrap_err().to_string();
    assert!(!error.contains("0a0b") && error.contains("32 hex"), "{error}");
}

#[cfg(feature = "toml")]
/// The home network only describes, unless dark addresses are learned of it.
#[test]
fn another_home_network_makes_another_sensor_where_dark_addresses_are_learned() {
    let config = |home: &str, learn: &str| {
        let mut config = Config::default();
        config.set_text("home_net", home).unwrap();
        config.set_text("dark_learn", learn).unwrap();
        config
    };
    let [one, other] = ["10.0.0.0/24", "10.0.0.0/23"];
    assert_eq!(config(one, "0s").first_difference(&config(other, "0s")), None);
    let differs = config(one, "1h").first_difference(&config(other, "1h"));
    assert_eq!(differs, Some("home_net"));
}

#[test]
fn toml_is_read_whole_or_not_at_all() {
    let mut config = with("key", "000102030405060708090a0b0c0d0e0f").unwrap();
    config.read_toml("sources = 10\nhome_net = [\"10.0.0.0/8\"]").unwrap();
    assert_eq!((config.sources, config.home_net.networks().len()), (10, 1));
    assert!(config.key.is_some());
    let before = config.clone();
    for text in
        ["destinations = 3\nsources = 0.5", "beta = nan", "x = 1979-05-27", "beta = [{}]"]
    {
        let error = config.read_toml(text).unwrap_err().to_string();
        assert!(!error.contains("invalid type"), "{error}");
        assert_eq!(config, before);
    }
}
