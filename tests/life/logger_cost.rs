//! A line is only put together where somebody asked for its level: counted in allocations, by a C
//! program that has a malloc of its own.

use fitbit_simulator::Simulator;
use fitbit_test_support::{c, library};

use crate::providers::FITBIT;

/// Allocations and lines of 100 requests, at each level from 0, which is no logger.
fn of_each_level() -> [(u64, u64); 6] {
    let source = library::root().join("tests/life/logger_cost.c");
    let program = c::build(&source, "life_logger_cost", &[]);
    let simulator = Simulator::start().unwrap();
    [0, 1, 2, 3, 4, 5].map(|level| {
        let token = FITBIT.token(&simulator, 3600);
        let printed = program.run([simulator.uri(), &token, FITBIT.path, &level.to_string()]);
        let (allocations, lines) = printed.trim().split_once(' ').unwrap();
        (allocations.parse().unwrap(), lines.parse().unwrap())
    })
}

#[test]
fn a_level_that_nobody_asked_for_allocates_nothing() {
    let [none, error, warn, info, debug, trace] = of_each_level();
    assert!(none.0 > 0, "the program's malloc counts");
    for silent in [error, warn, info] {
        assert_eq!(silent, none);
    }
    assert_eq!((debug.1, trace.1), (100, 100), "each request is a line, and no connection is new");
    assert!(debug.0 > none.0, "a line is made of memory");
}
