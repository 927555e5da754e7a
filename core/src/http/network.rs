//! The settings of connections, and the kept connections.

use std::hash::RandomState;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::ClientConfig;
use ureq::http::Uri;

use super::dial::{Dial, Route};
use super::pool::Pool;
use super::{Certificates, Parking, Proxies};
use crate::call::Deadline;
use crate::error::Result;
use crate::log::{Level, Log};

/// The settings of connections, and the kept connections.
pub(super) struct Network {
    pub(super) proxies: Proxies,
    pub(super) certificates: Certificates,
    /// Made at the first request to https, because a machine without certificates can use plain
    /// http. If that fails, the next request tries again.
    pub(super) tls: OnceCell<Arc<ClientConfig>>,
    pub(super) pool: Pool,
    /// Connections to the token endpoint, for renewals that can be repeated.
    pub(super) of_renewals: Pool,
    /// Hashes the access tokens that came on those connections.
    pub(super) hasher: RandomState,
    pub(super) parking: Parking,
    pub(super) log: Log,
}

impl Network {
    /// The one place that decides whether a request goes through a proxy.
    fn route(&self, uri: &Uri) -> Result<Route> {
        let is_tls = uri.scheme_str() == Some("https");
        let default_port = if is_tls { 443 } else { 80 };
        let tls = match is_tls {
            true => Some(self.tls.get_or_try_init(|| self.certificates.tls_config())?.clone()),
            false => None,
        };
        Ok(Route {
            host: uri.host().unwrap_or_default().to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
            tls,
            proxy: self.proxies.proxy_for(uri)?.cloned(),
        })
    }

    /// Begins to connect.
    pub(super) fn dial(&self, uri: &Uri, deadline: &Deadline) -> Result<Dial> {
        let route = self.route(uri)?;
        self.log.line(Level::Trace, || match &route.proxy {
            Some(proxy) => {
                let (host, port) = (proxy.host(), proxy.port());
                format!("connecting to {}:{} through {host}:{port}", route.host, route.port)
            }
            None => format!("connecting to {}:{}", route.host, route.port),
        });
        Ok(Dial::to(route, deadline.waker()))
    }

    /// The host, and the proxy on the way to it, for a message about a connection.
    pub(super) fn way_to(&self, uri: &Uri) -> String {
        let host = uri.host().unwrap_or_default();
        match self.proxies.proxy_for(uri) {
            Ok(Some(proxy)) => {
                format!("{host} through the proxy {}:{}", proxy.host(), proxy.port())
            }
            _ => host.to_owned(),
        }
    }
}
