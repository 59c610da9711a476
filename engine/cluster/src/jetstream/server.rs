//! Which broker, and by what right: all secrets are in files.

use crate::Error;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How soon a broken link is noticed: the third ping without an answer ends it.
const PING: Duration = Duration::from_secs(1);
/// How long the broker has to answer anything.
pub(super) const ANSWER: Duration = Duration::from_secs(2);

/// How the broker is reached.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// `tls://host:port` or `nats://host:port`; several with commas between them.
    pub urls: String,
    /// Certificates of the authority that the broker's own is signed by (PEM); without, those
    /// that the system trusts.
    pub authority: Option<PathBuf>,
    /// The client's own certificate and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// A file of credentials (JWT and seed), as `nsc` writes it.
    pub credentials: Option<PathBuf>,
    /// Allows links that anyone on the way can read and change.
    pub plain_text: bool,
}

fn refused(url: &str, why: &str) -> Error {
    Error::Settings(format!("{url}: {why}"))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn readable(what: &'static str, path: &Path) -> Result<(), Error> {
    std::fs::read(path).map(drop).map_err(Error::io(what, path))
}

impl Server {
    /// Checks all that can be checked before anything is sent.
    fn check(&self) -> Result<Vec<async_nats::ServerAddr>, Error> {
        let mut addresses = Vec::new();
        let is_secured = self.authority.is_some() || self.identity.is_some();
        for url in self.urls.split(',').map(str::trim) {
            let expected = "expected tls://host:port or nats://host:port";
            let address: async_nats::ServerAddr =
                url.parse().map_err(|why| refused(url, &format!("{expected}: {why}")))?;
            if address.is_websocket() || address.host().is_empty() {
                return Err(refused(url, expected));
            }
            if address.has_user_pass() {
                // Never repeated: whoever reads the log could use it.
                return Err(refused(
                    address.host(),
                    "a password in the address can be seen by every user of this machine; \
                     name a file of credentials instead",
                ));
            }
            let is_plain = !address.tls_required() && !is_secured;
            if is_plain && !self.plain_text && !is_loopback(address.host()) {
                return Err(refused(
                    url,
                    "would be plain text, which anyone on the way can read and change; use \
                     tls:// with certificates, or allow plain text",
                ));
            }
            addresses.push(address);
        }
        if let Some(path) = &self.authority {
            readable("read the authority's certificates", path)?;
        }
        if let Some((certificate, key)) = &self.identity {
            readable("read the certificate", certificate)?;
            readable("read the certificate's key", key)?;
        }
        if let Some(path) = &self.credentials {
            readable("read the credentials", path)?;
        }
        Ok(addresses)
    }

    /// Options that connect once; who uses them connects again.
    pub(super) fn options(
        &self,
    ) -> Result<(Vec<async_nats::ServerAddr>, async_nats::ConnectOptions), Error> {
        let addresses = self.check()?;
        let has_tls = addresses.iter().any(async_nats::ServerAddr::tls_required)
            || self.authority.is_some()
            || self.identity.is_some();
        let mut options = async_nats::ConnectOptions::new()
            .require_tls(has_tls)
            .ignore_discovered_servers()
            .max_reconnects(addresses.len())
            .reconnect_delay_callback(|_| Duration::ZERO)
            .connection_timeout(ANSWER)
            .request_timeout(Some(ANSWER))
            .ping_interval(PING);
        if let Some(path) = &self.authority {
            options = options.add_root_certificates(path.clone());
        }
        if let Some((certificate, key)) = &self.identity {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        if let Some(path) = &self.credentials {
            let text = std::fs::read_to_string(path)
                .map_err(Error::io("read the credentials", path))?;
            options = options.credentials(&text).map_err(|_| {
                let why =
                    "expected a JWT and a seed, as `nsc generate creds` writes them";
                Error::file("use the credentials", path, why)
            })?;
        }
        Ok((addresses, options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(urls: &str) -> Result<(), String> {
        let server = Server { urls: urls.into(), ..Server::default() };
        server.options().map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn plain_text_stays_on_the_machine() {
        for url in ["nats://127.0.0.1:4222", "nats://[::1]:4222", "nats://localhost"] {
            assert_eq!(said(url), Ok(()), "{url}");
        }
        for url in ["nats://10.0.0.1:4222", "nats://localhost.example", "10.0.0.1"] {
            let said = said(url).unwrap_err();
            assert!(said.contains("would be plain text"), "{said}");
            assert!(!said.contains('\n'));
        }
        assert!(said("nats://127.0.0.1,nats://10.0.0.1").is_err());
        assert_eq!(said("tls://10.0.0.1"), Ok(()));
        let plain_text = Server {
            urls: "nats://10.0.0.1".into(),
            plain_text: true,
            ..Server::default()
        };
        assert!(plain_text.options().is_ok());
    }

    #[test]
    fn secrets_are_in_files() {
        let with_password = said("tls://user:secret@broker").unwrap_err();
        assert!(with_password.contains("file of credentials"), "{with_password}");
        assert!(!with_password.contains("secret"), "{with_password}");
        for url in ["ws://localhost", "http://localhost", "nats://"] {
            assert!(said(url).unwrap_err().contains("expected tls://"), "{url}");
        }
        let missing = Server {
            urls: "tls://broker".into(),
            identity: Some(("/no/such/file".into(), "/no/such/key".into())),
            ..Server::default()
        };
        let said = missing.options().unwrap_err().to_string();
        assert!(said.starts_with("/no/such/file: cannot read the certificate"), "{said}");
    }
}
