//! ureq from many threads: `--peer ureq-threads PATH SERVER THREADS one|each [default]`. They share an
//! agent, as its documentation says, or have one each. Its pool holds a connection for each thread,
//! unless it is to be left as it is: three for a host.

use std::io::{BufRead, Write};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ureq::Agent;

use super::{ACCESS_TOKEN, USER_AGENT};

pub fn run(words: &[&str]) {
    let [path, server, threads, how, pool @ ..] = words else {
        panic!("--peer ureq-threads PATH SERVER THREADS one|each [default]");
    };
    let threads: usize = threads.parse().expect("a number of threads");
    let agent = || {
        let config = Agent::config_builder().proxy(None).user_agent(USER_AGENT);
        let config = match pool {
            ["default"] => config,
            _ => config.max_idle_connections(threads).max_idle_connections_per_host(threads),
        };
        Agent::from(config.build())
    };
    let shared = agent();
    let agents = (0..threads).map(|_| if *how == "each" { agent() } else { shared.clone() });
    let uri = format!("{server}{path}");
    let authorization = format!("Bearer {ACCESS_TOKEN}");
    drive(agents.collect(), |agent| {
        let answer = agent.get(&uri).header("Authorization", &authorization).call();
        let body = answer.expect("an answer").body_mut().with_config().limit(1 << 24).read_to_vec();
        assert!(body.expect("a body").len() >= 2048);
    });
}

/// As `threads.h` drives its subjects.
fn drive<S: Send>(states: Vec<S>, operation: impl Fn(&S) + Sync) {
    let threads = states.len() as u64;
    let barrier = Barrier::new(states.len() + 1);
    let share = AtomicU64::new(0);
    let over = || share.load(Ordering::SeqCst) == u64::MAX;
    std::thread::scope(|scope| {
        for state in states {
            scope.spawn(|| {
                let state = state;
                loop {
                    barrier.wait();
                    if over() {
                        return;
                    }
                    for _ in 0..share.load(Ordering::SeqCst) {
                        operation(&state);
                    }
                    barrier.wait();
                }
            });
        }
        let mut output = std::io::stdout();
        for line in std::io::stdin().lock().lines() {
            let count: u64 = line.expect("it is text").trim().parse().expect("a number");
            share.store(count.div_ceil(threads), Ordering::SeqCst);
            let begin = Instant::now();
            barrier.wait();
            barrier.wait();
            writeln!(output, "{}", begin.elapsed().as_nanos()).expect("somebody reads");
            output.flush().expect("somebody reads");
        }
        share.store(u64::MAX, Ordering::SeqCst);
        barrier.wait();
    });
}
