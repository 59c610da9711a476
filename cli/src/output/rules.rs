//! Signatures in the forms that others take.

mod isolation;
mod numbers;

pub(crate) use numbers::now;

use crate::args::{Format, RuleArgs};
use crate::output::exit_code::Failure;
pub(crate) use crate::output::output_file::replace;
use crate::output::talk::Talk;
use numbers::Numbers;
use wormsift::signature::Signature;
use wormsift_export::text::counted;
use wormsift_export::{
    Rule, RuleOptions, eve, misp, select, snort3, stix, suricata, yara, zeek,
};

/// Signatures as one text, and how many lines of other files could not be used. Signatures that
/// are too weak for a rule are said and left out.
pub(crate) fn write<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    args: &RuleArgs,
    talk: &Talk,
) -> Result<(String, u64), Failure> {
    let written = write_file(signatures, args, talk)?;
    if let Some(reason) = written.without_number {
        talk.warning(reason);
    }
    Ok((written.text, written.damaged))
}

/// Those that are not muted, or all if that is asked for: signatures, each with whether it is.
/// What is left out is said.
pub(crate) fn not_muted<'a>(
    signatures: impl IntoIterator<Item = (&'a Signature, bool)>,
    args: &RuleArgs,
    talk: &Talk,
) -> Vec<&'a Signature> {
    let mut left_out = 0;
    let wanted = signatures.into_iter().filter(|(_, is_muted)| {
        let is_wanted = args.with_muted || !is_muted;
        left_out += u64::from(!is_wanted);
        is_wanted
    });
    let wanted = wanted.map(|(signature, _)| signature).collect();
    if left_out > 0 {
        talk.warning(format_args!(
            "{} left out: muted; --with-muted takes them",
            counted(left_out, "signature")
        ));
    }
    wanted
}

/// What became of signatures.
pub(crate) struct Written {
    pub(crate) text: String,
    /// How many signatures have no number, and why.
    pub(crate) without_number: Option<String>,
    /// How many lines of the list that was applied before could not be used.
    pub(crate) damaged: u64,
}

/// The same, and what the caller may want to say once only.
pub(crate) fn write_file<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    args: &RuleArgs,
    talk: &Talk,
) -> Result<Written, Failure> {
    let chosen = chosen(signatures, args, talk);
    let of = |text, damaged| Ok(Written { text, without_number: None, damaged });
    if args.format == Format::ZeekScript {
        return of(zeek::SCRIPT.to_owned(), 0);
    }
    if args.format.is_host_set() {
        let (text, damaged) = isolation::write(chosen, args.format, &args.isolate, talk)?;
        return of(text, damaged);
    }
    let options = options(args);
    let mut numbers = Numbers::open(args, talk)?;
    let all = chosen.len();
    let selected = select(chosen, &options);
    for (signature, reason) in &selected.left_out {
        talk.warning(format_args!("{}: no rule: {reason}", signature.id));
    }
    let mut rules = selected.rules;
    if rules.len() < all {
        let left_out = all - rules.len();
        talk.warning(format_args!("{left_out} of {all} signatures make no rule"));
    }
    let without_number = numbers.give(&mut rules);
    numbers.settle_file(&rules);
    // First the numbers, then the rules: none is ever used and then forgotten.
    numbers.save()?;
    let text = text(&rules, args.format, &options);
    Ok(Written { text, without_number, damaged: 0 })
}

/// Signatures as EVE alerts, one a line, seen on an interface. `has_rule` says which
/// signatures have a rule in a file that takes its numbers from the same registry.
#[cfg(target_os = "linux")]
pub(crate) fn alerts<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    args: &RuleArgs,
    interface: &str,
    has_rule: impl Fn(&str) -> bool,
) -> Result<Written, Failure> {
    let talk = Talk::silent();
    let options = options(args);
    let mut numbers = Numbers::open(args, &talk)?;
    let chosen = chosen(signatures, args, &talk);
    // No rule is asked twice here: each finding has its own line.
    let rules = chosen.into_iter().filter_map(|it| select([it], &options).rules.pop());
    let mut rules: Vec<Rule<'_>> = rules.collect();
    let without_number = numbers.give(&mut rules);
    numbers.settle(has_rule);
    numbers.save()?;
    let lines = rules.iter().map(|rule| eve::alert(rule, Some(interface)) + "\n");
    Ok(Written { text: lines.collect(), without_number, damaged: 0 })
}

pub(crate) fn options(args: &RuleArgs) -> RuleOptions {
    RuleOptions { most_bytes: args.most_bytes.into(), ..RuleOptions::default() }
}

/// Those of a sufficient grade and of the kinds that are asked for, in their order; of too many, those of the most weight.
fn chosen<'a>(
    signatures: impl IntoIterator<Item = &'a Signature>,
    args: &RuleArgs,
    talk: &Talk,
) -> Vec<&'a Signature> {
    let least = args.least();
    let mut chosen: Vec<&Signature> =
        signatures.into_iter().filter(|it| it.confidence >= least).collect();
    let all = chosen.len();
    chosen.retain(|signature| args.takes(signature));
    if chosen.len() < all {
        let hint = match args.incident {
            Some(_) => "of other incidents",
            None => "of kinds that were not asked for; --kind all takes them",
        };
        let left_out = counted((all - chosen.len()) as u64, "signature");
        talk.warning(format_args!("{left_out} left out: {hint}"));
    }
    let most = args.most_rules.map_or(usize::MAX, |most| most as usize);
    if chosen.len() > most {
        let mut order: Vec<usize> = (0..chosen.len()).collect();
        order.sort_by(|a, b| chosen[*b].by_weight(chosen[*a]));
        let left_out = order.len() - most;
        order.truncate(most);
        order.sort_unstable();
        chosen = order.into_iter().map(|at| chosen[at]).collect();
        talk.warning(format_args!(
            "{left_out} signatures of the lowest grade and spread are left out: \
             --most-rules is {most}"
        ));
    }
    chosen
}

fn text(rules: &[Rule<'_>], format: Format, options: &RuleOptions) -> String {
    let lines = |write: &dyn Fn(&Rule<'_>) -> String| {
        rules.iter().map(|rule| write(rule) + "\n").collect::<String>()
    };
    match format {
        Format::Suricata => lines(&|rule| suricata::rule(rule, options)),
        Format::Snort3 => lines(&|rule| snort3::rule(rule, options)),
        Format::Zeek => zeek::HEAD.to_owned() + &lines(&zeek::rule),
        Format::Yara => lines(&yara::rule),
        Format::Eve => lines(&|rule| eve::alert(rule, None)),
        Format::Stix => stix::bundle(rules, options),
        Format::Misp => misp::event(rules, options),
        // Without rules, and written before.
        Format::ZeekScript
        | Format::Isolate
        | Format::Nftables
        | Format::Ipset
        | Format::Iprep
        | Format::IsolateStix => String::new(),
    }
}
