//! Signatures in the forms that others take.

use crate::args::{Format, Grade, RuleArgs};
use crate::exit_code::Failure;
use crate::talk::Talk;
use std::fs;
use std::path::{Path, PathBuf};
use wormsift::export::{
    Rule, RuleOptions, Sid, SidRegistry, eve, host_sets, misp, snort3, stix, suricata,
    yara, zeek,
};
use wormsift::signature::{Confidence, Signature};

/// The prefix of IPv6 hosts in sets of addresses.
const V6_PREFIX: u8 = 64;

/// Signatures as one text. Those that are too weak for a rule are said and left out.
pub(crate) fn write(
    signatures: &[Signature],
    args: &RuleArgs,
    talk: &Talk,
) -> Result<String, Failure> {
    let least = match args.min_confidence {
        Grade::Low => Confidence::Low,
        Grade::Medium => Confidence::Medium,
        Grade::High => Confidence::High,
    };
    let chosen: Vec<&Signature> =
        signatures.iter().filter(|it| it.confidence >= least).collect();
    match args.format {
        Format::ZeekScript => return Ok(zeek::SCRIPT.to_owned()),
        Format::Nftables => return Ok(host_sets::nftables(chosen, V6_PREFIX)),
        Format::Ipset => return Ok(host_sets::ipset(chosen, V6_PREFIX)),
        _ => {}
    }
    let options =
        RuleOptions { most_bytes: args.most_bytes.into(), ..RuleOptions::default() };
    let mut sids = match &args.sids {
        Some(path) => read_sids(path)?,
        None => {
            talk.warning("without --sids a signature's number may differ in another run");
            SidRegistry::default()
        }
    };
    let mut rules: Vec<Rule<'_>> = Vec::new();
    let all = chosen.len();
    for signature in chosen {
        let mut rule = match Rule::new(signature, Sid { sid: 0, rev: 0 }, &options) {
            Ok(rule) => rule,
            Err(weak) => {
                talk.warning(format_args!("{}: no rule: {weak}", signature.id));
                continue;
            }
        };
        if let Some(same) = rules.iter().find(|known| known.asks_the_same(&rule)) {
            let same = &same.signature.id;
            talk.warning(format_args!("{}: no rule: {same} has the same", signature.id));
            continue;
        }
        rule.sid = sids.assign(&signature.id, &bytes(signature)).map_err(|error| {
            Failure::of(
                args.sids.as_deref().unwrap_or(Path::new("sids")).display(),
                error,
            )
        })?;
        rules.push(rule);
    }
    if rules.len() < all {
        let left_out = all - rules.len();
        talk.warning(format_args!("{left_out} of {all} signatures make no rule"));
    }
    // First the numbers, then the rules: none is ever used and then forgotten.
    if let Some(path) = &args.sids {
        replace(path, &sids.to_json())?;
    }
    let lines = |write: &dyn Fn(&Rule<'_>) -> String| {
        rules.iter().map(|rule| write(rule) + "\n").collect::<String>()
    };
    Ok(match args.format {
        Format::Suricata => lines(&|rule| suricata::rule(rule, &options)),
        Format::Snort3 => lines(&|rule| snort3::rule(rule, &options)),
        Format::Zeek => zeek::HEAD.to_owned() + &lines(&zeek::rule),
        Format::Yara => lines(&yara::rule),
        Format::Eve => lines(&eve::alert),
        Format::Stix => stix::bundle(&rules, &options),
        Format::Misp => misp::event(&rules, &options),
        Format::ZeekScript | Format::Nftables | Format::Ipset => String::new(),
    })
}

/// What a rule's revision follows: the content, and its tokens where there are more.
fn bytes(signature: &Signature) -> Vec<u8> {
    let mut bytes = signature.content.clone();
    if signature.tokens.len() > 1 {
        for token in &signature.tokens {
            bytes.extend((token.len() as u64).to_le_bytes());
            bytes.extend(token);
        }
        bytes.push(u8::from(signature.tokens_ordered));
    }
    bytes
}

fn read_sids(path: &Path) -> Result<SidRegistry, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::of(path.display(), error);
    match fs::read_to_string(path) {
        Ok(text) => SidRegistry::from_json(&text).map_err(|error| wrong(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(SidRegistry::default())
        }
        Err(error) => Err(wrong(&error)),
    }
}

/// Writes a file so that a reader sees the old text or the new one, never a part.
pub(crate) fn replace(
    path: &Path,
    text: &(impl AsRef<[u8]> + ?Sized),
) -> Result<(), Failure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .map_err(|error| Failure::of(path.display(), error))
}
