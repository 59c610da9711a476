//! Signatures in the forms that other programs take.

use crate::arguments::Whole;
use crate::error;
use crate::findings::Signature;
use pyo3::prelude::*;
use wormsift::signature;
use wormsift_export::{
    Rule, RuleOptions, Sid, SidRange, eve, misp, select, snort3, stix, suricata, yara,
    zeek,
};

/// The first number of a rule, unless told otherwise: that of the tool.
pub(crate) const FIRST: u32 = SidRange::BASE;

fn options(most_bytes: Option<u16>) -> PyResult<RuleOptions> {
    let mut options = RuleOptions::default();
    if let Some(most) = most_bytes {
        if !(16..=RuleOptions::HARD_LIMIT).contains(&usize::from(most)) {
            let expected = format!(
                "most_bytes: expected 16 to {}, found {most}",
                RuleOptions::HARD_LIMIT
            );
            return Err(error::value(expected));
        }
        options.most_bytes = most.into();
    }
    Ok(options)
}

fn text(rules: &[Rule<'_>], format: &str, options: &RuleOptions) -> PyResult<String> {
    let lines = |write: &dyn Fn(&Rule<'_>) -> String| -> String {
        rules.iter().map(|rule| write(rule) + "\n").collect()
    };
    Ok(match format {
        "suricata" => lines(&|rule| suricata::rule(rule, options)),
        "snort3" => lines(&|rule| snort3::rule(rule, options)),
        "zeek" => zeek::HEAD.to_owned() + &lines(&zeek::rule),
        "yara" => lines(&yara::rule),
        "eve" => lines(&|rule| eve::alert(rule, None)),
        "stix" => stix::bundle(rules, options),
        "misp" => misp::event(rules, options),
        other => {
            let expected = "suricata, snort3, zeek, yara, eve, stix or misp";
            let found = other.escape_debug();
            return Err(error::value(format!(
                "format: expected {expected}, found `{found}`"
            )));
        }
    })
}

/// One signature, without the line feed.
pub(crate) fn one(
    signature: &signature::Signature,
    format: &str,
    sid: u32,
    most_bytes: Option<u16>,
) -> PyResult<String> {
    let options = options(most_bytes)?;
    let rule = Rule::new(signature, Sid { sid, rev: 1 }, &options).map_err(|reason| {
        error::config(format!("{}: no rule: {reason}", signature.id))
    })?;
    Ok(text(&[rule], format, &options)?.trim_end_matches('\n').to_owned())
}

/// Signatures as one text in the form of `wormsift export`: those that make a rule, each question
/// once, numbered from `sid` on. What makes no rule is left out; Signature.rule says why.
#[pyfunction]
#[pyo3(
    signature = (signatures, format="suricata", *, sid=Whole(FIRST), most_bytes=None),
    text_signature = "(signatures, format='suricata', *, sid=1500000, most_bytes=None)"
)]
pub(crate) fn rules(
    signatures: Vec<Signature>,
    format: &str,
    sid: Whole<u32>,
    most_bytes: Option<Whole<u16>>,
) -> PyResult<String> {
    let options = options(most_bytes.map(|it| it.0))?;
    let mut selected = select(signatures.iter().map(Signature::get), &options).rules;
    for (rule, number) in selected.iter_mut().zip(0_u32..) {
        let sid = sid.0.checked_add(number);
        let sid =
            sid.ok_or_else(|| error::value("sid: the numbers end beyond 4294967295"))?;
        rule.sid = Sid { sid, rev: 1 };
    }
    text(&selected, format, &options)
}
