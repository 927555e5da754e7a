//! `/_simulator/`: the switches and counters over HTTP, for people with curl and for tests in
//! other languages. These requests are neither counted nor logged, and no fault falls on them.

use crate::answer::Answer;
use crate::control_settings;
use crate::fault::{Fault, FaultKind, Target};
use crate::provider::registration::Registration;
use crate::request::Request;
use crate::simulator::Core;
use serde_json::{Map, Value, json};

const PREFIX: &str = "/_simulator/";

const HELP: &str = r#"The provider simulator's switches

POST   /_simulator/fault       {"on":"refresh","kind":"close_after_read","times":1,"skip":0}
                               times 0: until cleared; "path" narrows "on":"api" down.
DELETE /_simulator/fault       switches all faults off
POST   /_simulator/settings    any of {"user_id":"26FWFL","consent":"page|grant|deny",
                               "granted_scopes":["profile"]|null,"append_fragment":true,
                               "code_life":600,"grace":120|null,"token_life":28800,
                               "omit_expires_in":false,"allow_body_secret":false,
                               "old_access_token_survives_refresh":true,"intraday":true,
                               "rate_limit":150,"rate_limit_window":3600,"keep_log":true,
                               "links_origin":"https://api.fitbit.com"|null,"retired":false,
                               "google_iss":"https://accounts.google.com"|null,
                               "google_refreshed_token":"absent|new|empty|null",
                               "google_strict_rotation":false,
                               "google_refreshed_scopes":["sleep.readonly"]|null,
                               "google_refresh_token_life":604799|null}
                               times in seconds
POST   /_simulator/register    {"client_id":"...","client_secret":"..."|null,
                               "kind":"server|client|personal|google",
                               "redirect_uris":["..."]}
POST   /_simulator/token       {"client_id":"...","user_id":"...","scopes":["profile"]}
                               mints a login and answers like the token endpoint
POST   /_simulator/expire      every access token issued so far is now expired
POST   /_simulator/invalidate  {"access_token":"..."}: now an invalid_token
POST   /_simulator/revoke      {"user_id":"..."}: every login of that person ends
POST   /_simulator/reset       faults off, counts at zero, log empty; logins stay
GET    /_simulator/fault       the faults that are switched on, with how often they still fall
GET    /_simulator/counts      requests received, most in flight, connections, replays, TLS
                               handshakes, requests of each connection to the token endpoint
GET    /_simulator/log         every request with its status
GET    /_simulator/secrets     every secret issued or received

Without a word from here: 1000000 requests an hour, no grace, the log is kept.

Fitbit's API answers
  GET    /1/user/-/profile.json
  GET    /1/user/-/devices.json
  GET    /1/user/-/activities/date/{date}.json
  GET    /1/user/-/activities/steps/date/{from}/{until}.json
  GET    /1/user/-/activities/heart/date/{date}/1d/1min.json
  GET    /1/user/-/activities/list.json?afterDate=...&sort=asc&offset=0&limit=20
  GET    /1/user/-/activities/{id}.tcx
  GET    /1.2/user/-/sleep/date/{date}.json
  GET    /1.2/user/-/sleep/list.json?afterDate=...&sort=asc&offset=0&limit=20
  GET    /1/user/-/foods/log/date/{date}.json
  POST   /1/user/-/foods/log.json   foodName=Apple&calories=80&mealTypeId=7&unitId=304&amount=1&date=today
  DELETE /1/user/-/foods/log/{logId}.json
  POST   /1/user/-/meals.json       JSON
  GET    /1/user/-/bytes/{n}.json   n bytes

Google's API answers under /v4/users/me
  GET    identity, profile, settings, pairedDevices
  GET    dataTypes/{type}/dataPoints?pageSize=...&pageToken=...&filter=...
  GET    dataTypes/{type}/dataPoints:reconcile
  GET    dataTypes/{type}/dataPoints/{id}
  GET    dataTypes/exercise/dataPoints/{id}:exportExerciseTcx?alt=media
  POST   dataTypes/{type}/dataPoints:rollUp       {"range":{"startTime":"...","endTime":"..."},
                                                  "windowSize":"3600s"}
  POST   dataTypes/{type}/dataPoints:dailyRollUp  {"range":{"start":{"date":{...}},"end":...}}
  POST   dataTypes/{type}/dataPoints              answered, and not kept
  POST   dataTypes/{type}/dataPoints:batchDelete  {"names":["..."]}, likewise
with data of steps, distance, heart-rate, weight, sleep, exercise and daily-resting-heart-rate
since 2024-01-01, which is what Fitbit's has too.
"#;

pub(crate) fn is_for(request: &Request) -> bool {
    request.path().starts_with(PREFIX)
}

/// The same, told from a request's first bytes.
pub(crate) fn is_addressed_by(bytes: &[u8]) -> bool {
    let target = bytes.splitn(3, |&b| b == b' ').nth(1).unwrap_or_default();
    target.starts_with(PREFIX.as_bytes())
}

pub(crate) fn answer(core: &Core, request: &Request) -> Answer {
    let body = if request.body().is_empty() {
        json!({})
    } else {
        match serde_json::from_slice(request.body()) {
            Ok(body) => body,
            Err(error) => return refused(&format!("the body is not JSON: {error}")),
        }
    };
    let name = request.path().strip_prefix(PREFIX).unwrap_or("");
    let outcome = match (request.method(), name) {
        ("GET", "") => return Answer::text(200, &help()),
        ("POST", "fault") => Fault::from_json(&body).map(|fault| core.faults.arm(fault)),
        ("DELETE", "fault") => {
            core.faults.clear();
            Ok(())
        }
        ("POST", "settings") => control_settings::change(core, &body),
        ("POST", "register") => {
            Registration::from_json(&body).map(|application| core.provider.register(application))
        }
        ("POST", "token") => return token(core, &body),
        ("POST", "expire") => {
            core.provider.expire_access_tokens();
            Ok(())
        }
        ("POST", "invalidate") => {
            text(&body, "access_token").map(|token| core.provider.invalidate(token))
        }
        ("POST", "revoke") => text(&body, "user_id").map(|user| core.provider.revoke_user(user)),
        ("POST", "reset") => {
            core.faults.clear();
            core.counts.reset();
            core.log.clear();
            Ok(())
        }
        ("GET", "fault") => return Answer::json(200, &json!(core.faults.armed())),
        ("GET", "counts") => return Answer::json(200, &counts(core)),
        ("GET", "log") => return Answer::json(200, &log(core)),
        ("GET", "secrets") => return Answer::json(200, &json!(core.provider.secrets())),
        _ => return Answer::text(404, HELP),
    };
    match outcome {
        Ok(()) => Answer::json(200, &json!({"ok": true})),
        Err(why) => refused(&why),
    }
}

fn refused(why: &str) -> Answer {
    Answer::json(400, &json!({"ok": false, "error": why}))
}

fn help() -> String {
    let names: Vec<&str> = FaultKind::all().into_iter().map(|(name, _)| name).collect();
    format!(
        "{HELP}\nTargets: authorize exchange refresh revoke introspect api any\nFaults:\n  {}\n\
         and service_disabled, of Google's API alone.\n\
         latency and slow_drip take \"ms\", the status_429s \"seconds\", the redirects \"to\",\n\
         raw \"bytes\", json \"status\" and \"body\".\n",
        names.join("\n  ")
    )
}

fn text<'a>(body: &'a Value, field: &str) -> Result<&'a str, String> {
    body[field].as_str().ok_or_else(|| format!("\"{field}\" is missing"))
}

/// The strings of a list; `None` if it is not a list of strings.
pub(crate) fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn token(core: &Core, body: &Value) -> Answer {
    let scopes = strings(&body["scopes"]).ok_or_else(|| "\"scopes\" is a list".to_owned());
    match (text(body, "client_id"), text(body, "user_id"), scopes) {
        (Ok(client_id), Ok(user_id), Ok(scopes)) => {
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            Answer::json(200, &core.provider.issue_token(client_id, user_id, &scopes))
        }
        (Err(why), _, _) | (_, Err(why), _) | (_, _, Err(why)) => refused(&why),
    }
}

fn counts(core: &Core) -> Value {
    let targets = [
        Target::Authorize,
        Target::Exchange,
        Target::Refresh,
        Target::Revoke,
        Target::Introspect,
        Target::Api,
        Target::Any,
    ];
    let each = |count: &dyn Fn(&Target) -> u64| -> Map<String, Value> {
        targets.iter().map(|target| (target.name().to_owned(), count(target).into())).collect()
    };
    let handshakes = core.counts.handshakes();
    json!({
        "requests": each(&|target| core.counts.requests(target)),
        "max_in_flight": each(&|target| core.counts.max_in_flight(target)),
        "api_paths": core.counts.api_paths().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "connections": core.counts.connections(),
        "token_connections": core.counts.token_connections(),
        "handshakes": {
            "full": handshakes.full,
            "resumed": handshakes.resumed,
            "early_data_offered": handshakes.early_data_offered,
        },
        "replayed_codes": core.provider.replayed_codes(),
        "replayed_refresh_tokens": core.provider.replayed_refresh_tokens(),
    })
}

fn log(core: &Core) -> Value {
    let entries = core.log.entries().into_iter().map(|entry| {
        json!({
            "method": entry.method,
            "target": entry.target,
            "headers": entry.headers,
            "body": String::from_utf8_lossy(&entry.body),
            "status": entry.status,
            "fault": entry.fault,
            "at_ms": entry.at_ms,
        })
    });
    entries.collect()
}
