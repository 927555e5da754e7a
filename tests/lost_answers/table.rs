//! The document: what the rule says, as tables for a reader of the manual. The test that measures
//! the cells compares them with the same rule.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::ends::{End, Kind, Row, STAGES, Stage, ends, holes, possible, rows};
use crate::rule::{Flow, LOST, Outcome, PROVIDERS, Provider, RENEWALS, Stored, expected};

const INTRODUCTION: &str = "\
# What becomes of a login when a response is lost

The library sends a refresh token or an authorization code to the provider's token endpoint. Many
things can end that exchange before the response has arrived. This page says what the library does
then. `tests/lost_answers` measures every cell of the tables through the C interface.

## The rule

Fitbit's refresh tokens are single-use. If the response to one is lost, nobody can tell whether the
provider has used it. The library then calls the refresh token *possibly used*.

- **Doubt begins with the first byte of the HTTP request.** A name lookup, a connection, a proxy's
  CONNECT and a TLS handshake carry no refresh token. If one of them fails, nothing was sent.
- **A request's own doubt ends with one of two responses.** The first is a 2xx that holds an access
  token. The second is a 4xx (but not 409) whose body is the provider's own error. The errors
  `internal_failure`, `server_error` and `temporarily_unavailable` do not count: they name a passing
  fault.
- **An earlier request's doubt ends with one of two responses.** The first is a 2xx that holds an
  access token. The second is `invalid_grant`, and then the login has ended.
- **Everything else leaves the refresh token possibly used.** Examples are a connection that ends, a
  response that cannot be decoded, an HTML page of a gateway, a redirect and a 5xx.

While a refresh token is possibly used, the library sends it again. Fitbit repeats its response for
two minutes, so the login lives. Google's refresh tokens can be used any number of times.

A response that is only late is not lost. If a call ends after its renewal was sent, the connection
stays with the login for 30 seconds from then on. The next call reads the response there and sends
no request. If no response comes, that call asks again on a new connection. An application keeps
eight such connections at most, and closes the oldest first.

- One call sends at most four requests to the token endpoint. The first pause between them is a
  quarter of a second, give or take a half. Each further pause is twice as long.
- A call asks again after a connection that failed or ended, after silence, after a response that
  cannot be used, after 409, after a 5xx, and after a passing fault. It does not ask again after any
  other complete response, nor after a TLS handshake that was refused.
- While the access token works, requests go out at once. After the API's response the call tries
  the renewal once more, for two seconds at most, and returns the API's result. If the token
  endpoint needs more than two seconds, call `fitbit_refresh`: it has the app's whole timeout.
- Later calls ask again. Five seconds lie between the last request of one call and the first of the
  next, whichever thread makes it. If the access token has expired, a call within the five seconds
  waits until they are over. If the call's timeout is too short for that, it returns the last error
  at once. To read a late response, no call waits for the five seconds to end.
- If your program cancels a call, a single-use refresh token or a code that was sent is waited for,
  until the call's time is up. A refresh token that can be reused is not waited for: the call ends
  at once, and the refresh token does not count as possibly used.
- Renewals with a refresh token that can be reused go over kept connections. If a kept connection
  ends, the call asks again at once on a new one. A 4xx on a kept connection (but not 429) is
  believed only if a new connection brings it, too.
- A token file holds a *renewal marker* while its refresh token is possibly used. A process that
  finds the marker asks again. A token callback and a renewal guard have no marker.
- **The library never repeats the exchange of an authorization code.** If its response is lost, the
  error message says to start at step one.

## What your program gets

| code | what happened |
|---|---|
| `NETWORK` | A connection failed, or it ended before the response was complete. |
| `TIMEOUT` | The call ran out of time. |
| `TLS` | The TLS handshake failed. Nothing was sent. |
| `PROTOCOL` | The response is not HTTP, cannot be decoded, or is a 2xx without an access token. |
| `HTTP`, `RATE_LIMITED`, `PROVIDER_RETIRED` | The response is complete and has another status. |
| `INVALID_CLIENT` | The provider refused the application. |
| `CANCELLED` | Your program cancelled the call. |
| `REAUTHORIZE` | The provider refused the refresh token with `invalid_grant`. |
| `AUTHORIZATION` | The provider refused the code with `invalid_grant`. |

Only `REAUTHORIZE` means that the login has ended. If an exchange is cancelled and its response
arrives all the same, `fitbit_step_two` succeeds.

## How to read the tables

The first call is `fitbit_get` with an access token that has expired, or `fitbit_step_two`. Every
exchange of that call ends as the row says. Then the fault is gone, and a later call shows whether
the login lives.

- *requests*: the HTTP requests that the token endpoint received in the first call. A request counts
  from its first byte on.
- *later requests*: the same for the later call. It sends none if it has a new token, if it reads a
  late response, or if the login has ended.
- *acted*: whether the provider carried out a request of the first call.
- *token file*: the token in the file after the first call, and whether the renewal marker is there.
- *callback, guard*: `new` if the token callback or the renewal guard got a new token, else `-`.
- *login*: `lives` if the later call works. `lost` if the provider refuses a refresh token whose
  response never arrived. `lost, said later` if that response can still come: the calls are
  `FITBIT_ERROR_TIMEOUT` until it comes, or until 30 seconds have passed. `ended` if the provider
  ended the login itself.

The exchanges use https, except where a row says plain http. The simulator's faults use plain http,
too. A response whose connection ends in its body has a Content-Length, except where a row says
otherwise. Calls that end in silence have a timeout of 2.5 seconds here, which one request uses up;
with the default of 30 seconds a call sends up to three. A usual response that follows such a
silence comes when the first call has returned. The later call begins at once then, and otherwise
after five seconds.
";

const OF_RENEWALS: &str = "
## Renewals

Code, requests and login are the same for a token callback, a token file and a renewal guard. The
login was tried with three providers:

- *repeats*: refresh tokens are single-use, and the provider repeats its response for two minutes
  (Fitbit). No login is lost.
- *repeats nothing*: refresh tokens are single-use, and the provider refuses one that was used.
  Fitbit does so after two minutes, or when your program has used a new token. If the provider acted
  and its response was lost, the login is lost.
- *reuses*: a refresh token can be used any number of times (Google Health). No login is lost.

Where a provider has another code or another number of requests, the cell names that provider.
";

const OF_KEPT: &str = "
## Renewals over a kept connection

Only refresh tokens that can be reused are sent so (Google Health). The first request of the first
call goes out on a connection that another login's renewal has left open. All further requests have
connections of their own. No login is lost.
";

const OF_EXCHANGES: &str = "
## Exchanges of a code

The library sends the request once. A new login from step one works each time.
";

const OF_HOLES: &str = "
## What cannot happen

Each end was paired with each stage. These pairs have no cell, for the reason in the first column.

| reason | ends | stages | pairs |
|---|---|---|---|
";

fn provider(provider: Provider) -> &'static str {
    match provider {
        Provider::Repeats => "repeats",
        Provider::RepeatsNothing => "repeats nothing",
        Provider::Reuses => "reuses",
    }
}

/// A value that is the same for most providers: the first one's, and whose differ.
fn values(of: &[(Provider, String)]) -> String {
    let mut text = of[0].1.clone();
    for (whose, value) in of.iter().filter(|(_, value)| *value != of[0].1) {
        write!(text, " ({}: {value})", provider(*whose)).unwrap();
    }
    text
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// The columns of a renewal, the same for all its stores but for what is stored.
fn renewed(row: &Row) -> String {
    let each = |value: &dyn Fn(Provider) -> String| {
        values(&PROVIDERS.map(|provider| (provider, value(provider))))
    };
    let same = |provider| {
        let mut outcomes = RENEWALS.map(|flow| expected(row, flow, provider));
        let in_file = outcomes[1].stored;
        outcomes[1].stored = outcomes[0].stored;
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{}", row.label());
        let [outcome, ..] = outcomes;
        (outcome, in_file)
    };
    let file = |provider| match same(provider).1 {
        Stored::Old => "old",
        Stored::OldMarked => "old, marker",
        Stored::New => "new",
        Stored::NewMarked => "new, marker",
    };
    let callback = |provider| if same(provider).0.stored == Stored::New { "new" } else { "-" };
    let [repeats, repeats_nothing, reuses] = PROVIDERS.map(|provider| same(provider).0.later);
    [
        each(&|provider| yes_or_no(same(provider).0.acted).into()),
        each(&|provider| format!("`{}`", same(provider).0.code)),
        each(&|provider| same(provider).0.requests.to_string()),
        each(&|provider| same(provider).0.later_requests.to_string()),
        each(&|provider| file(provider).into()),
        each(&|provider| callback(provider).into()),
        repeats,
        repeats_nothing,
        reuses,
    ]
    .join(" | ")
}

const HEAD_OF_RENEWALS: [&str; 11] = [
    "how it ends",
    "stage",
    "acted",
    "code",
    "requests",
    "later requests",
    "token file",
    "callback, guard",
    "login, repeats",
    "login, repeats nothing",
    "login, reuses",
];

fn renewed_over_a_kept_connection(row: &Row) -> String {
    let Outcome { acted, code, requests, later_requests, stored, later } =
        expected(row, Flow::Kept, Provider::Reuses);
    let callback = if stored == Stored::New { "new" } else { "-" };
    let acted = yes_or_no(acted);
    format!("{acted} | `{code}` | {requests} | {later_requests} | {callback} | {later}")
}

const HEAD_OF_KEPT: [&str; 8] =
    ["how it ends", "stage", "acted", "code", "requests", "later requests", "callback", "login"];

fn exchanged(row: &Row) -> String {
    let of = |provider| expected(row, Flow::Exchange, provider);
    let each = |value: &dyn Fn(Outcome) -> String| {
        let providers = PROVIDERS.into_iter().filter(|p| p.flows().contains(&Flow::Exchange));
        let of_each: Vec<_> = providers.map(|provider| (provider, value(of(provider)))).collect();
        values(&of_each)
    };
    [
        each(&|outcome| yes_or_no(outcome.acted).into()),
        each(&|outcome| format!("`{}`", outcome.code)),
        each(&|outcome| outcome.requests.to_string()),
        each(&|outcome| if outcome.stored == Stored::New { "new" } else { "-" }.into()),
    ]
    .join(" | ")
}

const HEAD_OF_EXCHANGES: [&str; 6] =
    ["how it ends", "stage", "acted", "code", "requests", "callback"];

const KINDS: [(Kind, &str, &str); 5] = [
    (Kind::Connection, "The connection ends", "every end of a connection"),
    (Kind::Refusal, "The way to the provider is refused", "every refusal on the way"),
    (Kind::Body, "The response's body is cut, or has no length", "every cut or unframed body"),
    (Kind::Answer, "A complete response without an access token", "every complete response"),
    (Kind::Simulated, "The faults of the tests' simulator", "every fault of the simulator"),
];

/// An end's stages, and what they have in common.
type Stages = Vec<(Vec<Stage>, String)>;

/// Stages that share their columns share a line, and so do ends whose lines are the same.
fn groups(kind: Kind, flow: Flow, columns: fn(&Row) -> String) -> Vec<(Vec<String>, Stages)> {
    let mut groups: Vec<(Vec<String>, Stages)> = Vec::new();
    for end in ends().into_iter().filter(|end| end.kind() == kind) {
        let mut stages: Stages = Vec::new();
        let is_there = |stage: &Stage| possible(&end, *stage).is_ok() && flow.has(*stage);
        for stage in STAGES.into_iter().filter(is_there) {
            let columns = columns(&Row { end, stage });
            match stages.iter_mut().find(|(_, same)| *same == columns) {
                Some((shared, _)) => shared.push(stage),
                None => stages.push((vec![stage], columns)),
            }
        }
        match groups.iter_mut().find(|(_, same)| *same == stages) {
            _ if stages.is_empty() => {}
            Some((labels, _)) => labels.push(end.label()),
            None => groups.push((vec![end.label()], stages)),
        }
    }
    groups
}

fn write_tables(document: &mut String, flow: Flow, head: &[&str], columns: fn(&Row) -> String) {
    for (kind, title, _) in KINDS {
        let groups = groups(kind, flow, columns);
        if groups.is_empty() {
            continue;
        }
        write!(document, "\n### {title}\n\n| {} |\n|", head.join(" | ")).unwrap();
        writeln!(document, "{}", "---|".repeat(head.len())).unwrap();
        for (labels, lines) in groups {
            for (stages, columns) in lines {
                let (labels, stages) = (labels.join("; "), named(&stages));
                writeln!(document, "| {labels} | {stages} | {columns} |").unwrap();
            }
        }
    }
}

fn named(stages: &[Stage]) -> String {
    stages.iter().map(|stage| stage.label()).collect::<Vec<_>>().join("; ")
}

pub fn document(cells: usize) -> String {
    let mut document = [INTRODUCTION, OF_RENEWALS].concat();
    write_tables(&mut document, Flow::Callback, &HEAD_OF_RENEWALS, renewed);
    document.push_str(OF_KEPT);
    let columns = renewed_over_a_kept_connection;
    write_tables(&mut document, Flow::Kept, &HEAD_OF_KEPT, columns);
    document.push_str(OF_EXCHANGES);
    write_tables(&mut document, Flow::Exchange, &HEAD_OF_EXCHANGES, exchanged);
    document.push_str(OF_HOLES);
    write_holes(&mut document);
    write_counts(&mut document, cells);
    document
}

fn write_holes(document: &mut String) {
    let mut reasons: Vec<&str> = Vec::new();
    let mut of_reason: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    for (row, reason) in holes() {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
        of_reason.entry(reason).or_default().push(row);
    }
    for reason in reasons {
        let rows = &of_reason[reason];
        let is_there = |stage: &Stage| rows.iter().any(|row| row.stage == *stage);
        let stages: Vec<_> = STAGES.into_iter().filter(is_there).collect();
        let (ends, stages, count) = (ends_of(rows), named(&stages), rows.len());
        writeln!(document, "| {reason} | {ends} | {stages} | {count} |").unwrap();
    }
}

/// The ends of these rows; all of one kind by its name.
fn ends_of(rows: &[Row]) -> String {
    let is_there = |end: &End| rows.iter().any(|row| row.end == *end);
    let mut labels = Vec::new();
    for (kind, _, name) in KINDS {
        let all: Vec<_> = ends().into_iter().filter(|end| end.kind() == kind).collect();
        match all.iter().all(is_there) {
            true => labels.push(name.to_owned()),
            false => labels.extend(all.iter().filter(|end| is_there(end)).map(End::label)),
        }
    }
    labels.join("; ")
}

fn write_counts(document: &mut String, cells: usize) {
    let (rows, holes) = (rows(), holes().len());
    let lost = |provider| {
        let is_lost = |row: &&Row| expected(row, Flow::Callback, provider).later.starts_with(LOST);
        rows.iter().filter(is_lost).count()
    };
    let counts = [
        ("ends", ends().len()),
        ("stages", STAGES.len()),
        ("pairs of an end and a stage that can happen", rows.len()),
        ("pairs that cannot", holes),
        ("cells: pairs, with each provider, in each flow", cells),
        (
            "pairs that lose a login where the provider repeats nothing",
            lost(Provider::RepeatsNothing),
        ),
        ("pairs that lose a login where it repeats its response", lost(Provider::Repeats)),
        ("pairs that lose a login where refresh tokens can be reused", lost(Provider::Reuses)),
    ];
    document.push_str("\n## Counts\n\n| what | count |\n|---|---|\n");
    for (what, count) in counts {
        writeln!(document, "| {what} | {count} |").unwrap();
    }
}
