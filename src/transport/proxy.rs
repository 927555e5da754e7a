//! The proxy that the environment names.
//!
//! Only `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, and their lower-case forms. `HTTP_PROXY`
//! does not: plain http is for loopback, which never goes through a proxy (and a CGI program gets
//! a variable of that name from its visitors).

use std::env::VarError;

use ureq::Proxy;

use crate::error::{Error, Result};

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

/// `direct_hosts` are the app's hosts that no proxy may see, besides those of `NO_PROXY`.
pub(super) fn from_environment(direct_hosts: &[&str]) -> Result<Option<Proxy>> {
    let https = variable("HTTPS_PROXY")?;
    let Some((name, uri)) = https.map_or_else(|| variable("ALL_PROXY"), |found| Ok(Some(found)))?
    else {
        return Ok(None);
    };
    let proxy = Proxy::new(&uri).map_err(|_| unusable(&name))?;
    let address = proxy.uri().authority().map_or("", |authority| authority.as_str());
    let behind_host = address.rsplit(['@', ']']).next().unwrap_or_default();
    if behind_host.contains(':') && proxy.uri().port_u16().is_none_or(|port| port == 0) {
        return Err(unusable(&name)); // ureq would take its default port
    }
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
