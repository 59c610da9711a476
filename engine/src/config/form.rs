//! What each setting expects, in the words of whoever writes a settings file.
//!
//! One entry a setting, with an example that is accepted (a test reads them all). A value
//! of the wrong form is answered with it, instead of the type names of the parser. The
//! secret key is never shown.

use serde_json::Value;

/// A setting's name, what it expects, and an example.
const FORMS: [(&str, &str, &str); 23] = [
    ("preset", "the kind of network, tap or telescope", "\"tap\""),
    ("beta", "a whole number of bytes", "40"),
    ("sampling", "N or winnow:W in quotes", "\"64\" or \"winnow:128\""),
    ("prevalence", "a whole number of sightings from 1 to 15", "3"),
    ("prevalence_window", "a time with its unit", "\"60s\""),
    ("sources", "a whole number of hosts", "30"),
    ("destinations", "a whole number of hosts", "30"),
    ("dispersion_window", "a time with its unit", "\"4h\""),
    ("spread", "a whole number of hosts", "3"),
    ("port_rule", "destination, source, service or none", "\"destination\""),
    ("short_datagrams", "true or false", "true"),
    ("tails", "true or false", "true"),
    ("learning_period", "a time with its unit", "\"1h\""),
    ("boilerplate", "true or false", "true"),
    ("tunnels", "true or false", "true"),
    ("vxlan_ports", "a list of 1 to 16 UDP ports", "[4789, 8472]"),
    ("checksums", "true or false", "false"),
    ("v6_prefix", "a whole number of bits from 0 to 128", "64"),
    ("home_net", "a list of networks", "[\"192.0.2.0/24\"]"),
    ("relay_exempt", "a list of addresses with ports", "[\"192.0.2.1:25\"]"),
    ("memory", "a size with its unit", "\"256MiB\""),
    ("rate", "a rate with its unit", "\"1Gbit/s\""),
    ("key", "32 hexadecimal digits in quotes", "\"0123456789abcdef0123456789abcdef\""),
];

/// What is wrong with a value that does not have the form of its setting. `reason` is the
/// parser's; where it is one of ours, it already says what was expected.
pub(super) fn mismatch(key: &str, value: &Value, reason: &str) -> String {
    if value.is_string() && reason.starts_with("expected ") && !reason.contains('\n') {
        return reason.to_owned();
    }
    let (_, form, example) =
        FORMS.iter().find(|(name, ..)| *name == key).expect("every setting has a form");
    if key == "key" {
        return format!("expected {form}, found {}", kind(value));
    }
    format!("expected {form}, such as {key} = {example}; found {}", found(value))
}

/// What is wrong with a value of a kind that no setting has.
#[cfg(feature = "toml")]
pub(super) fn expected(key: &str, value: &str) -> String {
    mismatch(key, &Value::String(value.to_owned()), "")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "another text",
        Value::Number(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Null => "nothing",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

/// The value as it may be shown: no longer than a line.
fn found(value: &Value) -> String {
    const MOST: usize = 40;
    let short = |text: &str| match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    };
    match value {
        Value::String(text) => {
            format!("the text `{}`", short(&text.escape_debug().to_string()))
        }
        Value::Object(_) => "a table".to_owned(),
        Value::Array(_) => format!("the list `{}`", short(&value.to_string())),
        other => format!("`{}`", short(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn every_setting_has_a_form_whose_examples_are_accepted() {
        let names: Vec<&str> = FORMS.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, Config::KEYS);
        for (name, _, examples) in FORMS {
            for example in examples.split(" or ") {
                let text = format!("{name} = {example}");
                let config = Config::from_toml(&text).unwrap();
                config.validate().unwrap_or_else(|error| panic!("{text}: {error}"));
            }
        }
    }

    #[test]
    fn a_value_of_the_wrong_form_is_answered_in_plain_words() {
        for (text, expected) in [
            (
                "sources = \"30\"",
                "setting `sources`: expected a whole number of hosts, such as sources = 30; \
                 found the text `30`",
            ),
            (
                "beta = -1",
                "setting `beta`: expected a whole number of bytes, such as beta = 40; found `-1`",
            ),
            (
                "prevalence_window = 60",
                "setting `prevalence_window`: expected a time with its unit, such as \
                 prevalence_window = \"60s\"; found `60`",
            ),
            (
                "tails = \"yes\"",
                "setting `tails`: expected true or false, such as tails = true; found the text \
                 `yes`",
            ),
            (
                "relay_exempt = \"192.0.2.1:25\"",
                "setting `relay_exempt`: expected a list of addresses with ports, such as \
                 relay_exempt = [\"192.0.2.1:25\"]; found the text `192.0.2.1:25`",
            ),
        ] {
            let error = Config::from_toml(text).unwrap_err().to_string();
            assert_eq!(error, expected);
        }
        let error = Config::from_toml("sampling = \"63\"").unwrap_err().to_string();
        assert_eq!(
            error,
            "setting `sampling`: expected a power of two from 1 to 256, found 63"
        );
        let secret = Config::from_toml("key = \"0a0b\"").unwrap_err().to_string();
        assert!(!secret.contains("0a0b") && secret.contains("32 hex"), "{secret}");
    }
}
