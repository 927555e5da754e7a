//! A test that looks for leaked secrets can ask for all there are.

use fitbit_simulator::{
    DEMO_CLIENT_ID, DEMO_PERSONAL_SECRET, DEMO_SERVER_SECRET, Fault, FaultKind, Simulator, Target,
};
use std::error::Error;

#[test]
fn issued_registered_and_received_secrets_are_listed_even_if_nothing_was_acted_upon()
-> Result<(), Box<dyn Error>> {
    let simulator = Simulator::start()?;
    let client = simulator.client()?;
    simulator.fault(Fault::always(Target::Any, FaultKind::Status500));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "a code"),
        ("code_verifier", "a verifier"),
        ("client_secret", "a body secret"),
    ];
    // The credentials "id" and "a basic secret".
    let basic = [("Authorization", "Basic aWQ6YStiYXNpYytzZWNyZXQ=")];
    client.post_form("/oauth2/token", &basic, &fields)?;
    client.post_form("/oauth2/token", &[], &[("refresh_token", "a refresh token")])?;
    client.post_form("/oauth2/revoke", &[], &[("token", "a revoked token")])?;
    client.get("/1/user/-/profile.json", &[("Authorization", "Bearer an.access.token")])?;
    let issued = simulator.issue_token(DEMO_CLIENT_ID, "26FWFL", &["profile"]);
    let secrets = simulator.secrets();
    let expected = [
        "a code",
        "a verifier",
        "a body secret",
        "a basic secret",
        "a refresh token",
        "a revoked token",
        "an.access.token",
        DEMO_SERVER_SECRET,
        DEMO_PERSONAL_SECRET,
        issued["access_token"].as_str().unwrap_or("none"),
        issued["refresh_token"].as_str().unwrap_or("none"),
    ];
    for secret in expected {
        assert!(secrets.iter().any(|known| known == secret), "{secret}");
    }
    assert!(!secrets.iter().any(|known| known == DEMO_CLIENT_ID), "an id is no secret");
    Ok(())
}
