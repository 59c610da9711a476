//! Flags that had another name once, or are gone: who still gives the old one is told the
//! new.

use super::Cli;
use clap::CommandFactory;
use wormsift::config::REMOVED;

/// Subcommand, old flag, and what to give instead.
const RENAMED: [(&str, &str, &str); 3] = [
    ("match", "--packets", "--hits"),
    ("match", "--tails", "--tail-memory SIZE, with a unit, such as 64MiB"),
    ("learn", "--merge", "--baseline FILE"),
];

/// What to say to a command line that holds an old name, if it does.
pub(crate) fn renamed(arguments: &[String]) -> Option<String> {
    let cli = Cli::command();
    let at = arguments.iter().position(|name| cli.find_subcommand(name).is_some())?;
    let (command, rest) = (cli.find_subcommand(&arguments[at])?, &arguments[at..]);
    let given = |flag: &str| rest.iter().any(|it| it.split('=').next() == Some(flag));
    let name = command.get_name();
    let of_command =
        |(command, old, _): &&(&str, &str, _)| *command == name && given(old);
    if let Some((_, old, new)) = RENAMED.iter().find(of_command) {
        return Some(format!("{name} {old}: renamed; give {new}"));
    }
    let takes_settings = command.get_arguments().any(|it| it.get_id() == "config");
    let flag = |setting: &str| format!("--{}", setting.replace('_', "-"));
    let (setting, instead) =
        REMOVED.iter().find(|(setting, _)| takes_settings && given(&flag(setting)))?;
    Some(format!("{name} {}: removed; {instead}", flag(setting)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        renamed(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn an_old_name_is_answered_with_the_new() {
        let said = of("wormsift -q match --json --packets --signatures a b").unwrap();
        assert_eq!(said, "match --packets: renamed; give --hits");
        assert!(of("wormsift match --tails=8 x").unwrap().contains("--tail-memory"));
        assert!(of("wormsift learn --merge a -o b").unwrap().contains("--baseline"));
        assert_eq!(of("wormsift generate outbreak --packets 3"), None);
    }

    #[test]
    fn a_removed_setting_is_answered_with_what_is_there_instead() {
        let said = of("wormsift -q live -i eth1 --rate=1Gbit/s").unwrap();
        assert_eq!(said, "live --rate: removed; `memory` alone sizes the tables");
        assert_eq!(of("wormsift generate outbreak --rate 3"), None);
        assert_eq!(of("wormsift detect --rates 3 x"), None);
    }

    #[test]
    fn no_old_name_is_in_use_and_every_new_one_is() {
        for (name, old, new) in RENAMED {
            let command = Cli::command();
            let command = command.find_subcommand(name).unwrap().clone();
            let has = |flag: &str| {
                let flag = flag.split(' ').next().unwrap().trim_start_matches("--");
                command.get_arguments().any(|argument| argument.get_long() == Some(flag))
            };
            assert!(!has(old) && has(new), "{name} {old} {new}");
        }
    }
}
