//! The proxy that the environment names.
//!
//! Only `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, and their lower-case forms. `HTTP_PROXY`
//! does not: plain http is for loopback, which never goes through a proxy (and a CGI program gets
//! a variable of that name from its visitors).

use ureq::Proxy;

use crate::error::{Error, Result};

fn variable(name: &str) -> Option<(String, String)> {
    [name.to_lowercase(), name.to_owned()].into_iter().find_map(|name| {
        std::env::var(&name).ok().filter(|value| !value.is_empty()).map(|value| (name, value))
    })
}

/// `direct_hosts` are the app's hosts that no proxy may see, besides those of `NO_PROXY`.
pub(super) fn from_environment(direct_hosts: &[&str]) -> Result<Option<Proxy>> {
    let Some((name, uri)) = variable("HTTPS_PROXY").or_else(|| variable("ALL_PROXY")) else {
        return Ok(None);
    };
    let unusable = |_| {
        Error::invalid_argument(&name, "this variable of the environment does not name a proxy")
    };
    let proxy = Proxy::new(&uri).map_err(unusable)?;
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user).password(proxy.password().unwrap_or_default());
    }
    let (_, exceptions) = variable("NO_PROXY").unwrap_or_default();
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
    builder.build().map(Some).map_err(unusable)
}
