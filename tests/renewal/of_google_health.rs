//! What only Google does around a renewal: its answers bring no new refresh token, or one that does
//! not end the old one, and the refresh tokens of a project in testing end after seven days.

use std::time::Duration;

use fitbit_simulator::{Decision, Fault, FaultKind, RefreshedToken, Simulator, Target};
use fitbit_test_support::{Client, Error, Saver, code};
use serde_json::Value;

use super::forks::forked;
use super::scene::{
    answer_next_refresh, client_of, client_with, delay, field, refresh_tokens_sent,
};
use super::world::{DIALECT, PROFILE, USER, app, provider, saved_token};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// Renews twice, loads what was saved then, and renews that twice: every token works. Answers with
/// the refresh tokens that were sent.
fn renewed_again_and_again(provider: &Simulator) -> Vec<String> {
    let saver = Saver::new();
    let client = client_with(provider, -10, &saver);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    client.refresh().unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    drop(client);
    let saved = saver.offered().pop().unwrap();
    let again = app(provider).from_token(&saved, &saver).unwrap();
    assert_eq!(again.get(PROFILE).unwrap().status, 200, "no renewal was due");
    provider.expire_access_tokens();
    assert_eq!(again.get(PROFILE).unwrap().status, 200);
    again.refresh().unwrap();
    assert_eq!(again.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 4);
    assert_eq!(saver.offered().len(), 4);
    refresh_tokens_sent(provider)
}

#[test]
fn an_answer_without_a_refresh_token_or_with_an_empty_one_keeps_the_login() {
    for kind in [RefreshedToken::Absent, RefreshedToken::Empty, RefreshedToken::Null] {
        let provider = provider();
        provider.settings(|settings| settings.google.refreshed_token = kind);
        let sent = renewed_again_and_again(&provider);
        assert!(sent.iter().all(|token| *token == sent[0]), "{kind:?}");
    }
}

#[test]
fn an_answer_with_a_new_refresh_token_keeps_the_login_and_the_new_one_is_used_next() {
    for strict in [false, true] {
        let provider = provider();
        provider.settings(|settings| {
            settings.google.refreshed_token = RefreshedToken::New;
            settings.google.strict_rotation = strict;
        });
        let mut sent = renewed_again_and_again(&provider);
        sent.sort_unstable();
        sent.dedup();
        assert_eq!(sent.len(), 4, "each was used once");
        assert_eq!(provider.replayed_refresh_tokens(), 0);
    }
}

#[test]
fn an_answer_with_fewer_scopes_keeps_the_login_and_says_so() {
    let provider = provider();
    let left = DIALECT.profile_scope;
    provider.settings(|settings| settings.google.refreshed_scopes = Some(vec![left.to_owned()]));
    let saver = Saver::new();
    let client = client_with(&provider, -10, &saver);
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(field(&saver.offered()[0], "scope"), left);
    assert_eq!(client.get(DIALECT.sleep).unwrap_err().code, code::INSUFFICIENT_SCOPE);
    provider.reset_counts();
    renewed_again_and_again(&provider);
}

#[test]
fn a_403_renews_nothing() {
    let provider = provider();
    let client = client_with(&provider, 3600, &Saver::new());
    for kind in [FaultKind::Status403Scope, FaultKind::Status403Permissions] {
        provider.fault(Fault::once(Target::Api, kind));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!(error.http_status, 403);
        assert_eq!(error.provider_type.as_deref(), Some("PERMISSION_DENIED"));
    }
    assert_eq!(provider.requests(Target::Refresh), 0);
}

/// A login of a project in testing.
fn login_in_testing(provider: &Simulator, life: u64, saver: &Saver) -> Client {
    provider.settings(|settings| settings.google.refresh_token_life = Some(life));
    let app = app(provider);
    let session = app.step_one(None).unwrap();
    let back = provider.visit(&session.authorization_uri, Decision::Grant).unwrap();
    app.step_two(&session.session, &back, saver).unwrap()
}

#[test]
fn the_end_of_the_refresh_token_is_saved_and_outlives_renewals_and_loading() {
    let (provider, saver, before) = (provider(), Saver::new(), now());
    let client = login_in_testing(&provider, 604_799, &saver);
    let end = |token: &str| json(token)["refresh_token_expires_at"].as_i64().expect("an integer");
    let first = end(&saver.offered()[0]);
    assert!((before + 604_799..=now() + 604_799).contains(&first), "{first}");
    client.refresh().unwrap();
    // The provider says it anew, in seconds from then on.
    assert!((first - 1..=first + 1).contains(&end(&saver.offered()[1])));
    answer_next_refresh(&provider, |token| {
        for name in ["refresh_token", "refresh_token_expires_in"] {
            token.as_object_mut().unwrap().remove(name);
        }
    });
    let before_silence = end(&client.token());
    client.refresh().unwrap();
    assert_eq!(end(&saver.offered()[2]), before_silence, "it is still that refresh token");
    let again = app(&provider).from_token(&client.token(), &Saver::new()).unwrap();
    assert_eq!(end(&again.token()), before_silence);
    assert_eq!(json(&again.token()).get("refresh_token_expires_in"), None);
}

#[test]
fn a_new_refresh_token_does_not_inherit_the_old_ones_end() {
    let (provider, saver) = (provider(), Saver::new());
    let client = login_in_testing(&provider, 604_799, &saver);
    answer_next_refresh(&provider, |token| {
        token.as_object_mut().unwrap().remove("refresh_token_expires_in");
    });
    client.refresh().unwrap();
    assert_ne!(
        field(&saver.offered()[1], "refresh_token"),
        field(&saver.offered()[0], "refresh_token")
    );
    assert_eq!(json(&client.token()).get("refresh_token_expires_at"), None);
}

#[track_caller]
fn says_that_its_time_was_over(error: &Error) {
    assert_eq!(error.code, code::REAUTHORIZE);
    for said in ["time was over", "in testing", "seven days", "must log in again"] {
        assert!(error.message.contains(said), "{said} is not in: {}", error.message);
    }
}

#[test]
fn after_its_end_the_error_says_so_in_this_call_and_in_every_later_one() {
    let (provider, saver) = (provider(), Saver::new());
    let client = login_in_testing(&provider, 1, &saver);
    std::thread::sleep(Duration::from_millis(2100));
    assert_eq!(client.get(PROFILE).unwrap().status, 200, "the access token lasts for an hour");
    says_that_its_time_was_over(&client.refresh().unwrap_err());
    says_that_its_time_was_over(&client.refresh().unwrap_err());
    provider.expire_access_tokens();
    says_that_its_time_was_over(&client.get(PROFILE).unwrap_err());
    assert!(provider.requests(Target::Refresh) <= 1, "the provider has said all it has to say");
    let loaded = app(&provider).from_token(&saver.offered()[0], &saver).unwrap();
    says_that_its_time_was_over(&loaded.refresh().unwrap_err());
}

#[test]
fn before_its_end_or_where_none_is_known_the_error_blames_nobody_elses_clock() {
    for end in [None, Some(now() + 3600)] {
        let provider = provider();
        let mut token = json(&saved_token(&provider, -10));
        if let Some(end) = end {
            token["refresh_token_expires_at"] = end.into();
        }
        let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
        provider.fault(Fault::once(Target::Refresh, FaultKind::Status400InvalidGrant));
        let error = client.get(PROFILE).unwrap_err();
        assert_eq!(error.code, code::REAUTHORIZE);
        assert!(!error.message.contains("time was over"), "{}", error.message);
        assert!(error.message.contains("expired or revoked"), "{}", error.message);
    }
}

/// A clock may be wrong: only the provider ends a login.
#[test]
fn a_refresh_token_past_its_end_is_tried_all_the_same() {
    let provider = provider();
    let mut token = json(&saved_token(&provider, -10));
    token["refresh_token_expires_at"] = 1.into();
    let client = app(&provider).from_token(&token.to_string(), &Saver::new()).unwrap();
    assert_eq!(client.get(PROFILE).unwrap().status, 200);
    assert_eq!(provider.requests(Target::Refresh), 1);
}

/// No renewal spends what another one needs: two programs with the same saved token both live on.
#[test]
fn two_clients_of_one_saved_token_do_not_end_each_other() {
    let provider = provider();
    let app = app(&provider);
    let saved = saved_token(&provider, -10);
    let clients = [(); 2].map(|()| app.from_token(&saved, &Saver::new()).unwrap());
    for _ in 0..2 {
        for client in &clients {
            client.refresh().unwrap();
            assert_eq!(client.get(PROFILE).unwrap().status, 200);
        }
    }
}

/// Strict rotation is Fitbit's; a Google that took it up one day would meet the same care.
#[test]
fn a_storm_at_a_google_that_rotates_strictly_sends_one_refresh_request() {
    let provider = provider();
    provider.settings(|settings| {
        settings.google.refreshed_token = RefreshedToken::New;
        settings.google.strict_rotation = true;
    });
    let app = app(&provider);
    let client = client_of(&app, &provider, -10, &Saver::new());
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| assert_eq!(client.get(PROFILE).unwrap().status, 200));
        }
    });
    assert_eq!(provider.requests(Target::Refresh), 1);
    client.refresh().unwrap();
    assert_eq!(provider.replayed_refresh_tokens(), 0);
}

/// Its parent's thread does not exist in it, and will never answer.
#[test]
fn a_child_forked_while_the_provider_is_asked_whose_login_it_is_asks_itself() {
    let provider = provider();
    delay(&provider, Target::Api, 1500);
    let token = saved_token(&provider, 3600);
    let said = forked("renewal_fork_identity", &provider, &token, &[""], |_| {
        while provider.max_in_flight(Target::Api) == 0 {
            std::thread::yield_now();
        }
    });
    let mut said: Vec<_> = said.into_iter().filter(|line| line != "saving").collect();
    said.sort();
    assert_eq!(said, [format!("child {USER}"), format!("parent {USER}")]);
}
