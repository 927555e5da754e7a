//! Where the token travels: in the Authorization header, to the API endpoint, and nowhere else.

use fitbit_simulator::{DEMO_REDIRECT_URIS, DEMO_SERVER_ID, Decision, Target};
use fitbit_test_support::world::{PROFILE, app, client, provider};
use fitbit_test_support::{App, Saver};

use crate::scripted::{Scripted, ok, whole};
use crate::setup::{ACCESS_TOKEN, ANY, CLIENT_SECRET, REFRESH_TOKEN, client_at, token};

#[test]
fn no_secret_is_ever_part_of_an_address() {
    let provider = provider();
    let app = app(&provider);
    let login = app.step_one(None).unwrap();
    let redirect = provider.visit(&login.authorization_uri, Decision::Grant).unwrap();
    let client = app.step_two(&login.session, &redirect, &Saver::new()).unwrap();
    client.get(PROFILE).unwrap();
    client.post("/1/user/-/foods/log.json?a=b", Some("foodId=1")).unwrap_err();
    client.refresh().unwrap();
    client.get(PROFILE).unwrap();
    let secrets = provider.secrets();
    assert!(secrets.len() >= 6, "two access and two refresh tokens, a code, a secret");
    for entry in provider.log() {
        for secret in &secrets {
            assert!(!entry.target.contains(secret.as_str()), "{}", entry.target);
        }
    }
}

#[test]
fn an_api_request_carries_the_access_token_and_no_other_secret() {
    let server = Scripted::saying(ok);
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    client.post(ANY, Some("a=b")).unwrap();
    for asked in server.asked() {
        assert_eq!(asked.headers("authorization"), [format!("Bearer {ACCESS_TOKEN}")]);
        let all = format!("{}{}", asked.head, String::from_utf8_lossy(&asked.body));
        assert_eq!(all.matches(ACCESS_TOKEN).count(), 1, "{all}");
        assert!(!all.contains(REFRESH_TOKEN) && !all.contains(CLIENT_SECRET), "{all}");
    }
}

#[test]
fn the_access_token_goes_to_the_api_endpoint_only() {
    let new = r#"{"access_token":"second","refresh_token":"r2","token_type":"Bearer","expires_in":28800,"user_id":"26FWFL"}"#;
    let token_server = Scripted::saying(move || whole("200 OK", new));
    let api_server = Scripted::saying(ok);
    let app =
        App::at(&token_server.uri, DEMO_SERVER_ID, Some(CLIENT_SECRET), DEMO_REDIRECT_URIS[0]);
    app.set_endpoint(3, &api_server.uri).unwrap();
    let client = app.from_token(&token(ACCESS_TOKEN), &Saver::new()).unwrap();
    client.get(ANY).unwrap();
    client.refresh().unwrap();
    client.get(ANY).unwrap();

    let asked = token_server.asked_once();
    assert!(asked.headers("authorization")[0].starts_with("Basic "), "{}", asked.head);
    let all = format!("{}{}", asked.head, String::from_utf8_lossy(&asked.body));
    assert!(!all.contains(ACCESS_TOKEN), "{all}");
    let bearers: Vec<_> =
        api_server.asked().iter().map(|asked| asked.headers("authorization").join("")).collect();
    assert_eq!(bearers, [format!("Bearer {ACCESS_TOKEN}"), "Bearer second".to_owned()]);
}

#[test]
fn nothing_that_a_server_sets_comes_back_to_it() {
    let server = Scripted::saying(|| whole("200 OK\r\nSet-Cookie: a=b; Path=/", "{}"));
    let client = client_at(&server.uri);
    client.get(ANY).unwrap();
    client.get(ANY).unwrap();
    assert!(server.asked().iter().all(|asked| asked.headers("cookie").is_empty()));
}

#[test]
fn a_client_asks_the_api_nothing_by_itself() {
    let provider = provider();
    let client = client(&provider);
    client.token();
    client.user_id().unwrap();
    client.rate_limit();
    drop(client);
    assert_eq!(provider.requests(Target::Any), 0);
}
