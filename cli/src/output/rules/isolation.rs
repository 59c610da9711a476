//! Isolation lists: the files that they depend on, and what is said of them.

use super::numbers::now;
use crate::args::{AsOf, Format, IsolateArgs};
use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use std::collections::BTreeMap;
use std::path::Path;
use wormsift::signature::Signature;
use wormsift_export::isolate::{
    self, Class, IsolateOptions, IsolationList, LeftOutHosts, Protected,
};
use wormsift_export::text::counted;

/// The list of these signatures' hosts in a format, and how many lines of the list applied
/// before could not be used.
pub(super) fn write(
    signatures: Vec<&Signature>,
    format: Format,
    args: &IsolateArgs,
    talk: &Talk,
) -> Result<(String, u64), Failure> {
    let protected = match &args.protect {
        None => Protected::default(),
        Some(path) => Protected::read(&read(path)?)
            .map_err(|reason| Failure::of(path.display(), reason))?,
    };
    let (mut applied, mut damaged) = (BTreeMap::new(), 0);
    if let Some(path) = &args.applied {
        let (hosts, lines) = isolate::read(&read(path)?);
        applied = hosts;
        damaged = lines.len() as u64;
        for line in lines {
            talk.warning(format_args!("{}: {line}", path.display()));
        }
    }
    let options = IsolateOptions {
        lasts: args.isolate_for,
        most_new: args.most_new,
        as_of: args.as_of.map(|it| match it {
            AsOf::Now => now(),
            AsOf::At(time) => time,
        }),
        site: args.at_site,
    };
    let list = IsolationList::new(signatures, &protected, &applied, &options);
    say(&list, args, talk);
    let text = match format {
        Format::Nftables => isolate::nftables(&list),
        Format::Ipset => isolate::ipset(&list),
        Format::Iprep => isolate::iprep(&list),
        Format::IsolateStix => isolate::stix(&list),
        _ => isolate::csv(&list),
    };
    Ok((text, damaged))
}

fn say(list: &IsolationList, args: &IsolateArgs, talk: &Talk) {
    let LeftOutHosts { protected, expired, beyond_most, other_site } = list.left_out;
    if protected > 0 {
        let file =
            args.protect.as_ref().map_or_else(String::new, |it| it.display().to_string());
        let hosts = counted(protected, "host");
        talk.warning(format_args!("{hosts} left out: protected by {file}"));
    }
    if expired > 0 {
        let hosts = counted(expired, "host");
        talk.warning(format_args!("{hosts} left out: expired by {}", list.as_of()));
    }
    if beyond_most > 0 {
        let hosts = counted(beyond_most, "host");
        talk.warning(format_args!("{hosts} left out: --most-new is {}", args.most_new));
    }
    if other_site > 0 {
        let hosts = counted(other_site, "host");
        let reason = args.at_site.map_or_else(
            || "their private addresses belong to sites; --at-site names one".to_owned(),
            |site| format!("their private addresses belong to sites other than {site}"),
        );
        talk.warning(format_args!("{hosts} left out: {reason}"));
    }
    let [confirmed, suspected] =
        [Class::Confirmed, Class::Suspected].map(|it| list.count(it));
    talk.detail(format_args!(
        "{confirmed} confirmed, {suspected} suspected; nothing is applied anywhere"
    ));
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::of(path.display(), error))
}
