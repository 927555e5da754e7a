//! Which proxy requests go through.
//!
//! In the environment, only `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, and their lower-case forms.
//! `HTTP_PROXY` does not count: plain http is for loopback, which never goes through a proxy. (In a CGI
//! program, the client of the web server sets a variable of that name.)

pub(super) mod handshake;
mod no_proxy;

use ureq::http::Uri;
use ureq::{Proxy, ProxyProtocol};

use super::environment::{Environment, Variable};
use crate::error::{Error, Input, Result};
use no_proxy::NoProxy;
pub(crate) use no_proxy::is_loopback;

/// The proxies that the program names, or else those of the environment.
#[derive(Clone)]
pub(crate) enum Proxies {
    None,
    Named(Proxy),
    /// An error is reported by the requests that need the proxy. Before the first one, the program
    /// may name another proxy, or none.
    OfTheEnvironment {
        proxy: Result<Proxy>,
        no_proxy: NoProxy,
    },
}

impl Proxies {
    pub fn of_the_environment(environment: &Environment) -> Proxies {
        let named = environment.https_proxy.as_ref().or(environment.all_proxy.as_ref());
        let Some(named) = named else { return Proxies::None };
        let proxy = named.value.to_str().and_then(read).ok_or_else(|| {
            unusable(named, "this variable of the environment does not name a proxy")
        });
        let listed = match &environment.no_proxy {
            Some(list) => list
                .value
                .to_str()
                .ok_or_else(|| unusable(list, "this variable of the environment is not UTF-8")),
            None => Ok(""),
        };
        match listed {
            Ok(list) => Proxies::OfTheEnvironment { proxy, no_proxy: NoProxy::parse(list) },
            Err(why) => Proxies::OfTheEnvironment { proxy: Err(why), no_proxy: NoProxy::default() },
        }
    }

    /// The proxy that the program names. None: no proxy.
    pub fn named(uri: Option<&str>) -> Result<Proxies> {
        let Some(uri) = uri else { return Ok(Proxies::None) };
        read(uri).map(Proxies::Named).ok_or_else(|| {
            Error::invalid(
                Input::ProxyUri,
                "it is no proxy's address: http://, https://, socks4://, socks4a://, socks5:// or \
                 socks5h://, then user:password@ where needed, host and port",
            )
        })
    }

    pub fn password(&self) -> Option<&str> {
        match self {
            Proxies::Named(proxy) | Proxies::OfTheEnvironment { proxy: Ok(proxy), .. } => {
                proxy.password()
            }
            _ => None,
        }
    }

    /// The proxy for requests to this URI, if any.
    pub fn proxy_for(&self, uri: &Uri) -> Result<Option<&Proxy>> {
        // Plain http is for loopback, and no proxy may see it.
        if uri.scheme_str() != Some("https") {
            return Ok(None);
        }
        match self {
            Proxies::None => Ok(None),
            Proxies::Named(proxy) => Ok(Some(proxy)),
            Proxies::OfTheEnvironment { no_proxy, .. } if no_proxy.lists(uri) => Ok(None),
            Proxies::OfTheEnvironment { proxy, .. } => {
                proxy.as_ref().map(Some).map_err(Error::clone)
            }
        }
    }
}

fn unusable(variable: &Variable, why: &str) -> Error {
    Error::invalid(Input::Variable(variable.name), why)
}

/// Parses a proxy's URI more strictly than ureq does. ureq accepts a path, drops a fragment, and uses its
/// default port for a port that makes no sense.
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

/// Whether its protocol can carry its user and password.
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
