//! Numbers of rules, from a file that outlives the process or for one run.

use super::replace;
use crate::args::RuleArgs;
use crate::output::exit_code::Failure;
use crate::output::talk::Talk;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use wormsift::packet::Timestamp;
use wormsift::signature::Signature;
use wormsift_export::{Rule, SidError, SidRange, SidRegistry};

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanos(since.as_nanos() as u64)
}

/// A registry, and where it is kept.
pub(super) struct Numbers {
    path: Option<PathBuf>,
    registry: SidRegistry,
    now: Timestamp,
}

impl Numbers {
    /// The registry that `--sids` names, with the range that was asked for.
    pub(super) fn open(args: &RuleArgs, talk: &Talk) -> Result<Self, Failure> {
        let mut registry = match &args.sids {
            Some(path) => read(path)?,
            None => {
                talk.warning(
                    "without --sids a signature's number may differ in another run",
                );
                SidRegistry::default()
            }
        };
        if args.sid_base.is_some() || args.sid_count.is_some() {
            let range = registry.range();
            let count = match (args.sid_count, args.sid_base) {
                (Some(count), _) => count,
                (None, Some(base)) if base != range.base() => SidRange::COUNT,
                (None, _) => range.count(),
            };
            let base = args.sid_base.unwrap_or(range.base());
            let asked = SidRange::new(base, count).ok_or_else(|| {
                Failure::usage(format_args!(
                    "--sid-base {base} and --sid-count {count} end beyond {}",
                    u32::MAX
                ))
            })?;
            if asked != range {
                registry.set_range(asked);
            }
        }
        Ok(Self { path: args.sids.clone(), registry, now: now() })
    }

    /// Gives each rule its number, and drops those for which there is none: how many, and
    /// why.
    pub(super) fn give(&mut self, rules: &mut Vec<Rule<'_>>) -> Option<String> {
        let mut reason: Option<(usize, SidError)> = None;
        rules.retain_mut(|rule| {
            let content = bytes(rule.signature);
            match self.registry.assign(&rule.signature.id, &content, self.now) {
                Ok(sid) => {
                    rule.sid = sid;
                    true
                }
                Err(error) => {
                    reason = Some((reason.take().map_or(1, |(many, _)| many + 1), error));
                    false
                }
            }
        });
        let (many, error) = reason?;
        Some(format!(
            "{many} new signatures have no rule: {error}; --sid-count widens the range"
        ))
    }

    /// These rules, and no others, are in the file from now on.
    pub(super) fn settle_file(&mut self, rules: &[Rule<'_>]) {
        let ids: HashSet<&str> = rules.iter().map(|it| &*it.signature.id).collect();
        self.registry.settle(|id| ids.contains(id), self.now);
    }

    /// Only signatures that `has_rule` have one in the file.
    #[cfg(target_os = "linux")]
    pub(super) fn settle(&mut self, has_rule: impl Fn(&str) -> bool) {
        self.registry.settle(has_rule, self.now);
    }

    /// Writes the registry where it is kept.
    pub(super) fn save(&self) -> Result<(), Failure> {
        match &self.path {
            Some(path) => replace(path, &self.registry.to_json()),
            None => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<SidRegistry, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::of(path.display(), error);
    match fs::read_to_string(path) {
        Ok(text) => SidRegistry::from_json(&text).map_err(|error| wrong(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(SidRegistry::default())
        }
        Err(error) => Err(wrong(&error)),
    }
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
