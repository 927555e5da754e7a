//! ureq alone, as its documentation says: one agent, kept. It sends what this library sends.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

use super::{ACCESS_TOKEN, USER_AGENT, Work, drive};

pub fn run(work: &Work, timeout: bool) {
    let agent = agent(work.ca_file, timeout.then_some(Duration::from_secs(30)));
    let uri = format!("{}{}", work.server, work.operation);
    let authorization = format!("Bearer {ACCESS_TOKEN}");
    drive(|| {
        let answer = agent.get(&uri).header("Authorization", &authorization).call();
        let body = answer.expect("an answer").body_mut().with_config().limit(1 << 24).read_to_vec();
        assert!(body.expect("a body").len() >= 2048);
    });
}

/// An agent that trusts the certificates of `ca_file` alone, where there is one. With
/// `FITBIT_BENCH_FRESH` in the environment it keeps no connection.
pub fn agent(ca_file: Option<&str>, timeout: Option<Duration>) -> Agent {
    let config = Agent::config_builder().proxy(None).user_agent(USER_AGENT).timeout_global(timeout);
    let fresh = std::env::var_os("FITBIT_BENCH_FRESH").is_some();
    let config = if fresh { config.max_idle_connections(0) } else { config };
    let Some(ca_file) = ca_file else { return config.build().into() };
    let pem = std::fs::read(ca_file).expect("the authority's certificate");
    let roots: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
        .map(|item| match item.expect("good PEM") {
            PemItem::Certificate(certificate) => certificate,
            _ => panic!("it holds certificates only"),
        })
        .collect();
    let tls = TlsConfig::builder().root_certs(RootCerts::from(roots.into_iter())).build();
    config.tls_config(tls).build().into()
}
