//! `wormsift man`: the manual pages.

use super::plain_command;
use crate::args::ManArgs;
use crate::output::exit_code::{Exit, Failure};
use crate::output::stdout::print;
use clap_mangen::Man;
use std::fs;

pub(super) fn run(args: &ManArgs) -> Result<Exit, Failure> {
    match &args.output {
        None => {
            let page = page(plain_command())?;
            print(&String::from_utf8_lossy(&page))?;
        }
        Some(folder) => {
            let written = |error| Failure::of(folder.display(), error);
            fs::create_dir_all(folder).map_err(written)?;
            for (name, command) in all() {
                let path = folder.join(format!("{name}.1"));
                fs::write(&path, page(command)?)
                    .map_err(|error| Failure::of(path.display(), error))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// The main command and the subcommands, by the names of their pages.
fn all() -> Vec<(String, clap::Command)> {
    // `help` would get a page for each name that it can be asked about.
    let mut main = plain_command().disable_help_subcommand(true);
    main.build();
    let subcommands: Vec<_> = main
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| {
            let name = format!("wormsift-{}", command.get_name());
            let command = command.clone().version(env!("CARGO_PKG_VERSION"));
            (name.clone(), command.display_name(&name))
        })
        .collect();
    [("wormsift".to_owned(), main)].into_iter().chain(subcommands).collect()
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::of("manual page", error))?;
    Ok(page)
}
