//! Dead addresses before live ones: every arrangement, on short and long paths.
//!
//! Ten cells stand for all in the ordinary run. `FITBIT_LONG=1` runs all of them. curl runs beside the
//! library, with addresses of its own.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fitbit_test_support::{c, in_parallel, library};

use crate::bench::{ANY, Call, Family, Fate, Network, Path, Script};

/// RFC 8305 section 8 recommends it.
const DELAY: Duration = Duration::from_millis(250);

/// A busy machine can stop the library between its look at the clock and its SYN.
const MIN_DISTANCE: Duration = Duration::from_millis(200);

/// So many cells of a path run at once.
const WORKERS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dead {
    SameFamily,
    OtherFamily,
    Alternating,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    round_trip_ms: u64,
    arrangement: Dead,
    dead: usize,
    live: usize,
}

const fn cell(round_trip_ms: u64, arrangement: Dead, dead: usize, live: usize) -> Cell {
    Cell { round_trip_ms, arrangement, dead, live }
}

const ROUND_TRIPS_MS: [u64; 4] = [5, 80, 300, 2300];
const ARRANGEMENTS: [Dead; 3] = [Dead::SameFamily, Dead::OtherFamily, Dead::Alternating];

const REPRESENTATIVE: [Cell; 10] = [
    cell(5, Dead::SameFamily, 0, 1),
    cell(5, Dead::SameFamily, 8, 1),
    cell(80, Dead::SameFamily, 4, 1),
    cell(80, Dead::OtherFamily, 1, 1),
    cell(80, Dead::OtherFamily, 8, 8),
    cell(300, Dead::Alternating, 8, 1),
    cell(300, Dead::OtherFamily, 3, 2),
    cell(300, Dead::Alternating, 5, 8),
    cell(2300, Dead::SameFamily, 0, 4),
    cell(2300, Dead::Alternating, 3, 1),
];

impl Cell {
    fn addresses(&self, net: &Network) -> Vec<IpAddr> {
        // Which family is the first one must not matter.
        let (one, other) = match (self.dead + self.live) % 2 {
            0 => (Family::V6, Family::V4),
            _ => (Family::V4, Family::V6),
        };
        let alternate = |index: usize| if index.is_multiple_of(2) { one } else { other };
        let family = |index: usize| match (self.arrangement, index < self.dead) {
            (Dead::SameFamily, _) | (Dead::OtherFamily, true) => one,
            (Dead::OtherFamily, false) => other,
            (Dead::Alternating, _) => alternate(index),
        };
        let fate = |index: usize| if index < self.dead { Fate::Swallow } else { Fate::Forward };
        (0..self.dead + self.live).map(|i| net.address(family(i), fate(i))).collect()
    }

    fn limit(&self) -> Duration {
        DELAY * self.dead as u32
            + 4 * Duration::from_millis(self.round_trip_ms)
            + Duration::from_secs(1)
    }

    fn run(&self, net: &Network, number: usize, with_curl: bool) -> Outcome {
        let (name, curls) = (format!("cell-{number}.test"), format!("curl-{number}.test"));
        net.name(&name, &self.addresses(net));
        net.name(&curls, &self.addresses(net));
        let (call, curl) = std::thread::scope(|scope| {
            let curl = scope.spawn(|| if with_curl { curl(net, &curls) } else { None });
            let script = Script::to(&format!("https://{name}")).timeout_ms(30_000).get();
            (net.call(script), curl.join().expect("curl is waited for"))
        });
        let syns = net.first_syns(&name);
        let distances = syns.windows(2).map(|pair| pair[1].0 - pair[0].0);
        Outcome {
            cell: *self,
            connected: net.connected(&name).map(|at| at.saturating_sub(call.began)),
            min_distance: distances.min(),
            attempts: syns.len(),
            call,
            curl,
        }
    }
}

/// How long curl took to be connected.
fn curl(net: &Network, name: &str) -> Option<Duration> {
    let began = crate::bench::now();
    let mut curl = net.curl();
    curl.args(["--connect-timeout", "10", "--max-time", "20"]);
    curl.arg(format!("https://{name}{ANY}")).output().expect("curl is installed");
    net.connected(name).map(|at| at.saturating_sub(began))
}

struct Outcome {
    cell: Cell,
    call: Call,
    connected: Option<Duration>,
    min_distance: Option<Duration>,
    attempts: usize,
    curl: Option<Duration>,
}

impl Outcome {
    /// What is wrong with it.
    fn fault(&self) -> Option<&'static str> {
        if self.call.code != "FITBIT_OK" {
            Some("the call failed")
        } else if self.connected.is_none_or(|time| time > self.cell.limit()) {
            Some("connected too late")
        } else if self.min_distance.is_some_and(|distance| distance < MIN_DISTANCE) {
            Some("two attempts too close together")
        } else {
            None
        }
    }

    fn line(&self) -> String {
        let ms = |time: Option<Duration>| time.map_or("-".into(), |t| t.as_millis().to_string());
        let Cell { round_trip_ms, arrangement, dead, live } = self.cell;
        format!(
            "{round_trip_ms}\t{arrangement:?}\t{dead}\t{live}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            ms(self.connected),
            ms(Some(self.cell.limit())),
            self.attempts,
            ms(self.min_distance),
            ms(self.curl),
            self.call.code,
            self.fault().unwrap_or("good"),
        )
    }
}

const COLUMNS: &str = "round trip\tdead addresses\tdead\tlive\tconnected\tlimit\taddresses tried\
                       \tmin distance\tcurl\tcall\t";

fn all() -> Vec<Cell> {
    let mut cells = Vec::new();
    for arrangement in ARRANGEMENTS {
        for dead in 0..=8 {
            for live in 1..=8 {
                cells.extend(ROUND_TRIPS_MS.map(|time| cell(time, arrangement, dead, live)));
            }
        }
    }
    cells
}

/// All cells of one path, on one bench.
fn run(round_trip_ms: u64, cells: &[Cell], with_curl: bool) -> Vec<Outcome> {
    let Some(net) = Network::new(Path::rtt_ms(round_trip_ms)) else { return Vec::new() };
    let cells: Vec<&Cell> =
        cells.iter().filter(|cell| cell.round_trip_ms == round_trip_ms).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = cells.get(number) else { return outcomes };
            outcomes.push(cell.run(&net, number, with_curl));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(cells.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().expect("a worker returns")).collect()
    })
}

/// Runs these cells, the paths beside each other, and writes down what became of each.
fn check(cells: &[Cell], table: &str) {
    let with_curl = c::available("curl");
    let outcomes = Mutex::new(Vec::new());
    in_parallel(ROUND_TRIPS_MS, |round_trip_ms| {
        let of_this_path = run(round_trip_ms, cells, with_curl);
        outcomes.lock().expect("no thread panics with it").extend(of_this_path);
    });
    let outcomes = outcomes.into_inner().expect("no thread panics with it");
    if outcomes.is_empty() {
        return; // the bench is skipped
    }
    assert_eq!(outcomes.len(), cells.len());
    let lines: Vec<String> = outcomes.iter().map(Outcome::line).collect();
    let folder = library::target().join("network");
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    let text = format!("{COLUMNS}\n{}\n", lines.join("\n"));
    std::fs::write(folder.join(table), &text).expect("the target folder can be written to");
    println!("{text}");
    let faults = outcomes.iter().filter(|outcome| outcome.fault().is_some());
    let faults: Vec<String> = faults.map(Outcome::line).collect();
    let (bad, all) = (faults.len(), outcomes.len());
    assert!(faults.is_empty(), "{bad} of {all} cells:\n{COLUMNS}\n{}", faults.join("\n"));
}

#[test]
fn dead_addresses_before_live_ones_cost_a_quarter_of_a_second_each() {
    check(&REPRESENTATIVE, "ten-cells.tsv");
}

#[test]
fn every_arrangement_of_dead_and_live_addresses_connects_in_time() {
    if std::env::var_os("FITBIT_LONG").is_none() {
        return c::say_skipped("all cells run with FITBIT_LONG=1");
    }
    check(&all(), "all-cells.tsv");
}
