//! Instructions per authenticated GET of 2 KB on a kept-alive loopback connection: this library
//! from C, bare ureq, and libcurl from C. Counted by callgrind as the difference of two run
//! lengths, so that starting up does not count and noise cannot. Fails where the library costs more
//! than 1.10 times ureq or 0.60 times libcurl.
//!
//! `cargo run --release --package fitbit-bench-get`; needs valgrind and libcurl's headers.

mod bare_ureq;

use std::path::Path;
use std::process::Command;

use fitbit_simulator::{DEMO_SERVER_ID, Simulator};
use fitbit_test_support::c;

const PATH: &str = "/1/user/-/bytes/2048.json";
const SHORT: u64 = 100;
const LONG: u64 = 600;

fn main() {
    if let [_, "bare-ureq", uri, token, count] =
        std::env::args().collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>()[..]
    {
        return bare_ureq::run(uri, token, count.parse().expect("a number"));
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let provider = Simulator::start().expect("the simulator starts");
    provider.settings(|settings| {
        settings.rate_limit.limit = u64::from(u32::MAX);
        settings.keep_log = false;
    });
    let token = provider.issue_token(DEMO_SERVER_ID, "26FWFL", &["profile"]);
    let token = token["access_token"].as_str().expect("a token answer").to_owned();
    let (server, uri) = (provider.uri().to_owned(), format!("{}{PATH}", provider.uri()));

    let fitbit = c::build(&here.join("fitbit_get.c"), "fitbit_get", &["-O2"]);
    let curl = c::build(&here.join("curl_get.c"), "curl_get", &["-O2", "-lcurl"]);
    let ureq = std::env::current_exe().expect("a program has a file");

    let run = |program: &Path, args: &[&str], count: u64, last: Option<&str>| {
        instructions(program, args.iter().copied().chain([&*count.to_string()]).chain(last))
    };
    let per_get = |program: &Path, args: &[&str], last: Option<&str>| {
        (run(program, args, LONG, last) - run(program, args, SHORT, last)) / (LONG - SHORT)
    };
    let ours = per_get(&fitbit.path, &[&server, &token], Some(PATH));
    let ureq = per_get(&ureq, &["bare-ureq", &uri, &token], None);
    let curl = per_get(&curl.path, &[&uri, &token], None);
    println!("instructions per GET of 2048 bytes, kept alive, plain:");
    println!("  libfitbit  {ours:>7}");
    println!(
        "  bare ureq  {ureq:>7}   libfitbit is {:.2} times as much",
        ours as f64 / ureq as f64
    );
    println!(
        "  libcurl    {curl:>7}   libfitbit is {:.2} times as much",
        ours as f64 / curl as f64
    );
    assert!(ours * 100 <= ureq * 110 && ours * 100 <= curl * 60, "more than promised");
}

/// What callgrind counts in one run.
fn instructions<'a>(program: &Path, args: impl Iterator<Item = &'a str>) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(args)
        .output()
        .expect("valgrind is installed");
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{report}");
    let line = report.lines().find(|line| line.contains("Collected :")).expect("a count");
    line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}
