//! The table of what each fault of the simulator costs when it falls on the refresh request
//! alone: `refresh_faults.md`. The test measures all of it and compares; with `UPDATE=1` it writes
//! the table anew.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use fitbit_simulator::{Fault, FaultKind, Target};
use fitbit_test_support::world::{PROFILE, app, provider, saved_token};
use fitbit_test_support::{Saver, code};

/// Enough for four attempts with the longest pauses between them (2.6 seconds), and so little that
/// an answer that never comes is waited for once.
const TIMEOUT_MS: u32 = 9000;

const HEADER: &str = "\
# What each fault on the refresh request costs

Measured by `tests/guard/refresh_faults.rs`: `UPDATE=1 cargo test --test guard refresh_faults`.
Every fault in turn, with its example parameter, falls on every refresh request of one `fitbit_get`
whose token has expired (timeout 9 seconds, strict rotation). Then the fault is over, and a second
`fitbit_get` says what is left of the login:

- lives: the second call works;
- ended: `REAUTHORIZE`, on the provider's word alone (`invalid_grant`);
- lost: `REAUTHORIZE`, because the refresh token was spent for an answer that never arrived.

\"Acts\": the provider carries the request out, and only the answer is late, spoilt or lost.
\"Sent\": refresh requests of the first call. \"Grace\": Fitbit's own behaviour, which repeats the
answer to a refresh token that was just spent for two minutes; \"no grace\" is a provider without.

| fault | acts | no grace: code | sent | login | grace: code | sent | login |
|---|---|---|---|---|---|---|---|
";

/// The code's name, as the header has it, without the prefix.
fn name(code: u32) -> &'static str {
    match code {
        code::INVALID_CLIENT => "INVALID_CLIENT",
        code::REAUTHORIZE => "REAUTHORIZE",
        code::RATE_LIMITED => "RATE_LIMITED",
        code::HTTP => "HTTP",
        code::PROVIDER_RETIRED => "PROVIDER_RETIRED",
        code::NETWORK => "NETWORK",
        code::TIMEOUT => "TIMEOUT",
        code::PROTOCOL => "PROTOCOL",
        _ => "unexpected",
    }
}

fn measure(kind: &FaultKind, grace: Option<Duration>) -> String {
    let provider = provider();
    provider.settings(|settings| settings.grace = grace);
    let app = app(&provider);
    app.set_timeout_ms(TIMEOUT_MS).unwrap();
    let client = app.from_token(&saved_token(&provider, -10), &Saver::new()).unwrap();
    provider.fault(Fault::always(Target::Refresh, kind.clone()));
    let first = client.get(PROFILE).map_or_else(|error| name(error.code), |_| "success");
    let sent = provider.requests(Target::Refresh);
    provider.clear_faults();
    let login = match client.get(PROFILE) {
        Ok(_) => "lives",
        Err(error) if error.code != code::REAUTHORIZE => name(error.code),
        Err(_) if kind.acts() => "lost",
        Err(_) => "ended",
    };
    format!("{first} | {sent} | {login}")
}

fn measured() -> String {
    let faults = FaultKind::all();
    // Half of them at a time: they are to be waiting, not to be in each other's way.
    let column = |grace| {
        std::thread::scope(|scope| {
            let rows: Vec<_> =
                faults.iter().map(|(_, kind)| scope.spawn(move || measure(kind, grace))).collect();
            rows.into_iter().map(|row| row.join().unwrap()).collect::<Vec<_>>()
        })
    };
    let columns = [column(None), column(Some(Duration::from_secs(120)))];
    let mut table = HEADER.to_owned();
    for (nth, (fault, kind)) in faults.iter().enumerate() {
        let acts = if kind.acts() { "yes" } else { "no" };
        let [without, with] = columns.each_ref().map(|column| &column[nth]);
        writeln!(table, "| {fault} | {acts} | {without} | {with} |").unwrap();
    }
    table
}

#[test]
fn the_table_says_what_each_fault_on_the_refresh_request_costs() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guard/refresh_faults.md");
    let measured = measured();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &measured).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    for (written, measured) in std::iter::zip(written.lines(), measured.lines()) {
        assert_eq!(written, measured);
    }
    assert_eq!(written, measured, "UPDATE=1 writes it anew");
}
