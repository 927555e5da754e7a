//! When a token is renewed before a request: within the leeway of its expiry, or after it.

use fitbit_simulator::Target;
use fitbit_test_support::{Saver, code};

use super::scene::{access_tokens_sent, client_of, client_with, field};
use super::world::{DIALECT, PROFILE, USER, app, provider, raw_token};

/// How many refresh requests a GET causes, with a token that has so many seconds left, an app of
/// this leeway (none: the default), and a token that lived so long (none: the provider's own).
fn refreshes(seconds_left: i64, leeway: Option<u32>, life: Option<u64>) -> u64 {
    let provider = provider();
    if let Some(life) = life {
        provider.settings(|settings| settings.token_life = life);
    }
    let app = app(&provider);
    if let Some(leeway) = leeway {
        app.set_refresh_leeway(leeway).unwrap();
    }
    let client = client_of(&app, &provider, seconds_left, &Saver::new());
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Api), 1, "nothing is sent with a token that is too old");
    provider.requests(Target::Refresh)
}

#[test]
fn a_token_with_time_left_is_used_as_it_is() {
    assert_eq!(refreshes(3600, None, None), 0);
    assert_eq!(refreshes(90, None, None), 0);
}

#[test]
fn an_expired_token_is_renewed_and_only_the_new_one_is_sent() {
    let (provider, saver) = (provider(), Saver::new());
    let client = client_with(&provider, -10, &saver);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
    assert_eq!(access_tokens_sent(&provider), [field(&saver.offered()[0], "access_token")]);
}

#[test]
fn the_default_leeway_is_a_minute() {
    assert_eq!(refreshes(30, None, None), 1);
}

#[test]
fn the_leeway_is_at_most_a_tenth_of_the_tokens_life() {
    assert_eq!(refreshes(30, None, Some(100)), 0, "the default");
    assert_eq!(refreshes(8, None, Some(100)), 1, "the default");
    let tenth = DIALECT.token_life / 10;
    for leeway in [7200, u32::MAX] {
        assert_eq!(refreshes(tenth + 30, Some(leeway), None), 0, "set by the program");
        assert_eq!(refreshes(tenth - 30, Some(leeway), None), 1, "set by the program");
    }
}

#[test]
fn a_life_that_is_not_known_counts_as_the_providers_usual_one() {
    let provider = provider();
    let mut token = raw_token(&provider);
    token.as_object_mut().unwrap().remove("expires_in");
    let in_half_a_minute = std::time::SystemTime::now() + std::time::Duration::from_secs(30);
    token["expires_at"] =
        in_half_a_minute.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().into();
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    client.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_leeway_of_zero_renews_only_what_has_expired() {
    assert_eq!(refreshes(20, Some(0), None), 0);
    assert_eq!(refreshes(-1, Some(0), None), 1);
}

#[test]
fn a_loaded_token_without_an_expiry_counts_as_expired_if_it_can_be_renewed() {
    let provider = provider();
    let client =
        app(&provider).from_token(&raw_token(&provider).to_string(), &Saver::new()).unwrap();
    client.get(PROFILE).unwrap();
    client.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn a_loaded_token_without_expiry_and_refresh_token_is_used_until_a_401() {
    let provider = provider();
    let mut token = raw_token(&provider);
    token.as_object_mut().unwrap().remove("refresh_token");
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    provider.expire_access_tokens();
    assert_eq!(client.get(PROFILE).unwrap_err().code, code::REAUTHORIZE);
    assert_eq!(provider.requests(Target::Refresh), 0, "there is nothing to send");
}

#[test]
fn a_token_of_which_only_the_refresh_token_was_kept_is_renewed_first() {
    let provider = provider();
    let token = raw_token(&provider);
    let kept = serde_json::json!({ "refresh_token": token["refresh_token"], "user_id": USER });
    let client = app(&provider).from_token(&kept.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!((provider.requests(Target::Refresh), provider.requests(Target::Api)), (1, 1));
}
