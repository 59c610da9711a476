//! The effective settings, and where each is from: defaults, then a file, then flags.

use crate::args::{SettingArgs, key};
use crate::output::exit_code::Failure;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};
use wormsift::config::{Config, SETTINGS, Setting};
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
#[derive(Clone, Debug)]
enum Origin {
    /// A TOML file.
    File(PathBuf),
    /// The command line: this setting's flag.
    Flag(&'static Setting),
}

impl Settings {
    /// Reads the file that `--config` names, then applies the flags.
    pub(crate) fn new<const SENSOR: bool>(
        flags: &SettingArgs<SENSOR>,
    ) -> Result<Self, Failure> {
        let mut settings =
            Self { config: Config::default(), origins: BTreeMap::default() };
        if let Some(path) = &flags.config {
            settings.read_file(path)?;
        }
        for (setting, text) in &flags.given {
            settings.origins.insert(setting.name, Origin::Flag(setting));
            let set = settings.config.set_text(setting.name, text);
            set.map_err(|error| settings.refused(&error))?;
        }
        if let Some(path) = &flags.key_file {
            let setting = Setting::named("key").map_err(Failure::usage)?;
            settings.config.key = Some(key::given(path)?);
            settings.origins.insert(setting.name, Origin::Flag(setting));
        }
        settings.config.validate().map_err(|error| settings.refused(&error))?;
        crate::args::limits::check_memory(&settings.config, 1)?;
        Ok(settings)
    }

    /// Whether a setting was given, by the file or by a flag.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.origins.contains_key(name)
    }

    /// What is wrong with a value, and where it is from.
    fn refused(&self, error: &Error) -> Failure {
        let Error::Config { key, reason } = error else { return Failure::usage(error) };
        match self.origins.iter().find(|(name, _)| *name == key) {
            Some((_, Origin::File(path))) => Failure::usage(format_args!(
                "{}: setting `{key}`: {reason}",
                path.display()
            )),
            Some((_, Origin::Flag(setting))) => {
                Failure::usage(format_args!("{}: {reason}", setting.flag()))
            }
            None => Failure::usage(error),
        }
    }

    fn read_file(&mut self, path: &Path) -> Result<(), Failure> {
        let name = path.display();
        let wrong =
            |reason: &dyn fmt::Display| Failure::usage(format!("{name}: {reason}"));
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| wrong(&one_line(&text, &error)))?;
        self.config.read_toml(&text).map_err(|error| wrong(&error))?;
        let given = SETTINGS.iter().filter(|it| table.contains_key(it.name));
        self.origins.extend(given.map(|it| (it.name, Origin::File(path.to_owned()))));
        Ok(())
    }

    /// The settings as TOML that `--config` reads, each with its origin. The key is
    /// never shown.
    pub(crate) fn to_toml(&self) -> String {
        let table: toml::Table =
            self.config.to_toml().parse().expect("the engine writes TOML");
        let line = |setting: &'static Setting| match table.get(setting.name) {
            Some(value) => Some((format!("{} = {value}", setting.name), setting.name)),
            None if setting.hidden => None,
            None => Some((self.key_line(), setting.name)),
        };
        let lines: Vec<(String, &str)> = SETTINGS.iter().filter_map(line).collect();
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (line, key) in lines {
            let _ = writeln!(text, "{line:width$}  # {}", self.origin(key));
        }
        text
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
            Some(Origin::Flag(setting)) => format!("flag {}", setting.flag()),
        }
    }
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
    use crate::args::setting_flags::flags;
    use wormsift::config::PortRule;

    #[test]
    fn flags_win_over_defaults_and_say_so() {
        let flags = flags(&["--beta", "32", "--no-tails", "--port-rule", "none"]);
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
        assert!(settings.is_given("tails") && !settings.is_given("sources"));
    }

    #[test]
    fn what_is_printed_is_read_back_as_the_same_settings() {
        let dispersion = ["--dispersion-window", "1d", "--relay-exempt", "192.0.2.1:25"];
        let lists = ["--home-net", "10.0.0.0/8", "--home-net", "2001:db8::/32"];
        for arguments in [&dispersion[..], &lists, &["--no-short-datagrams"], &[]] {
            let settings = Settings::new(&flags(arguments)).unwrap();
            let printed = settings.to_toml();
            assert_eq!(Config::from_toml(&printed).unwrap(), settings.config);
        }
    }

    #[test]
    fn values_out_of_range_are_wrong_usage_and_named() {
        match Settings::new(&flags(&["--beta", "7"])) {
            Err(Failure::Usage(reason)) => {
                assert_eq!(reason, "--beta: expected 8 to 64 bytes, found 7");
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
