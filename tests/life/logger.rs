//! What the program's logger is told: which lines, at which level, in which order, for whatever a
//! login can come to.

use fitbit_simulator::{Decision, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::level::{DEBUG, ERROR, INFO, TRACE, WARN};
use fitbit_test_support::{App, Client, Saver};
use serde_json::json;

use crate::heard::Heard;
use crate::providers::{BOTH, FITBIT, Folder, Provider, with};

const CONNECTING: (u32, &str) = (TRACE, "connecting to 127.0.0.1:N");
const SAVED: (u32, &str) = (DEBUG, "the token is saved");
const RENEWED: (u32, &str) = (INFO, "the token is renewed");

/// A line about a request that was answered.
pub fn request(method: &str, path: &str, status: u16) -> (u32, String) {
    (DEBUG, format!("{method} {path}: {status}, N bytes, N ms"))
}

fn renewing(why: &str) -> (u32, String) {
    (INFO, format!("renewing the token: {why}"))
}

/// What a renewal that succeeds says, between why and whatever follows.
fn renewal(provider: &Provider, why: &str) -> Vec<(u32, String)> {
    let [connecting, renewed, saved] = [CONNECTING, RENEWED, SAVED].map(said);
    vec![renewing(why), connecting, request("POST", token_path(provider), 200), renewed, saved]
}

fn said((level, line): (u32, &str)) -> (u32, String) {
    (level, line.to_owned())
}

fn token_path(provider: &Provider) -> &'static str {
    if provider.client_id == FITBIT.client_id { "/oauth2/token" } else { "/token" }
}

fn revoke_path(provider: &Provider) -> &'static str {
    if provider.client_id == FITBIT.client_id { "/oauth2/revoke" } else { "/revoke" }
}

/// A simulator, and an app of each provider there, with a logger that hears everything.
pub fn for_both(scene: impl Fn(&Provider, &Simulator, &App, &Heard)) {
    for provider in BOTH {
        let (simulator, heard) = (Simulator::start().unwrap(), Heard::new());
        let app = provider.app(&simulator);
        heard.listen(&app, TRACE);
        scene(&provider, &simulator, &app, &heard);
    }
}

/// A client of that app whose token expires in so many seconds.
pub fn client(provider: &Provider, simulator: &Simulator, app: &App, expires_in: i64) -> Client {
    app.from_token(&provider.token(simulator, expires_in), &Saver::new()).unwrap()
}

#[test]
fn a_login_is_one_request_and_one_save() {
    for_both(|provider, simulator, app, heard| {
        let login = app.step_one(None).unwrap();
        assert!(heard.lines().is_empty(), "step one does nothing that could be told");
        let redirect = simulator.visit(&login.authorization_uri, Decision::Grant).unwrap();
        app.step_two(&login.session, &redirect, &Saver::new()).unwrap();
        let exchange = request("POST", token_path(provider), 200);
        let logged_in = said((INFO, "a person has logged in"));
        assert_eq!(heard.lines(), [said(CONNECTING), exchange, logged_in, said(SAVED)]);
    });
}

#[test]
fn a_request_is_told_with_its_connection_if_that_is_new() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, 3600);
        assert!(heard.lines().is_empty(), "no request, no line");
        client.get(provider.path).unwrap();
        let get = request("GET", provider.path, 200);
        assert_eq!(heard.lines(), [said(CONNECTING), get.clone()]);
        heard.forget();
        client.get(&format!("{}?fields=a&key=b", provider.path)).unwrap();
        assert_eq!(heard.lines(), [get], "neither a connection nor a query");
        heard.forget();
        simulator.fault(Fault::once(Target::Api, FaultKind::Json(201, json!({}))));
        client.request("PATCH", provider.path, Some("text/plain"), Some(b"a body")).unwrap();
        assert_eq!(heard.lines(), [request("PATCH", provider.path, 201)]);
    });
}

#[test]
fn the_figures_of_a_request_are_its_bytes_and_milliseconds() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, 3600);
        simulator.fault(Fault::once(Target::Api, FaultKind::Latency(300)));
        let response = client.get(provider.path).unwrap();
        let line = heard.texts().pop().unwrap();
        let figures = line.strip_prefix(&format!("GET {}: 200, ", provider.path)).unwrap();
        let (bytes, rest) = figures.split_once(" bytes, ").unwrap();
        assert_eq!(bytes, response.body.len().to_string());
        let milliseconds: u64 = rest.strip_suffix(" ms").unwrap().parse().unwrap();
        assert!(milliseconds >= 300, "{line}");
    });
}

#[test]
fn a_request_without_an_answer_says_what_became_of_it() {
    for_both(|provider, simulator, app, heard| {
        app.set_timeout_ms(500).unwrap();
        let client = client(provider, simulator, app, 3600);
        client.get(provider.path).unwrap();
        heard.forget();
        simulator.fault(Fault::once(Target::Api, FaultKind::StallBeforeAnswer));
        client.get(provider.path).unwrap_err();
        let of = |code: &str| (DEBUG, format!("GET {}: {code}, N ms", provider.path));
        assert_eq!(heard.lines(), [of("FITBIT_ERROR_TIMEOUT")]);
        heard.forget();
        simulator.fault(Fault::always(Target::Api, FaultKind::CloseAfterRead));
        client.get(provider.path).unwrap_err();
        assert_eq!(heard.lines(), [said(CONNECTING), of("FITBIT_ERROR_NETWORK")]);
    });
}

#[test]
fn a_connection_that_died_is_a_warning() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, 3600);
        client.get(provider.path).unwrap();
        heard.forget();
        simulator.fault(Fault::once(Target::Api, FaultKind::CloseAfterRead));
        client.get(provider.path).unwrap();
        let died = "a kept-alive connection died: sending once more on a fresh one";
        let lost = format!("GET {}: FITBIT_ERROR_NETWORK, N ms", provider.path);
        let answered = request("GET", provider.path, 200);
        let lines = [(DEBUG, lost), said((WARN, died)), said(CONNECTING), answered];
        assert_eq!(heard.lines(), lines);
    });
}

#[test]
fn every_renewal_says_why() {
    for_both(|provider, simulator, app, heard| {
        for (expires_in, why) in [(-10, "it has expired"), (30, "it expires soon")] {
            let app = provider.app(simulator);
            heard.listen(&app, TRACE);
            client(provider, simulator, &app, expires_in).get(provider.path).unwrap();
            // The connection for the request is opened beside the renewal.
            let mut lines = renewal(provider, why);
            lines.insert(2, said(CONNECTING));
            lines.push(request("GET", provider.path, 200));
            assert_eq!(heard.lines(), lines);
            heard.forget();
        }
        let client = client(provider, simulator, app, 3600);
        client.refresh().unwrap();
        assert_eq!(heard.lines(), renewal(provider, "the program asked for it"));
        client.get(provider.path).unwrap();
        heard.forget();

        simulator.expire_access_tokens();
        client.get(provider.path).unwrap();
        let refused = vec![request("GET", provider.path, 401)];
        let again = vec![request("GET", provider.path, 200)];
        let mut renewal = renewal(provider, "the provider answered 401");
        if !provider.rotates() {
            // It goes out on the connection of the one before.
            renewal.remove(1);
        }
        assert_eq!(heard.lines(), [refused, renewal, again].concat());
    });
}

#[test]
fn a_renewal_that_a_dead_process_began_says_so() {
    for_both(|provider, simulator, app, heard| {
        let folder = Folder::new();
        let token = provider.token(simulator, 3600);
        folder.write_private(&with(&token, "renewing_since", Some("2026-01-01T00:00:00Z")));
        app.from_file(&folder.token_file()).unwrap();
        let why = "how an earlier renewal of it ended is not known";
        assert_eq!(heard.lines(), renewal(provider, why));
    });
}

#[test]
fn a_token_that_somebody_else_stored_is_told() {
    for_both(|provider, simulator, app, heard| {
        let folder = Folder::new();
        let path = folder.login(provider, simulator);
        let client = app.from_file(&path).unwrap();
        folder.write_private(&provider.token(simulator, 3600));
        heard.forget();
        client.refresh().unwrap();
        let taken = "somebody else has stored another token: it is taken";
        assert_eq!(heard.lines(), [said((INFO, taken))]);
    });
}

#[test]
fn a_save_that_fails_is_a_warning_each_time() {
    for_both(|provider, simulator, app, heard| {
        let token = provider.token(simulator, 3600);
        let client = app.from_token(&token, &Saver::doing(|_| 0)).unwrap();
        client.refresh().unwrap_err();
        let unsaved = "the token is not saved: the token callback did not save the token";
        let mut lines = renewal(provider, "the program asked for it");
        *lines.last_mut().unwrap() = said((WARN, unsaved));
        assert_eq!(heard.lines(), lines);
        heard.forget();
        client.save().unwrap_err();
        drop(client);
        assert_eq!(heard.lines(), [said((WARN, unsaved)), said((WARN, unsaved))]);
    });
}

#[test]
fn a_renewal_whose_answer_is_lost_is_a_warning_and_goes_on() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, 3600);
        simulator.fault(Fault::once(Target::Refresh, FaultKind::Status503));
        client.refresh().unwrap();
        let lines = heard.lines();
        let mut expected = renewal(provider, "the program asked for it");
        let answers = request("POST", token_path(provider), 503);
        expected.splice(1..1, [said(CONNECTING), answers, lines[3].clone()]);
        assert_eq!(lines, expected);
        let (level, line) = &lines[3];
        assert_eq!(*level, WARN);
        assert!(line.starts_with("asking again in N ms: "), "{line}");
        assert!(line.contains("answered 503"), "{line}");
    });
}

#[test]
fn a_renewal_that_fails_while_the_token_lasts_is_two_warnings() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, 30);
        simulator.fault(Fault::once(Target::Refresh, FaultKind::Status403Permissions));
        client.get(provider.path).unwrap();
        let lines = heard.lines();
        let levels: Vec<u32> = lines.iter().map(|(level, _)| *level).collect();
        assert_eq!(levels, [INFO, TRACE, TRACE, DEBUG, WARN, WARN, DEBUG], "{lines:?}");
        assert!(lines[4].1.starts_with("the token is not renewed: "), "{lines:?}");
        assert!(
            lines[5].1.starts_with("the token was not renewed, and still lasts: "),
            "{lines:?}"
        );
    });
}

#[test]
fn a_rate_limit_that_is_waited_for_is_a_warning() {
    for_both(|provider, simulator, app, heard| {
        app.set_rate_limit_wait(1).unwrap();
        let client = client(provider, simulator, app, 3600);
        simulator.fault(Fault::once(Target::Api, FaultKind::Status429RetryAfter(0)));
        client.get(provider.path).unwrap();
        let waiting = said((WARN, "rate limited: waiting 1 s"));
        let answer = |status| request("GET", provider.path, status);
        assert_eq!(heard.lines(), [said(CONNECTING), answer(429), waiting, answer(200)]);
        heard.forget();
        simulator.fault(Fault::once(Target::Api, FaultKind::Status429RetryAfter(60)));
        client.get(provider.path).unwrap_err();
        assert_eq!(heard.lines(), [answer(429)], "what is not waited for is the error's to tell");
    });
}

#[test]
fn the_end_of_a_login_is_the_only_error() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, -10);
        simulator.revoke_user("26FWFL");
        client.get(provider.path).unwrap_err();
        let lines = heard.lines();
        let refused = request("POST", token_path(provider), 400);
        // The second connection is for the request, which is not sent.
        let connecting = said(CONNECTING);
        assert_eq!(
            lines[..4],
            [renewing("it has expired"), connecting.clone(), connecting, refused]
        );
        assert_eq!((lines.len(), lines[4].0), (5, ERROR), "{lines:?}");
        assert!(lines[4].1.starts_with("the token is not renewed: "), "{lines:?}");
        assert!(lines[4].1.ends_with("the person must log in again"), "{lines:?}");
    });
}

#[test]
fn a_revocation_is_one_request_and_one_line() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, 3600);
        client.revoke().unwrap();
        let revoked = said((INFO, "the login is revoked"));
        let sent = request("POST", revoke_path(provider), 200);
        assert_eq!(heard.lines(), [said(CONNECTING), sent, revoked]);
        heard.forget();
        client.revoke().unwrap();
        client.get(provider.path).unwrap_err();
        assert!(heard.lines().is_empty(), "nothing happens any more");
    });
}

#[test]
fn who_waits_for_another_thread_is_told_once() {
    for_both(|provider, simulator, app, heard| {
        let client = client(provider, simulator, app, -10);
        simulator.fault(Fault::once(Target::Refresh, FaultKind::Latency(1000)));
        std::thread::scope(|scope| {
            scope.spawn(|| client.get(provider.path).unwrap());
            crate::providers::wait_for(simulator, Target::Refresh);
            client.get(provider.path).unwrap();
        });
        let waiting = (TRACE, "waiting for another thread, which renews or saves this token");
        let lines = heard.lines();
        assert_eq!(lines.iter().filter(|line| **line == said(waiting)).count(), 1, "{lines:?}");
    });
}
