//! The same GET with ureq alone, as its documentation says: one agent, kept alive.
//!
//! `bare_ureq URI TOKEN COUNT`

use std::env::args;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, uri, token, count] = &args().collect::<Vec<_>>()[..] else {
        return Err("usage".into());
    };
    let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
    let authorization = format!("Bearer {token}");
    for _ in 0..count.parse()? {
        let body = agent
            .get(uri)
            .header("Authorization", &authorization)
            .call()?
            .body_mut()
            .read_to_vec()?;
        assert!(!body.is_empty());
    }
    Ok(())
}
