//! The effective settings, and where each is from: defaults, then a file, then flags.

use crate::args::SettingArgs;
use crate::output::exit_code::Failure;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use wormsift::config::{Config, SecretKey};
use wormsift::error::Error;

/// Settings that have been checked.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What the engine is built with.
    pub(crate) config: Config,
    /// Where settings are from that are not the default.
    origins: BTreeMap<&'static str, Origin>,
}

/// Where a value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// A TOML file.
    File(PathBuf),
    /// The command line.
    Flag(&'static str),
}

impl Settings {
    /// Reads the file that `--config` names, then applies the flags.
    pub(crate) fn new(flags: &SettingArgs) -> Result<Self, Failure> {
        let mut settings = match &flags.config {
            Some(path) => Self::from_file(path)?,
            None => Self { config: Config::default(), origins: BTreeMap::new() },
        };
        settings.apply(flags)?;
        settings.config.validate().map_err(|error| settings.refused(&error))?;
        crate::args::limits::check_memory(&settings.config, 1)?;
        Ok(settings)
    }

    /// What is wrong with a value, and where it is from.
    fn refused(&self, error: &Error) -> Failure {
        let Error::Config { key, reason } = error else { return Failure::usage(error) };
        match self.origins.iter().find(|(name, _)| *name == key) {
            Some((_, Origin::File(path))) => Failure::usage(format_args!(
                "{}: setting `{key}`: {reason}",
                path.display()
            )),
            Some((_, Origin::Flag(flag))) => {
                Failure::usage(format_args!("{flag}: {reason}"))
            }
            None => Failure::usage(error),
        }
    }

    fn from_file(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let wrong =
            |reason: &dyn fmt::Display| Failure::usage(format!("{name}: {reason}"));
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| wrong(&one_line(&text, &error)))?;
        let config = Config::from_toml(&text).map_err(|error| wrong(&error))?;
        let origins = Config::KEYS
            .into_iter()
            .filter(|key| table.contains_key(*key))
            .map(|key| (key, Origin::File(path.to_owned())))
            .collect();
        Ok(Self { config, origins })
    }

    fn apply(&mut self, flags: &SettingArgs) -> Result<(), Failure> {
        // Every flag by name, so that one which is not applied does not compile.
        let SettingArgs {
            config: _,
            preset,
            beta,
            sampling,
            prevalence,
            prevalence_window,
            sources,
            destinations,
            dispersion_window,
            spread,
            port_rule,
            rate,
            memory,
            no_short_datagrams,
            no_tails,
            learning_period,
            no_boilerplate,
            no_tunnels,
            vxlan,
            checksums,
            v6_prefix,
            home_net,
            relay_exempt,
            key_file,
        } = flags;
        let Self { config, origins } = self;
        let mut set = Setter { origins };
        set.value(&mut config.preset, *preset, "preset", "--preset");
        set.value(&mut config.beta, *beta, "beta", "--beta");
        set.value(&mut config.sampling, *sampling, "sampling", "--sampling");
        set.value(&mut config.prevalence, *prevalence, "prevalence", "--prevalence");
        set.value(
            &mut config.prevalence_window,
            *prevalence_window,
            "prevalence_window",
            "--prevalence-window",
        );
        set.value(&mut config.sources, *sources, "sources", "--sources");
        set.value(
            &mut config.destinations,
            *destinations,
            "destinations",
            "--destinations",
        );
        set.value(
            &mut config.dispersion_window,
            *dispersion_window,
            "dispersion_window",
            "--dispersion-window",
        );
        set.value(&mut config.spread, *spread, "spread", "--spread");
        set.value(&mut config.port_rule, *port_rule, "port_rule", "--port-rule");
        set.value(&mut config.rate, rate.map(Some), "rate", "--rate");
        set.value(&mut config.memory, memory.map(Into::into), "memory", "--memory");
        set.value(
            &mut config.short_datagrams,
            no_short_datagrams.then_some(false),
            "short_datagrams",
            "--no-short-datagrams",
        );
        set.value(&mut config.tails, no_tails.then_some(false), "tails", "--no-tails");
        set.value(
            &mut config.learning_period,
            *learning_period,
            "learning_period",
            "--learning-period",
        );
        set.value(
            &mut config.boilerplate,
            no_boilerplate.then_some(false),
            "boilerplate",
            "--no-boilerplate",
        );
        set.value(
            &mut config.tunnels,
            no_tunnels.then_some(false),
            "tunnels",
            "--no-tunnels",
        );
        let ports = (!vxlan.vxlan_ports.is_empty()).then(|| vxlan.vxlan_ports.clone());
        set.value(&mut config.vxlan_ports, ports, "vxlan_ports", "--vxlan-ports");
        set.value(
            &mut config.checksums,
            checksums.then_some(true),
            "checksums",
            "--checksums",
        );
        set.value(&mut config.v6_prefix, *v6_prefix, "v6_prefix", "--v6-prefix");
        let home = (!home_net.is_empty()).then(|| home_net.clone().into());
        set.value(&mut config.home_net, home, "home_net", "--home-net");
        let exempt = (!relay_exempt.is_empty()).then(|| relay_exempt.clone());
        set.value(&mut config.relay_exempt, exempt, "relay_exempt", "--relay-exempt");
        let key = key_file.as_deref().map(read_key).transpose()?;
        set.value(&mut config.key, key.map(Some), "key", "--key-file");
        Ok(())
    }

    /// The settings as TOML that `--config` reads, each with its origin. The key is
    /// never shown.
    pub(crate) fn to_toml(&self) -> String {
        let table: toml::Table =
            self.config.to_toml().parse().expect("the engine writes TOML");
        let lines: Vec<(String, &str)> = Config::KEYS
            .into_iter()
            .map(|key| {
                let line = match table.get(key) {
                    Some(value) => format!("{key} = {value}"),
                    None if key == "key" => self.key_line(),
                    None => format!("# {key} is not set"),
                };
                (line, key)
            })
            .collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (line, key) in lines {
            let _ = writeln!(text, "{line:width$}  # {}", self.origin(key));
        }
        text
    }

    /// The names of the settings that are not as in another configuration, the key aside.
    #[cfg(target_os = "linux")]
    pub(crate) fn differing_keys(&self, other: &Config) -> Vec<&'static str> {
        let table = |config: &Config| -> toml::Table {
            config.to_toml().parse().expect("the engine writes TOML")
        };
        let (own, other) = (table(&self.config), table(other));
        let keys = Config::KEYS.into_iter();
        keys.filter(|key| own.get(*key) != other.get(*key)).collect()
    }

    fn key_line(&self) -> String {
        let which =
            if self.config.key.is_some() { "secret, not shown" } else { "public" };
        format!("# key: {which}")
    }

    fn origin(&self, key: &str) -> String {
        match self.origins.get(key) {
            None => "default".to_owned(),
            Some(Origin::File(path)) => format!("file {}", printable(path)),
            Some(Origin::Flag(flag)) => format!("flag {flag}"),
        }
    }
}

/// Sets values and remembers who asked for them.
struct Setter<'a> {
    origins: &'a mut BTreeMap<&'static str, Origin>,
}

impl Setter<'_> {
    fn value<T>(
        &mut self,
        place: &mut T,
        given: Option<T>,
        key: &'static str,
        flag: &'static str,
    ) {
        if let Some(value) = given {
            *place = value;
            self.origins.insert(key, Origin::Flag(flag));
        }
    }
}

fn read_key(path: &Path) -> Result<SecretKey, Failure> {
    let wrong = |reason: &dyn fmt::Display| {
        Failure::usage(format!("{}: {reason}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    text.parse().map_err(|reason: String| wrong(&reason))
}

/// A path in a comment must not end the comment.
fn printable(path: &Path) -> String {
    let shown = path.display().to_string();
    shown.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// What is wrong with a TOML text, without the picture of the place.
fn one_line(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', ", ");
    let place = error.span().and_then(|span| text.get(..span.start)).map(|before| {
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("line {line}, column {column}: ")
    });
    format!("{}{message}", place.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wormsift::config::{PortRule, Span};

    #[test]
    fn flags_win_over_defaults_and_say_so() {
        let flags = SettingArgs {
            beta: Some(32),
            no_tails: true,
            port_rule: Some(PortRule::None),
            ..SettingArgs::default()
        };
        let settings = Settings::new(&flags).unwrap();
        let expected = {
            let mut config = Config::default();
            (config.beta, config.tails, config.port_rule) = (32, false, PortRule::None);
            config
        };
        assert_eq!(settings.config, expected);
        assert_eq!(settings.origin("beta"), "flag --beta");
        assert_eq!(settings.origin("tails"), "flag --no-tails");
        assert_eq!(settings.origin("sources"), "default");
    }

    #[test]
    fn what_is_printed_is_read_back_as_the_same_settings() {
        let flags = SettingArgs {
            dispersion_window: Some(Span(86_400_000_000_000)),
            home_net: vec!["10.0.0.0/8".parse().unwrap()],
            relay_exempt: vec!["192.0.2.1:25".parse().unwrap()],
            rate: Some("1Gbit/s".parse().unwrap()),
            ..SettingArgs::default()
        };
        for flags in [flags, SettingArgs::default()] {
            let settings = Settings::new(&flags).unwrap();
            let printed = settings.to_toml();
            assert_eq!(printed.lines().count(), Config::KEYS.len());
            assert_eq!(Config::from_toml(&printed).unwrap(), settings.config);
        }
    }

    #[test]
    fn values_out_of_range_are_wrong_usage_and_named() {
        let flags = SettingArgs { beta: Some(7), ..SettingArgs::default() };
        match Settings::new(&flags) {
            Err(Failure::Usage(reason)) => {
                assert!(reason.starts_with("--beta: expected 8"))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_syntax_error_is_one_line_with_its_place() {
        let text = "beta = 40\nsources = = 3\n";
        let error = toml::from_str::<toml::Table>(text).unwrap_err();
        let line = one_line(text, &error);
        assert!(line.starts_with("line 2, column 11: "), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}
