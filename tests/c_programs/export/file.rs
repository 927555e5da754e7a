//! What stands in the file, which days it has, and what the program says and asks on the way.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use fitbit_simulator::{Decision, Target};
use fitbit_test_support::c;

use super::{BOTH, DAYS, Desk, LAST_DAY, Service};
use crate::run::Way;

#[test]
fn both_services_give_every_day_its_row_and_the_same_file() {
    let fitbit = Desk::new(Service::Fitbit, "same");
    let csv = fitbit.finish();
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + DAYS);
    assert_eq!(lines[0], "date,steps,minutes_asleep");
    for (at, day) in [(1, "2025-11-28"), (30, "2025-12-27"), (31, "2025-12-28"), (75, LAST_DAY)] {
        assert_eq!(lines[at], fitbit.row(day));
    }
    assert_eq!(Desk::new(Service::Google, "same").finish(), csv);
}

#[test]
fn a_year_up_to_yesterday_is_what_is_exported_if_nothing_is_said() {
    for service in BOTH {
        let csv = Desk::new(service, "year").finish_with(&[]);
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines.len(), 1 + 365, "{service:?}");
        let whole = |line: &&&str| line.split(',').all(|value| !value.is_empty());
        assert_eq!(lines.iter().filter(whole).count(), 1 + 365, "{service:?}");
    }
}

#[test]
fn an_interrupted_export_goes_on_with_its_own_days_unless_it_is_told_others() {
    let desk = Desk::new(Service::Fitbit, "days");
    let csv = desk.finish();
    let begun: String = csv.split_inclusive('\n').take(11).collect();
    desk.write(&desk.part(), &begun);
    assert_eq!(desk.finish_with(&[&DAYS.to_string()]), csv, "a day later, nothing said");
    desk.write(&desk.part(), &begun);
    let others = desk.finish_with(&["5", LAST_DAY]);
    let last: Vec<_> = csv.lines().skip(1 + DAYS - 5).collect();
    assert_eq!(others, format!("date,steps,minutes_asleep\n{}\n", last.join("\n")));
}

#[test]
fn without_a_login_it_asks_for_one_and_keeps_it() {
    for service in BOTH {
        let desk = Desk::new(service, "login");
        let csv = desk.finish();
        desk.take(&desk.token_file());
        let mut command = desk.command(&[&DAYS.to_string(), LAST_DAY]).expect("no tool is needed");
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program can be run");
        let output = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(output).lines();
        let address = lines.nth(1).expect("the second line").expect("UTF-8");
        let back = desk.provider.visit(&address, Decision::Grant).expect("access is granted");
        let keyboard = child.stdin.as_mut().expect("it is piped");
        writeln!(keyboard, "{back}").expect("it reads");
        let rest: Vec<_> = lines.map(|line| line.expect("UTF-8")).collect();
        c::succeeded(child.wait_with_output().expect("it was started"));
        assert_eq!(rest.last().map(String::as_str), Some("75 days are in days.csv."));
        assert_eq!(desk.take("days.csv"), csv);
        assert_eq!(desk.finish(), csv, "the login was kept");
        assert_eq!(desk.provider.requests(Target::Exchange), 1);
    }
}

#[test]
fn on_a_terminal_a_line_says_how_far_it_is() {
    if !c::available("script") {
        return;
    }
    let desk = Desk::new(Service::Google, "terminal");
    let command = desk.command(&[&DAYS.to_string(), LAST_DAY]).expect("no tool is needed");
    // `script` runs it on a terminal of its own and passes on what appears there.
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"]);
    script.current_dir(&desk.folder).stdin(Stdio::null());
    script.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let seen = c::succeeded(script.output().expect("it is installed"));
    assert!(seen.contains("\r2025-11-28: 0 of 75") && seen.contains("\r2025-12-28: 30 of 75"));
    assert!(seen.ends_with("75 days are in days.csv.\r\n"), "{seen}");
}

fn clean(way: Way) {
    for service in BOTH {
        let mut desk = Desk::new(service, &format!("{way:?}"));
        let csv = desk.finish();
        desk.write(&desk.part(), &csv[..400]);
        desk.way = way;
        let Some(command) = desk.command(&[&DAYS.to_string(), LAST_DAY]) else { return };
        assert_eq!(desk.ended_well(command), csv);
    }
}

#[test]
fn valgrind_finds_nothing_in_the_export() {
    clean(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_export() {
    clean(Way::Sanitized);
}
