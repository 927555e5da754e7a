//! Which proxy requests go through.
//!
//! Of the environment only `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, and their lower-case
//! forms. `HTTP_PROXY` does not: plain http is for loopback, which never goes through a proxy (and a
//! CGI program gets a variable of that name from its visitors).

use std::env::VarError;

use ureq::{Proxy, ProxyProtocol};

use crate::error::{Error, Result};

/// What the program said of proxies.
#[derive(Clone)]
pub(crate) enum Proxies {
    /// Nothing: what the environment names when the first request goes out.
    OfTheEnvironment,
    None,
    Named(Proxy),
}

impl Proxies {
    /// `argument` is the one to be blamed for an address that cannot be used.
    pub fn named(argument: &str, uri: Option<&str>) -> Result<Proxies> {
        let Some(uri) = uri else { return Ok(Proxies::None) };
        read(uri).map(Proxies::Named).ok_or_else(|| {
            Error::invalid_argument(
                argument,
                "it is no proxy's address: http://, https://, socks4://, socks4a://, socks5:// or \
                 socks5h://, then user:password@ where needed, host and port",
            )
        })
    }

    pub fn password(&self) -> Option<&str> {
        match self {
            Proxies::Named(proxy) => proxy.password(),
            _ => None,
        }
    }

    /// `direct_hosts` are the app's hosts that the environment's proxy may not see, besides those of
    /// `NO_PROXY`.
    pub fn proxy(&self, direct_hosts: &[&str]) -> Result<Option<Proxy>> {
        match self {
            Proxies::OfTheEnvironment => from_environment(direct_hosts),
            Proxies::None => Ok(None),
            Proxies::Named(proxy) => Ok(Some(proxy.clone())),
        }
    }
}

/// A proxy's address, as nothing but that: ureq lets a path pass, drops a fragment, and takes its
/// default port for one that makes no sense.
fn read(uri: &str) -> Option<Proxy> {
    if uri.contains('#') {
        return None;
    }
    let proxy = Proxy::new(uri).ok()?;
    let authority = proxy.uri().authority().map_or("", |authority| authority.as_str());
    let behind_host = authority.rsplit(['@', ']']).next().unwrap_or_default();
    let odd_port = behind_host.contains(':') && proxy.uri().port_u16().is_none_or(|port| port == 0);
    let only_an_address = matches!(proxy.uri().path(), "" | "/") && proxy.uri().query().is_none();
    (only_an_address && !proxy.host().is_empty() && !odd_port && can_authenticate(&proxy))
        .then_some(proxy)
}

/// Whether its protocol can carry user and password, where there are any.
fn can_authenticate(proxy: &Proxy) -> bool {
    let Some(user) = proxy.username() else { return true };
    let password = proxy.password().unwrap_or_default();
    match proxy.protocol() {
        // RFC 7617: the user ends at the first colon.
        ProxyProtocol::Http | ProxyProtocol::Https => !user.contains(':'),
        // RFC 1929: each has a length of 1 to 255.
        ProxyProtocol::Socks5 | ProxyProtocol::Socks5h => {
            [user, password].iter().all(|text| (1..=255).contains(&text.len()))
        }
        _ => false,
    }
}

/// A variable that is set and not empty, lower case first, as curl does it.
fn variable(name: &str) -> Result<Option<(String, String)>> {
    for name in [name.to_lowercase(), name.to_owned()] {
        match std::env::var(&name) {
            Ok(value) if !value.is_empty() => return Ok(Some((name, value))),
            Err(VarError::NotUnicode(_)) => return Err(unusable(&name)),
            _ => {}
        }
    }
    Ok(None)
}

fn unusable(name: &str) -> Error {
    Error::invalid_argument(name, "this variable of the environment does not name a proxy")
}

fn from_environment(direct_hosts: &[&str]) -> Result<Option<Proxy>> {
    let https = variable("HTTPS_PROXY")?;
    let Some((name, uri)) = https.map_or_else(|| variable("ALL_PROXY"), |found| Ok(Some(found)))?
    else {
        return Ok(None);
    };
    let proxy = read(&uri).ok_or_else(|| unusable(&name))?;
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user).password(proxy.password().unwrap_or_default());
    }
    let (_, exceptions) = variable("NO_PROXY")?.unwrap_or_default();
    for entry in exceptions.split([',', ' ']).filter(|entry| !entry.is_empty()) {
        // As curl reads it: a name stands for itself and for everything below it.
        let bare = entry.trim_start_matches('.');
        builder = builder.no_proxy(bare);
        if bare != "*" {
            builder = builder.no_proxy(&format!(".{bare}"));
        }
    }
    for host in direct_hosts {
        builder = builder.no_proxy(host);
    }
    builder.build().map(Some).map_err(|_| unusable(&name))
}
