//! The flags of the engine's settings, made from its table.
//!
//! A value is checked for its form where it is read; ranges are checked once all settings
//! are known, since a flag may stand for what a file has wrong.

use super::settings::Settings;
use crate::output::exit_code::Failure;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use clap::{Error, value_parser};
use std::fs;
use std::path::PathBuf;
use wormsift::config::{Config, Kind, SETTINGS, Setting};
use wormsift::packet::Network;
use wormsift_export::isolate::read_networks;

/// The engine's settings: a file, and flags that come before it. Where no sensor is made,
/// only those of the decoder.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingArgs<const SENSOR: bool = true> {
    pub(crate) config: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    /// Settings with their texts.
    pub(crate) given: Vec<(&'static Setting, String)>,
}

/// Which UDP ports carry VXLAN.
pub(crate) type VxlanArgs = SettingArgs<false>;

impl VxlanArgs {
    /// The settings by which packets are read.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Ok(Settings::new(self)?.config)
    }
}

impl<const SENSOR: bool> SettingArgs<SENSOR> {
    fn settings() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|setting| SENSOR || setting.name == "vxlan_ports")
    }
}

impl<const SENSOR: bool> Args for SettingArgs<SENSOR> {
    fn augment_args(command: Command) -> Command {
        let flags = Self::settings().map(argument);
        if !SENSOR {
            return command.args(flags);
        }
        let file = Arg::new("config").long("config").value_name("FILE.toml");
        let file =
            file.value_hint(ValueHint::FilePath).value_parser(value_parser!(PathBuf));
        let file = file.help("Take settings from a TOML file; flags come before it");
        let all = [file].into_iter().chain(flags);
        command.args(all.map(|argument| argument.help_heading("Settings")))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const SENSOR: bool> FromArgMatches for SettingArgs<SENSOR> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let path = |name| matches.get_one(name).cloned();
        Ok(Self {
            config: SENSOR.then(|| path("config")).flatten(),
            key_file: SENSOR.then(|| path("key")).flatten(),
            given: Self::settings().filter_map(|it| given(it, matches)).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flag of a setting.
fn argument(setting: &'static Setting) -> Arg {
    let flag = setting.flag().trim_start_matches('-').to_owned();
    let argument = Arg::new(setting.name).long(flag).hide(setting.hidden);
    let argument = argument.help(help(setting)).value_name(value_name(setting));
    match setting.kind {
        Kind::Switch => argument.action(ArgAction::SetTrue),
        // As `--key random` it reads better.
        Kind::Key => argument
            .visible_alias("key")
            .value_hint(ValueHint::FilePath)
            .value_parser(value_parser!(PathBuf)),
        Kind::Choice(names) => argument.value_parser(PossibleValuesParser::new(names)),
        kind => {
            let argument =
                argument.value_parser(move |text: &str| well_formed(setting, text));
            let repeated = matches!(kind, Kind::List(..));
            argument.action(if repeated { ArgAction::Append } else { ArgAction::Set })
        }
    }
}

/// What is said of a setting's flag.
fn help(setting: &Setting) -> String {
    let Setting { help, default, source, kind, .. } = *setting;
    let range = kind.range().map_or_else(String::new, |range| format!(", {range}"));
    let default = if default.is_empty() { source } else { default };
    match kind {
        Kind::Switch if default == "true" => format!("Do not {}", lower(help)),
        Kind::Switch => help.to_owned(),
        Kind::Key => {
            let what = lower(help);
            format!(
                "A file with 32 hexadecimal digits, {what}; or `random`, which draws one for \
                 this run: ids then differ from run to run. Default: {default}"
            )
        }
        Kind::List(..) if takes_file(setting) => format!(
            "{help}; with commas or repeated, or a file of them, one a line. Default: {default}"
        ),
        Kind::List(..) => format!("{help}; with commas, or repeated. Default: {default}"),
        _ => format!("{help}{range}. Default: {default}"),
    }
}

/// A sentence that goes on.
fn lower(sentence: &str) -> String {
    let (first, rest) = sentence.split_at(1);
    first.to_lowercase() + rest
}

/// What a flag's value is called.
fn value_name(setting: &Setting) -> String {
    match setting.kind {
        Kind::Number(_, _, unit) => unit.to_uppercase(),
        Kind::Time(..) => "TIME".to_owned(),
        Kind::Size(..) => "SIZE".to_owned(),
        Kind::Text(_, name) | Kind::List(_, name, _) => name.to_owned(),
        Kind::Key => "FILE".to_owned(),
        // `RULE` of `port_rule`.
        _ => setting.name.rsplit('_').next().unwrap_or_default().to_uppercase(),
    }
}

/// The text of a value that has the form of its setting. A list of networks may stand in a
/// file, where the setting says so.
fn well_formed(setting: &Setting, text: &str) -> Result<String, String> {
    let reason = match Config::default().set_text(setting.name, text) {
        Ok(()) => return Ok(text.to_owned()),
        Err(wormsift::Error::Config { reason, .. }) => reason,
        Err(error) => error.to_string(),
    };
    if !takes_file(setting) {
        return Err(reason);
    }
    let lines = fs::read_to_string(text)
        .map_err(|error| format!("{reason}; nor is it a file: {error}"))?;
    let networks = read_networks(&lines)?;
    if networks.is_empty() {
        return Err(format!("expected a network a line, found none in {text}"));
    }
    Ok(networks.iter().map(Network::to_string).collect::<Vec<_>>().join(","))
}

/// Whether its value may be the name of a file of networks.
fn takes_file(setting: &Setting) -> bool {
    matches!(setting.kind, Kind::List(_, name, _) if name.ends_with("|FILE"))
}

/// The text that a setting was given, if it was; the key is in a file.
fn given(
    setting: &'static Setting,
    matches: &ArgMatches,
) -> Option<(&'static Setting, String)> {
    let text = match setting.kind {
        Kind::Key => None,
        Kind::Switch => matches
            .get_flag(setting.name)
            .then(|| (setting.default != "true").to_string()),
        _ => matches.get_many::<String>(setting.name).map(|texts| {
            let texts: Vec<&str> = texts.map(String::as_str).collect();
            texts.join(",")
        }),
    };
    text.map(|text| (setting, text))
}

/// What these flags are read as.
#[cfg(test)]
pub(super) fn flags(arguments: &[&str]) -> SettingArgs {
    let command = <SettingArgs>::augment_args(Command::new("test").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).unwrap();
    <SettingArgs>::from_arg_matches(&matches).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_files_docs_and_config_output_name_the_same_settings() {
        let command = <SettingArgs>::augment_args(Command::new("test"));
        let docs = include_str!("../../../engine/docs/settings.md");
        let printed = Settings::new(&flags(&[])).unwrap().to_toml();
        let readable = Config::from_toml(&printed).unwrap();
        assert_eq!(readable, Config::default());
        let mut known = 1; // --config
        for setting in SETTINGS {
            let mut arguments = command.get_arguments();
            let argument = arguments.find(|it| it.get_id() == setting.name).unwrap();
            let flag = format!("--{}", argument.get_long().unwrap());
            assert_eq!(flag, setting.flag());
            assert_eq!(argument.is_hide_set(), setting.hidden);
            let row = format!("| `{}` | `{flag}` |", setting.name);
            assert_eq!(docs.contains(&row), !setting.hidden, "{row}");
            let shown = |line: &str| {
                let line = line.trim_start_matches("# ");
                line.strip_prefix(setting.name)
                    .is_some_and(|it| it.starts_with([' ', ':']))
            };
            let lines = printed.lines().filter(|line| shown(line)).count();
            assert_eq!(lines, usize::from(!setting.hidden), "{}", setting.name);
            known += 1;
        }
        assert_eq!(command.get_arguments().count(), known);
    }

    #[test]
    fn every_flag_sets_its_setting() {
        for setting in SETTINGS {
            let text = match setting.kind {
                Kind::Switch => None,
                Kind::Choice(names) => Some(names[1]),
                Kind::Number(..) => Some("9"),
                Kind::Time(..) => Some("9s"),
                Kind::Size(..) => Some("32MiB"),
                Kind::Text(..) => Some("winnow:8"),
                Kind::List(_, _, example) => Some(example),
                _ => continue, // The key is in a file.
            };
            let flag = setting.flag();
            let mut arguments: Vec<&str> =
                [flag.as_str()].into_iter().chain(text).collect();
            let mut expected = vec![setting.name];
            if setting.name == "dark_learn" {
                arguments.extend(["--home-net", "192.0.2.0/24"]);
                expected.insert(0, "home_net");
            }
            let config = Settings::new(&flags(&arguments)).unwrap().config;
            let changed: Vec<&str> = config.differences(&Config::default()).collect();
            assert_eq!(changed, expected);
        }
    }

    #[test]
    fn the_help_says_range_and_default() {
        let command = <SettingArgs>::augment_args(Command::new("test"));
        let help = |name: &str| {
            let argument = command.get_arguments().find(|it| it.get_id() == name);
            argument.unwrap().get_help().unwrap().to_string()
        };
        assert_eq!(help("beta"), "Window length in bytes, 8 to 64. Default: 40");
        assert!(help("tunnels").starts_with("Do not decode tunnels"));
        assert!(help("home_net").ends_with("Default: none, so that inside is unknown"));
        assert!(help("key").starts_with("A file with 32 hexadecimal digits, the secret"));
        let long = command.clone().render_long_help().to_string();
        for setting in SETTINGS {
            assert_eq!(
                long.contains(&setting.flag()),
                !setting.hidden,
                "{}",
                setting.name
            );
        }
    }

    #[test]
    fn networks_come_from_a_file_where_the_setting_says_so() {
        let path =
            std::env::temp_dir().join(format!("wormsift-decoys-{}", std::process::id()));
        fs::write(&path, "# the farm\n192.0.2.0/28\n\n2001:db8::7 # the last\n").unwrap();
        let file = path.to_str().unwrap();
        let flags = flags(&["--decoys", file, "--decoys", "10.0.0.1"]);
        let decoys = Settings::new(&flags).unwrap().config.decoys;
        let decoys: Vec<String> = decoys.iter().map(ToString::to_string).collect();
        assert_eq!(decoys, ["192.0.2.0/28", "2001:db8::7/128", "10.0.0.1/32"]);
        fs::write(&path, "192.0.2.0/28\n192.0.2\n").unwrap();
        let setting = |name| Setting::named(name).unwrap();
        let error = well_formed(setting("decoys"), file).unwrap_err();
        assert!(error.starts_with("line 2: expected an address or a network"), "{error}");
        let error = well_formed(setting("home_net"), file).unwrap_err();
        assert!(error.starts_with("expected a network such as"), "{error}");
        fs::remove_file(&path).unwrap();
        let error = well_formed(setting("decoys"), file).unwrap_err();
        assert!(error.contains("; nor is it a file: "), "{error}");
    }

    #[test]
    fn lists_add_up() {
        let flags = flags(&["--vxlan-ports", "1,2", "--vxlan-ports", "3"]);
        assert_eq!(Settings::new(&flags).unwrap().config.vxlan_ports, [1, 2, 3]);
    }
}
