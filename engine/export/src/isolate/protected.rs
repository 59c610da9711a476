//! Networks that are never listed.

use wormsift::packet::Network;

/// Networks that no list may touch: gateways, resolvers, mail servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected(Vec<Network>);

impl Protected {
    /// Reads a file of [networks](read_networks).
    ///
    /// # Errors
    ///
    /// The first line that is neither address nor network. A file of which a part cannot be
    /// read protects less than its author believes, so none of it is taken.
    pub fn read(text: &str) -> Result<Self, String> {
        read_networks(text).map(Self)
    }

    /// Whether a network overlaps one of these.
    pub fn holds(&self, network: &Network) -> bool {
        let address = network.parts().0;
        self.0.iter().any(|it| it.contains(address) || network.contains(it.parts().0))
    }
}

/// Reads a list of networks: an address or a network a line; empty lines and `#` with what
/// follows are left alone.
///
/// # Errors
///
/// The first line that is neither.
pub fn read_networks(text: &str) -> Result<Vec<Network>, String> {
    let mut networks = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let entry = line.split('#').next().unwrap_or_default().trim();
        if !entry.is_empty() {
            let network = entry.parse().map_err(|_| {
                format!(
                    "line {number}: expected an address or a network such as 192.0.2.0/24, \
                     found `{entry}`"
                )
            })?;
            networks.push(network);
        }
    }
    Ok(networks)
}
