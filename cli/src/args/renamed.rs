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
    removed(arguments).or_else(|| other_name(arguments))
}

/// What is there in place of a setting that is gone.
fn removed(arguments: &[String]) -> Option<String> {
    let cli = Cli::command();
    let takes_settings = |name: &String| {
        let command = cli.find_subcommand(name);
        command.is_some_and(|it| it.get_arguments().any(|it| it.get_id() == "config"))
    };
    let at = arguments.iter().position(takes_settings)?;
    let given = |flag: &str| {
        arguments[at..].iter().any(|argument| argument.split('=').next() == Some(flag))
    };
    REMOVED.iter().find_map(|(name, instead)| {
        let flag = format!("--{}", name.replace('_', "-"));
        given(&flag).then(|| format!("{} {flag}: removed; {instead}", arguments[at]))
    })
}

fn other_name(arguments: &[String]) -> Option<String> {
    let (command, rest) = arguments.iter().enumerate().find_map(|(at, argument)| {
        let known = RENAMED.iter().any(|(command, ..)| command == argument);
        known.then(|| (argument, &arguments[at + 1..]))
    })?;
    RENAMED.iter().filter(|(name, ..)| name == command).find_map(|(_, old, new)| {
        let given = |argument: &String| argument.split('=').next() == Some(old);
        rest.iter().any(given).then(|| format!("{command} {old}: renamed; give {new}"))
    })
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
