//! Taps: `--tap NAME=FILE...` of captures, `--interface NAME` of a live sensor, and the `--site`
//! of those after it.

use crate::input::inputs::Source;
use crate::output::exit_code::Failure;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueHint};
use wormsift::config::{Config, Tap};
use wormsift::packet::Site;

/// The captures of each tap, in the order of the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct TapArgs {
    taps: Vec<Given>,
    /// A site that stands before none of them.
    lone_site: Option<String>,
}

/// One `--tap`.
#[derive(Clone, Debug)]
struct Given {
    /// `NAME=FILE`, and the files after it.
    values: Vec<String>,
    /// The last `--site` before it.
    site: Option<String>,
}

impl Args for TapArgs {
    fn augment_args(command: Command) -> Command {
        let tap = Arg::new("tap")
            .long("tap")
            .value_name("NAME=CAPTURE")
            .value_hint(ValueHint::AnyPath)
            .num_args(1..)
            .action(ArgAction::Append)
            .conflicts_with("captures")
            .help(
                "What one tap saw, in place of CAPTURE; repeatable. All taps are one trace by \
                 time, then in the order given, and a packet that several saw within 10 ms counts once",
            );
        command.args([tap, site("tap")].map(|it| it.help_heading("Taps")))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for TapArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut places = places("tap", matches);
        let taps = matches.get_occurrences::<String>("tap").into_iter().flatten();
        let given = taps.map(|values| {
            let values: Vec<String> = values.cloned().collect();
            let first = places.next().unwrap_or(0);
            values.iter().skip(1).for_each(|_| _ = places.next());
            Given { values, site: site_before(first, matches) }
        });
        Ok(Self { taps: given.collect(), lone_site: lone_site("tap", matches) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl TapArgs {
    /// Whether none is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    /// The words of the command line that name what is read.
    pub(crate) fn as_given(&self, captures: &[String]) -> Vec<String> {
        let mut words = captures.to_vec();
        let mut last = None;
        for Given { values, site } in &self.taps {
            if let Some(site) = site.as_ref().filter(|site| last != Some(*site)) {
                words.extend(["--site".to_owned(), site.clone()]);
                last = Some(site);
            }
            words.push("--tap".to_owned());
            words.extend(values.iter().cloned());
        }
        words
    }

    /// The sources, those of taps or else `captures`, which are all of one; the settings then
    /// know the taps.
    pub(crate) fn sources(
        &self,
        captures: &[String],
        config: &mut Config,
    ) -> Result<Vec<Source>, Failure> {
        if let Some(site) = &self.lone_site {
            let reason = format!("--site {site}: expected a --tap after it, found none");
            return Err(Failure::usage(reason));
        }
        if self.taps.is_empty() {
            check_settings(config, "--tap")?;
            return Ok(vec![Source { tap: 0, arguments: captures.to_vec() }]);
        }
        let mut taps = Vec::new();
        let mut sources = Vec::new();
        for (number, Given { values, site }) in (0..).zip(&self.taps) {
            let (name, arguments) = files_of(values)?;
            taps.push(tap("--tap", name, site.as_deref())?);
            sources.push(Source { tap: number, arguments });
        }
        let stdin = sources.iter().flat_map(|it| &it.arguments).filter(|it| *it == "-");
        if stdin.count() > 1 {
            let reason =
                "--tap: expected standard input (`-`) once, found it in several places";
            return Err(Failure::usage(reason));
        }
        config.taps = taps;
        config.validate().map_err(Failure::usage)?;
        Ok(sources)
    }
}

/// The interfaces that a live sensor listens on, in the order of the command line.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, Default)]
pub(crate) struct InterfaceArgs {
    interfaces: Vec<(String, Option<String>)>,
    /// A site that stands before none of them.
    lone_site: Option<String>,
}

#[cfg(target_os = "linux")]
impl Args for InterfaceArgs {
    fn augment_args(command: Command) -> Command {
        let interface = Arg::new("interface")
            .short('i')
            .long("interface")
            .value_name("IFACE")
            .required(true)
            .action(ArgAction::Append)
            .help(
                "The interface to listen on, any for all of them; repeatable: then each is a tap of \
                 its own, and a packet that several saw within 10 ms counts once",
            );
        command.args([interface, site("interface").help_heading("Taps")])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(target_os = "linux")]
impl FromArgMatches for InterfaceArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let names = matches.get_many::<String>("interface").into_iter().flatten();
        let given = places("interface", matches).zip(names);
        let interfaces = given.map(|(at, it)| (it.clone(), site_before(at, matches)));
        let lone_site = lone_site("interface", matches);
        Ok(Self { interfaces: interfaces.collect(), lone_site })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(target_os = "linux")]
impl InterfaceArgs {
    /// Their names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.interfaces.iter().map(|(name, _)| name.as_str())
    }

    /// Lets the settings know of several interfaces, or of the site of one.
    pub(crate) fn name_taps(&self, config: &mut Config) -> Result<(), Failure> {
        if let Some(site) = &self.lone_site {
            let reason =
                format!("--site {site}: expected an --interface after it, found none");
            return Err(Failure::usage(reason));
        }
        if let [(_, None)] = &self.interfaces[..] {
            check_settings(config, "--interface")?;
            return Ok(());
        }
        let taps = self
            .interfaces
            .iter()
            .map(|(name, site)| tap("--interface", name, site.as_deref()));
        config.taps = taps.collect::<Result<_, _>>()?;
        config.validate().map_err(Failure::usage)
    }
}

/// The flag of sites, which stand before what they are of.
fn site(of: &'static str) -> Arg {
    let help = format!(
        "The site of each --{of} after it: private addresses of two sites are two hosts. Default: \
         all see one address space"
    );
    let site = Arg::new("site").long("site").value_name("NAME");
    site.action(ArgAction::Append).help(help)
}

/// Where the values of a flag stand on the command line.
fn places<'a>(
    flag: &str,
    matches: &'a ArgMatches,
) -> impl Iterator<Item = usize> + use<'a> {
    matches.indices_of(flag).into_iter().flatten()
}

/// The last `--site` before a place.
fn site_before(place: usize, matches: &ArgMatches) -> Option<String> {
    let names = matches.get_many::<String>("site").into_iter().flatten();
    let before = places("site", matches).zip(names).filter(|(at, _)| *at < place);
    before.last().map(|(_, name)| name.clone())
}

/// The first `--site` before none of a flag.
fn lone_site(flag: &str, matches: &ArgMatches) -> Option<String> {
    let names = matches.get_many::<String>("site").into_iter().flatten();
    let sites: Vec<_> = places("site", matches).zip(names).collect();
    let is_before = |at: usize, end: Option<usize>| {
        places(flag, matches).any(|it| it > at && end.is_none_or(|end| it < end))
    };
    let ends = sites.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
    let mut lone = sites.iter().zip(ends).filter(|((at, _), end)| !is_before(*at, *end));
    lone.next().map(|((_, name), _)| (*name).clone())
}

fn tap(flag: &str, name: &str, site: Option<&str>) -> Result<Tap, Failure> {
    let site = site.map(str::parse::<Site>).transpose();
    let site = site.map_err(|reason| Failure::usage(format!("--site: {reason}")))?;
    Tap::new(name, site).map_err(|reason| Failure::usage(format!("{flag}: {reason}")))
}

/// What the settings say of taps where the command line names none.
fn check_settings(config: &Config, flag: &str) -> Result<(), Failure> {
    match config.taps.len() {
        0 | 1 => Ok(()),
        found => Err(Failure::usage(format!(
            "taps: expected {flag} for each of {found}, found none"
        ))),
    }
}

/// The name of a tap and its captures.
fn files_of(values: &[String]) -> Result<(&str, Vec<String>), Failure> {
    let (first, more) =
        values.split_first().map_or(("", &[][..]), |(first, more)| (first, more));
    match first.split_once('=') {
        Some((name, file)) if !file.is_empty() => {
            Ok((name, [file.to_owned()].into_iter().chain(more.to_vec()).collect()))
        }
        _ => {
            Err(Failure::usage(format!("--tap: expected NAME=CAPTURE, found `{first}`")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser, Debug)]
    struct Line {
        captures: Vec<String>,
        #[command(flatten)]
        taps: TapArgs,
    }

    type Found = Vec<(String, Vec<String>)>;

    fn sources(line: &str) -> Result<Found, String> {
        let given = line;
        let line = Line::try_parse_from(["t"].into_iter().chain(line.split(' ')));
        let line = line.map_err(|error| error.to_string())?;
        let mut config = Config::default();
        let sources = line.taps.sources(&line.captures, &mut config);
        let sources = sources.map_err(|failure| format!("{failure:?}"))?;
        assert_eq!(line.taps.as_given(&line.captures).join(" "), given);
        let name = |it: &Source| {
            let tap = config.taps.get(usize::from(it.tap));
            tap.map_or(String::new(), Tap::to_string)
        };
        Ok(sources.into_iter().map(|it| (name(&it), it.arguments)).collect())
    }

    #[test]
    fn each_tap_has_its_files_and_the_site_before_it() {
        let found = |all: &[(&str, &[&str])]| -> Result<Found, String> {
            let owned =
                |files: &[&str]| files.iter().map(|it| (*it).to_owned()).collect();
            Ok(all.iter().map(|(tap, files)| ((*tap).to_owned(), owned(files))).collect())
        };
        assert_eq!(sources("a b"), found(&[("", &["a", "b"])]));
        assert_eq!(
            sources("--tap edge=a b --tap core=c=d"),
            found(&[("edge", &["a", "b"]), ("core", &["c=d"])])
        );
        assert_eq!(
            sources("--tap x=1 --site be --tap y=2 3 --tap z=4 --site pa --tap w=5"),
            found(&[
                ("x", &["1"]),
                ("y@be", &["2", "3"]),
                ("z@be", &["4"]),
                ("w@pa", &["5"])
            ])
        );
    }

    #[test]
    fn what_is_no_tap_is_refused_in_one_line() {
        for (line, reason) in [
            ("--tap a", "expected NAME=CAPTURE, found `a`"),
            ("--tap a=", "expected NAME=CAPTURE, found `a=`"),
            ("--tap =a", "expected the name of a tap"),
            ("--tap a=1 --tap a=2", "a name for each"),
            ("--site B --tap a=1", "expected the name of a site"),
            ("a --tap a=1", "cannot be used with"),
            ("--site b a", "--site b: expected a --tap after it"),
            ("--tap a=1 --site b", "--site b: expected a --tap after it"),
            ("--site b --site c --tap a=1", "--site b: expected a --tap after it"),
            ("--tap a=- --tap b=-", "expected standard input (`-`) once"),
        ] {
            let error = sources(line).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
