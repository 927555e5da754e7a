//! The same GET with ureq alone, as its documentation says: one agent, kept alive.

/// Sends `count` requests.
pub fn run(uri: &str, token: &str, count: u64) {
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let authorization = format!("Bearer {token}");
    for _ in 0..count {
        let answer = agent.get(uri).header("Authorization", &authorization).call();
        let body = answer.expect("an answer").body_mut().read_to_vec().expect("a body");
        assert!(!body.is_empty());
    }
}
