//! The subjects written in Rust. They are parts of the bench's own program, started with
//! `--peer PART OPERATION SERVER [CA_FILE]`, and driven as the others are (see `subject.rs`).

mod bare_oauth2;
mod bare_ureq;
mod floor_tls;
mod threads;

use std::io::{BufRead, Write};
use std::time::Instant;

const CLIENT_ID: &str = "22942C";
const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef";
const CALLBACK_URI: &str = "https://app.example/callback";
const USER_AGENT: &str = "libfitbit/0.1.0";
/// As long as the one in `driver.h`.
const ACCESS_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.\
    eyJhdWQiOiIyMjk0MkMiLCJzdWIiOiIyNkZXRkwiLCJpc3MiOiJGaXRiaXQiLCJ0eXAiOiJhY2Nlc3NfdG9rZW4iLCJz\
    Y29wZXMiOiJyYWN0IHJociBycHJvIHJzbGUgcndlaSIsImV4cCI6MTc5NTg2NzIwMCwiaWF0IjoxNzk1ODM4NDAwfQ.\
    c2lnbmF0dXJlIG9mIHRoaXJ0eS10d28gYnl0ZXMgLi4uLi4";
const SCOPES: &str = "activity cardio_fitness electrocardiogram heartrate \
    irregular_rhythm_notifications location nutrition oxygen_saturation profile respiratory_rate \
    settings sleep social temperature weight";

/// What a subject is asked to do.
struct Work<'a> {
    operation: &'a str,
    server: &'a str,
    ca_file: Option<&'a str>,
}

pub fn run(words: &[String]) {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    if let ["ureq-threads", rest @ ..] = &words[..] {
        return threads::run(rest);
    }
    let [part, operation, server, ca_file @ ..] = &words[..] else {
        panic!("--peer PART OPERATION SERVER [CA_FILE]");
    };
    let work = Work { operation, server, ca_file: ca_file.first().copied() };
    match *part {
        "ureq" => bare_ureq::run(&work, false),
        "ureq-timeout" => bare_ureq::run(&work, true),
        "oauth2" => bare_oauth2::run(&work),
        "floor-tls" => floor_tls::run(&work),
        _ => panic!("no subject is named {part}"),
    }
}

/// Reads counts, does the operation as often, answers with the nanoseconds that it took.
fn drive(mut operation: impl FnMut()) {
    let mut output = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let count: u64 = line.expect("it is text").trim().parse().expect("a number");
        let begin = Instant::now();
        for _ in 0..count {
            operation();
        }
        writeln!(output, "{}", begin.elapsed().as_nanos()).expect("somebody reads");
        output.flush().expect("somebody reads");
    }
}
