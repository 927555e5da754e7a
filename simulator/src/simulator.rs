//! The handle a test holds: it starts the simulator, changes it, asks what happened, stops it.

use crate::client::Client;
use crate::clock::Clock;
use crate::counts::{Counts, Handshakes};
use crate::fault::{Fault, Target};
use crate::listener::{self, OpenConnections};
use crate::log::{Entry, Log};
use crate::person::{Decision, Person, PersonError};
use crate::provider::registration::Registration;
use crate::provider::{Provider, figures};
use crate::settings::Settings;
use crate::switchboard::Switchboard;
use crate::tls::{self, Identity};
use rustls::ServerConfig;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

/// What the connections share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) faults: Switchboard,
    pub(crate) counts: Counts,
    pub(crate) log: Log,
    pub(crate) open: OpenConnections,
    pub(crate) provider: Provider,
    identity: Option<Identity>,
}

impl Core {
    pub(crate) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.identity.as_ref().map(|identity| &identity.server)
    }

    pub(crate) fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        let keep_log = self.provider.change_settings(change);
        self.log.keep(keep_log);
    }
}

/// A provider on the loopback interface. It stops when it is dropped.
#[derive(Debug)]
pub struct Simulator {
    core: Arc<Core>,
    uri: String,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

/// Options that cannot change after the start.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    port: u16,
    tls: bool,
    early_data: bool,
}

impl Builder {
    /// The port to listen on; 0, the default, takes any that is free.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Whether to serve HTTPS, with a certificate of [`Simulator::ca_pem`]. Defaults to `false`.
    #[must_use]
    pub fn tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Whether its TLS sessions allow early data (0-RTT), so that [`Simulator::handshakes`] shows a
    /// client that offers any. What is sent so is not read. Defaults to `false`.
    #[must_use]
    pub fn early_data(mut self, early_data: bool) -> Self {
        self.early_data = early_data;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the port is taken, or no thread or certificate can be made.
    pub fn start(self) -> io::Result<Simulator> {
        let identity = self.tls.then(|| tls::make_identity(self.early_data)).transpose()?;
        let (listener, address) = listener::bind(self.port)?;
        let scheme = if self.tls { "https" } else { "http" };
        let uri = format!("{scheme}://{address}");
        let clock = Clock::start();
        let core = Arc::new(Core {
            clock,
            faults: Switchboard::default(),
            counts: Counts::default(),
            log: Log::default(),
            open: OpenConnections::default(),
            provider: Provider::new(clock, uri.clone()),
            identity,
        });
        let accepting = Some(listener::start(Arc::clone(&core), listener)?);
        Ok(Simulator { core, uri, address, accepting })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            listener::stop(&self.core, self.address, accepting);
        }
    }
}

impl Simulator {
    /// Starts one that speaks plain HTTP on a free port.
    ///
    /// # Errors
    ///
    /// If no port or thread can be had.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Options for the start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens, e.g. `http://127.0.0.1:40123`: the origin of every endpoint.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate a client has to trust, as PEM; empty without TLS.
    pub fn ca_pem(&self) -> &str {
        self.core.identity.as_ref().map_or("", |identity| &identity.ca_pem)
    }

    /// Changes how the provider behaves from now on.
    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.core.change_settings(change);
    }

    /// Registers an application, or replaces the one with the same client id.
    pub fn register(&self, registration: Registration) {
        self.core.provider.register(registration);
    }

    /// Mints a login without a browser and returns it as the token endpoint would, of Google's
    /// applications as Google's. Google's scopes may be shortened, e.g. to `sleep.readonly`. The
    /// client has to be registered for its tokens to be of use.
    pub fn issue_token(&self, client_id: &str, user_id: &str, scopes: &[&str]) -> Value {
        self.core.provider.issue_token(client_id, user_id, scopes)
    }

    /// The id that Google's API has for a person, beside the one they have at Fitbit.
    pub fn health_user_id(&self, user_id: &str) -> String {
        figures::health_user_id(user_id)
    }

    /// Lets every access token issued so far be past its expiry, as if time had passed.
    pub fn expire_access_tokens(&self) {
        self.core.provider.expire_access_tokens();
    }

    /// Ends every login of this person, as if they had removed the applications.
    pub fn revoke_user(&self, user_id: &str) {
        self.core.provider.revoke_user(user_id);
    }

    /// Makes one access token invalid; its refresh token goes on working.
    pub fn invalidate(&self, access_token: &str) {
        self.core.provider.invalidate(access_token);
    }

    /// Switches a fault on. Several can be on; a request meets the first that matches it.
    pub fn fault(&self, fault: Fault) {
        self.core.faults.arm(fault);
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.core.faults.clear();
    }

    /// Requests received, faulty ones included.
    pub fn requests(&self, target: Target) -> u64 {
        self.core.counts.requests(&target)
    }

    /// The most requests that were being answered at one moment; for an API path, those of the
    /// whole API.
    pub fn max_in_flight(&self, target: Target) -> u64 {
        self.core.counts.max_in_flight(&target)
    }

    /// Connections accepted, those to `/_simulator/` and of [`visit`](Self::visit) included.
    pub fn connections(&self) -> u64 {
        self.core.counts.connections()
    }

    /// TLS handshakes that came to their end, those of [`visit`](Self::visit) included.
    pub fn handshakes(&self) -> Handshakes {
        self.core.counts.handshakes()
    }

    /// How many requests each connection brought that had any for the token endpoint, in the order
    /// in which the connections were accepted.
    pub fn token_connections(&self) -> Vec<u64> {
        self.core.counts.token_connections()
    }

    /// Sets requests, connections, handshakes and the most in flight back to zero.
    pub fn reset_counts(&self) {
        self.core.counts.reset();
    }

    /// How often a code that was spent came again.
    pub fn replayed_codes(&self) -> u64 {
        self.core.provider.replayed_codes()
    }

    /// How often a refresh token that was spent came again and was refused.
    pub fn replayed_refresh_tokens(&self) -> u64 {
        self.core.provider.replayed_refresh_tokens()
    }

    /// Every request that was read, in the order of answering.
    pub fn log(&self) -> Vec<Entry> {
        self.core.log.entries()
    }

    /// Every access token, refresh token, code, code verifier and client secret that it issued,
    /// was given at registration, or received. Google's codes are there as they are and escaped,
    /// as an address has them.
    pub fn secrets(&self) -> Vec<String> {
        self.core.provider.secrets()
    }

    /// A small HTTP client for this simulator, which trusts its certificate.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up.
    pub fn client(&self) -> io::Result<Client> {
        let client = Client::new(&self.uri);
        match &self.core.identity {
            Some(identity) => client.trusting(&identity.ca_pem),
            None => Ok(client),
        }
    }

    /// Plays the person in front of the browser; see [`Person::visit`].
    ///
    /// # Errors
    ///
    /// If the address cannot be visited, or is answered with an error page.
    pub fn visit(
        &self,
        authorization_uri: &str,
        decision: Decision,
    ) -> Result<String, PersonError> {
        let person = Person::at(&self.uri);
        let person = match &self.core.identity {
            Some(identity) => person.trusting(&identity.ca_pem)?,
            None => person,
        };
        person.visit(authorization_uri, decision)
    }
}
