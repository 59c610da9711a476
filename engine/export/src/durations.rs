//! For how long hosts keep an address, by network: what turns addresses into hosts.
//!
//! Guarantees: of the networks in the file, those count that are the narrowest around a listed
//! source of a signature, or a host of an incident; the rows of all of these are taken together. Where no listed source
//! lies in any, nothing is estimated. The formula and what rows it wants stand at
//! [`Population::with_durations`](wormsift::signature::Population::with_durations). Costs: a
//! look at every network for each listed source, and a bootstrap, a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use wormsift::packet::{Host, Network};
use wormsift::signature::{Finding, Incident, Signature};

/// The durations of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durations(BTreeMap<Network, Vec<f64>>);

impl Durations {
    /// Reads a file: a network or an address, a comma, and seconds a line. The first line may
    /// name the columns; empty lines and `#` with what follows are left alone.
    ///
    /// # Errors
    ///
    /// The first line that is something else: an estimate by half a file would be another.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut networks: BTreeMap<Network, Vec<f64>> = BTreeMap::new();
        let lines =
            (1..).zip(text.lines().map(|line| line.split('#').next().unwrap_or("")));
        let mut lines = lines.filter(|(_, line)| !line.trim().is_empty()).peekable();
        lines.next_if(|(_, line)| columns(line) == Some(HEADER));
        for (number, line) in lines {
            let row = || {
                let (network, seconds) = columns(line)?;
                let seconds: f64 = seconds.parse().ok()?;
                let is_duration = seconds.is_finite() && seconds > 0.0;
                Some((network.parse().ok().filter(|_| is_duration)?, seconds))
            };
            let (network, seconds) = row().ok_or_else(|| {
                format!(
                    "line {number}: expected a network and seconds above zero such as \
                     192.0.2.0/24,86400, found `{}`",
                    line.trim()
                )
            })?;
            networks.entry(network).or_default().push(seconds);
        }
        Ok(Self(networks))
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The finding with the number of hosts estimated, where that can be done.
    pub fn estimate(&self, finding: Finding) -> Finding {
        if self.is_empty() {
            return finding;
        }
        match finding {
            Finding::Signature(it) => Finding::Signature(self.estimated(it)),
            Finding::Update(it) => Finding::Update(self.estimated(it)),
            Finding::Summary(it) => Finding::Summary(self.estimated(it)),
        }
    }

    /// The same of an incident, by the durations around its hosts.
    pub fn estimate_incident(&self, incident: Incident) -> Incident {
        if self.is_empty() {
            return incident;
        }
        let hosts = incident.hosts.iter().map(|it| it.host);
        let durations = self.around(hosts);
        let window = incident.last_seen.since(incident.first_seen);
        let population =
            incident.population.map(|it| it.with_durations(&durations, window));
        Incident { population, ..incident }
    }

    fn estimated(&self, signature: Signature) -> Signature {
        let durations = self.around(signature.source_list.iter().copied());
        let window = signature.last_seen.since(signature.first_seen);
        let population =
            signature.population.map(|it| it.with_durations(&durations, window));
        Signature { population, ..signature }
    }

    /// The durations of the narrowest network around each of these.
    fn around(&self, hosts: impl Iterator<Item = Host>) -> Vec<f64> {
        let around: BTreeSet<_> =
            hosts.filter_map(|host| self.narrowest(host.address())).collect();
        around.iter().flat_map(|network| &self.0[*network]).copied().collect()
    }

    fn narrowest(&self, address: IpAddr) -> Option<&Network> {
        let around = self.0.keys().filter(|network| network.contains(address));
        around.max_by_key(|network| network.parts().1)
    }
}

/// The names of the columns.
const HEADER: (&str, &str) = ("prefix", "seconds");

fn columns(line: &str) -> Option<(&str, &str)> {
    let (first, second) = line.split_once(',')?;
    Some((first.trim(), second.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_lines;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let text = "prefix, seconds\n# a comment\n192.0.2.0/24,86400\n\n192.0.2.0/24, 3600.5 # b\n\
                    2001:db8::/32,1\n";
        let read = Durations::read(text).unwrap();
        assert_eq!((read.len(), read.is_empty()), (3, false));
        assert_eq!(read.0[&"192.0.2.0/24".parse().unwrap()], [86_400.0, 3_600.5]);
        assert_eq!(Durations::read(""), Ok(Durations::default()));
        assert_eq!(Durations::read("prefix,seconds\n"), Ok(Durations::default()));
        for (bad, line) in [
            ("192.0.2.0/24", 1),
            ("192.0.2.0/24,1\nprefix,seconds", 2),
            ("\n192.0.2.0/33,1", 2),
            ("192.0.2.0/24,0", 1),
            ("192.0.2.0/24,-1", 1),
            ("192.0.2.0/24,inf", 1),
            ("192.0.2.0/24,NaN", 1),
            ("192.0.2.0/24,1,2", 1),
        ] {
            let error = Durations::read(bad).unwrap_err();
            assert!(error.starts_with(&format!("line {line}: ")), "{error}");
        }
    }

    /// A summary of the schema's tests, over one day, with 1,000 addresses in all.
    fn finding() -> Finding {
        let lines = include_str!("../schema/full.jsonl");
        let line =
            lines.lines().find(|line| line.contains(r#""type":"summary""#)).unwrap();
        let line = line
            .replace(r#""last_seen":"1970-01-01T00:00:01.700"#, r#""last_seen":"1970-01-02T00:00:00.000"#)
            .replace(r#""hosts_low":220,"hosts_estimate":310,"hosts_high":400,"hosts_method":"cardcount""#,
                r#""hosts_low":220,"hosts_estimate":null,"hosts_high":900,"hosts_method":"window""#);
        json_lines::read(&line).unwrap().unwrap()
    }

    #[test]
    fn rows_of_the_narrowest_networks_around_listed_sources_count() {
        let hosts = |file: &str| {
            let found = Durations::read(file).unwrap().estimate(finding());
            found.signature().population.unwrap().hosts.estimate
        };
        // Addresses are kept for a day, and seen for a day: each host had two.
        assert_eq!(hosts("0.0.0.0/0,86400"), Some(450));
        // For two days: three in two.
        assert_eq!(hosts("0.0.0.0/0,86400\n192.0.2.0/24,172800"), Some(600));
        // Both: half of them so, half of them so.
        let both = "192.0.2.0/28,86400\n192.0.2.30,172800\n198.51.100.0/24,1";
        assert_eq!(hosts(both), Some(525));
        assert_eq!(hosts("198.51.100.0/24,86400\n::/0,1"), None);
        assert_eq!(hosts(""), None);
    }
}
