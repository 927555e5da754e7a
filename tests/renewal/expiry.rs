//! What the provider says of a new token's life, and what an answer leaves out.

use fitbit_simulator::Target;
use fitbit_test_support::Saver;
use serde_json::{Value, json};

use super::scene::{
    access_tokens_sent, answer_next_refresh, client_with, field, refresh_tokens_sent,
};
use super::world::{DIALECT, PROFILE, app, named_token, provider};

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

#[test]
fn a_new_token_that_lives_for_no_time_at_all_is_used_once() {
    for life in [json!(0), json!(1), json!("0"), json!(-5), json!(0.4)] {
        let provider = provider();
        let client = client_with(&provider, -10, &Saver::new());
        let first = answer_next_refresh(&provider, |token| token["expires_in"] = life.clone());
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(provider.requests(Target::Refresh), 1, "life {life}");
        assert_eq!(access_tokens_sent(&provider), [first["access_token"].as_str().unwrap()]);
    }
}

#[test]
fn a_token_that_lived_for_no_time_is_renewed_for_the_next_request() {
    let provider = provider();
    let client = client_with(&provider, -10, &Saver::new());
    answer_next_refresh(&provider, |token| token["expires_in"] = 0.into());
    for _ in 0..5 {
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
    }
    assert_eq!(provider.requests(Target::Refresh), 2, "the second one lives for hours");
}

#[test]
fn a_token_that_the_program_asked_for_is_used_once_before_its_age_counts() {
    for life in [0, 1] {
        let provider = provider();
        let client = client_with(&provider, 3600, &Saver::new());
        let new = answer_next_refresh(&provider, |token| token["expires_in"] = life.into());
        client.refresh().unwrap();
        // Its second is over by the time that it is needed.
        std::thread::sleep(std::time::Duration::from_millis(1100 * life));
        assert_eq!(client.get(PROFILE).unwrap().status, 200);
        assert_eq!(provider.requests(Target::Refresh), 1, "life {life}");
        assert_eq!(access_tokens_sent(&provider), [new["access_token"].as_str().unwrap()]);
        client.get(PROFILE).unwrap();
        assert_eq!(provider.requests(Target::Refresh), 2, "once");
    }
}

#[test]
fn a_server_whose_every_token_is_dead_on_arrival_is_not_asked_without_end() {
    let provider = provider();
    provider.settings(|settings| settings.token_life = 0);
    let client = client_with(&provider, -10, &Saver::new());
    let error = client.get(PROFILE).unwrap_err();
    assert_eq!(error.http_status, 401);
    // One because it had expired, one because of the 401; that one's own 401 ends it.
    assert_eq!((provider.requests(Target::Refresh), provider.requests(Target::Api)), (2, 2));
}

#[test]
fn a_life_below_the_leeway_does_not_renew_on_every_request() {
    let provider = provider();
    provider.settings(|settings| settings.token_life = 30);
    let client = client_with(&provider, -10, &Saver::new());
    for _ in 0..10 {
        client.get(PROFILE).unwrap();
    }
    assert_eq!(provider.requests(Target::Refresh), 1);
}

#[test]
fn an_answer_without_a_life_gets_the_providers_usual_one() {
    let nothings: [fn(&mut Value); 3] = [
        |token| drop(token.as_object_mut().unwrap().remove("expires_in")),
        |token| token["expires_in"] = Value::Null,
        |token| token["expires_in"] = "".into(),
    ];
    for leave_out in nothings {
        let provider = provider();
        // The old token's own life must not stand in for it.
        provider.settings(|settings| settings.token_life = 600);
        let (client, before) = (client_with(&provider, -10, &Saver::new()), now());
        answer_next_refresh(&provider, leave_out);
        for _ in 0..3 {
            client.get(PROFILE).unwrap();
        }
        assert_eq!(provider.requests(Target::Refresh), 1);
        let expires_at: i64 = client.token_field("expires_at").unwrap().parse().unwrap();
        assert!((before + DIALECT.usual_life..=now() + DIALECT.usual_life).contains(&expires_at));
    }
}

#[test]
fn a_life_that_is_no_number_does_not_renew_on_every_request() {
    let lives = [json!("eight hours"), json!([1]), json!({}), json!(1e300), json!(i64::MAX)];
    let renewals = lives.each_ref().map(|life| {
        let provider = provider();
        let client = client_with(&provider, -10, &Saver::new());
        answer_next_refresh(&provider, |token| token["expires_in"] = life.clone());
        for _ in 0..3 {
            assert_eq!(client.get(PROFILE).unwrap().status, 200, "life {life}");
        }
        provider.requests(Target::Refresh)
    });
    assert_eq!(renewals, [1; 5], "{lives:?}");
}

#[test]
fn what_an_answer_leaves_out_stays_as_it_was() {
    let nothings: [fn(&mut Value); 3] = [
        |token| drop(token.as_object_mut().unwrap().remove("refresh_token")),
        |token| token["refresh_token"] = Value::Null,
        |token| token["refresh_token"] = "".into(),
    ];
    for leave_out in nothings {
        let (provider, saver) = (provider(), Saver::new());
        let mut saved: Value = serde_json::from_str(&named_token(&provider, -10)).unwrap();
        saved["kept_by"] = "the program".into();
        let client = app(&provider).from_token(&saved.to_string(), &saver).unwrap();
        answer_next_refresh(&provider, |token| {
            leave_out(token);
            token["scope"] = Value::Null;
            token["user_id"] = "".into();
        });
        client.get(PROFILE).unwrap();
        client.refresh().unwrap();
        let kept = saved["refresh_token"].as_str().unwrap();
        assert_eq!(refresh_tokens_sent(&provider), [kept, kept]);
        for name in ["refresh_token", "scope", "user_id", "kept_by"] {
            assert_eq!(field(&saver.offered()[0], name), saved[name].as_str().unwrap(), "{name}");
        }
    }
}

#[test]
fn the_expiry_of_the_old_token_is_never_taken_for_that_of_the_new_one() {
    let provider = provider();
    let (client, before) = (client_with(&provider, -10, &Saver::new()), now());
    answer_next_refresh(&provider, |token| token["expires_at"] = 17.into());
    client.get(PROFILE).unwrap();
    let expires_at: i64 = client.token_field("expires_at").unwrap().parse().unwrap();
    assert!(expires_at >= before + DIALECT.token_life, "counted by this machine, from expires_in");
    client.get(PROFILE).unwrap();
    assert_eq!(provider.requests(Target::Refresh), 1);
}
