//! Flags that had another name once: who still gives the old one is told the new.

/// Subcommand, old flag, and what to give instead.
const RENAMED: [(&str, &str, &str); 3] = [
    ("match", "--packets", "--hits"),
    ("match", "--tails", "--tail-memory SIZE, with a unit, such as 64MiB"),
    ("learn", "--merge", "--baseline FILE"),
];

/// What to say to a command line that holds an old name, if it does.
pub(crate) fn renamed(arguments: &[String]) -> Option<String> {
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
    use crate::args::Cli;
    use clap::CommandFactory;

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
