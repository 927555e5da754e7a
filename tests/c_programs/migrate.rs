//! `examples/migrate.c`, run as its reader runs it: a folder of logins, Fitbit that is being switched
//! off, and a person (this test) who opens addresses and pastes what comes back. Whatever the person
//! does, and wherever the program is killed, no login is lost and nobody gets another one's.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fitbit_simulator::{
    DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET,
    Decision, Fault, FaultKind, Simulator, Target,
};
use fitbit_test_support::{library, world::provider};
use serde_json::Value;

use crate::compilers::empty_folder;
use crate::run::{Way, build_from, command_of};

const ALICE: &str = "26FWFL";
const BOB: &str = "3BXQ7C";

/// The folder that is the program's user table, with the program and its provider.
struct Table {
    provider: Simulator,
    folder: PathBuf,
    way: Way,
}

/// What the person who was asked does.
enum Answer {
    As(&'static str, Decision),
    Kill,
    Leave,
}

/// What one run said: its lines but for the addresses, whom it asked, and how it ended.
struct Run {
    lines: Vec<String>,
    asked: Vec<String>,
    ended_well: bool,
}

impl Table {
    fn new(name: &str) -> Table {
        Table { provider: provider(), folder: empty_folder(name), way: Way::Plain }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn has(&self, file: &str) -> bool {
        self.path(file).exists()
    }

    /// A row as it was before the switch-off.
    fn add(&self, name: &str, user: &str) {
        let token = self.provider.issue_token(DEMO_SERVER_ID, user, &["profile", "sleep"]);
        self.write(&format!("{name}.fitbit.json"), &with_expiry(token));
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).expect("the folder can be written to");
        let private = PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.path(file), private).expect("the file is ours");
    }

    fn token(&self, file: &str) -> Value {
        let text = std::fs::read_to_string(self.path(file)).expect("the row is there");
        serde_json::from_str(&text).expect("a token is JSON")
    }

    fn switch_fitbit_off(&self) {
        self.provider.settings(|settings| settings.retired = true);
    }

    /// The browser in which this person is signed in opens the address.
    fn visit(&self, address: &str, user: &str, decision: Decision) -> String {
        self.provider.settings(|settings| settings.user_id = user.to_owned());
        self.provider.visit(address, decision).expect("the provider sends them back")
    }

    fn run(&self, person: impl Fn(&str) -> Answer) -> Option<Run> {
        let source = library::root().join("examples/migrate.c");
        let mut command = command_of(&build_from(&source, self.way), self.way)?;
        settings(&mut command, &self.provider).arg(&self.folder);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program can be run");
        let mut keyboard = child.stdin.take();
        let (mut lines, mut asked): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        let mut address = String::new();
        for line in BufReader::new(child.stdout.take().expect("it is piped")).lines() {
            let line = line.expect("the program prints UTF-8");
            if let Some((name, _)) = line.split_once(" (").filter(|_| line.contains("log in at")) {
                asked.push(name.to_owned());
            } else if line.starts_with("http") {
                address = line;
            } else if line.starts_with("Then paste") {
                let name = asked.last().expect("it says whom it asks");
                match person(name) {
                    Answer::As(user, decision) => {
                        let back = self.visit(&address, user, decision);
                        let keyboard = keyboard.as_mut().expect("it is open");
                        writeln!(keyboard, "{back}").expect("the program reads");
                    }
                    Answer::Kill => child.kill().expect("it is ours"),
                    Answer::Leave => keyboard = None,
                }
            } else if !line.starts_with("Open") {
                lines.push(line);
            }
        }
        let Output { status, stderr, .. } = child.wait_with_output().expect("it was started");
        assert_eq!(String::from_utf8_lossy(&stderr), "", "{lines:?}");
        Some(Run { lines, asked, ended_well: status.success() })
    }

    /// A run that must not ask anybody, and find every login working.
    fn run_with_nobody(&self) -> Vec<String> {
        let run = self.run(|name| panic!("{name} is asked")).expect("no tool is needed");
        assert!(run.ended_well, "{:?}", run.lines);
        run.lines
    }

    /// The row has moved, and its token is the one that it says.
    fn assert_moved(&self, name: &str, user: &str) {
        assert!(!self.has(&format!("{name}.fitbit.json")), "{name}'s old row is left");
        let file = format!("{name}.google.json");
        let token = self.token(&file);
        assert_eq!(token["provider"], "google_health");
        let id = token["user_id"].as_str().expect("it stands in the token");
        assert!(id != user && id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        let mode = std::fs::metadata(self.path(&file)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

fn settings<'a>(command: &'a mut Command, provider: &Simulator) -> &'a mut Command {
    command
        .env("FITBIT_SIMULATOR", provider.uri())
        .env("FITBIT_CLIENT_ID", DEMO_SERVER_ID)
        .env("FITBIT_CLIENT_SECRET", DEMO_SERVER_SECRET)
        .env("FITBIT_CALLBACK_URI", DEMO_REDIRECT_URIS[0])
        .env("GOOGLE_CLIENT_ID", DEMO_GOOGLE_ID)
        .env("GOOGLE_CLIENT_SECRET", DEMO_GOOGLE_SECRET)
        .env("GOOGLE_CALLBACK_URI", DEMO_REDIRECT_URIS[0])
}

fn with_expiry(mut token: Value) -> String {
    token["expires_at"] = 4_000_000_000_u32.into();
    token.to_string()
}

/// Everybody is at home and says yes.
fn willing(name: &str) -> Answer {
    Answer::As(if name == "alice" { ALICE } else { BOB }, Decision::Grant)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("it is there")
}

/// The whole story: a switched-off Fitbit, two consents, and a second run that asks nobody.
fn move_two(way: Way) {
    let mut table = Table::new(&format!("migrate_{way:?}"));
    table.way = way;
    table.add("alice", ALICE);
    table.add("bob", BOB);
    table.switch_fitbit_off();
    let Some(run) = table.run(willing) else { return };
    assert_eq!(run.asked, ["alice", "bob"]);
    assert!(run.ended_well, "{:?}", run.lines);
    table.assert_moved("alice", ALICE);
    table.assert_moved("bob", BOB);
    let id = table.token("alice.google.json")["user_id"].clone();
    let said = format!("alice is moved: {ALICE} is now {}.", id.as_str().expect("a text"));
    assert!(run.lines.contains(&said), "{said}: {:?}", run.lines);
    let exchanges = table.provider.requests(Target::Exchange);
    table.run_with_nobody();
    assert_eq!(table.provider.requests(Target::Exchange), exchanges);
}

#[test]
fn every_login_moves_by_the_consent_of_its_own_person() {
    move_two(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_move() {
    move_two(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_move() {
    move_two(Way::Sanitized);
}

#[test]
fn while_fitbit_answers_nobody_is_asked_and_nothing_moves() {
    let table = Table::new("migrate_alive");
    table.add("alice", ALICE);
    let before = read(&table.path("alice.fitbit.json"));
    let said = table.run_with_nobody();
    assert!(said.contains(&format!("alice: {ALICE} of fitbit works.")), "{said:?}");
    assert_eq!(read(&table.path("alice.fitbit.json")), before);
    assert!(!table.has("alice.google.json"));
}

#[test]
fn who_says_no_stays_in_the_table_and_is_asked_next_time() {
    let table = Table::new("migrate_denied");
    table.add("alice", ALICE);
    table.add("bob", BOB);
    table.switch_fitbit_off();
    let before = read(&table.path("alice.fitbit.json"));
    let alice_says_no = |name: &str| match name {
        "alice" => Answer::As(ALICE, Decision::Deny),
        _ => Answer::As(BOB, Decision::Grant),
    };
    let run = table.run(alice_says_no).expect("no tool is needed");
    assert!(!run.ended_well, "somebody has no login");
    assert!(run.lines.iter().any(|line| line.starts_with("alice said no")), "{:?}", run.lines);
    assert_eq!(read(&table.path("alice.fitbit.json")), before);
    assert!(!table.has("alice.google.json"));
    table.assert_moved("bob", BOB);

    let run = table.run(willing).expect("no tool is needed");
    assert_eq!(run.asked, ["alice"]);
    table.assert_moved("alice", ALICE);
}

#[test]
fn somebody_elses_consent_moves_nobody_and_costs_them_nothing() {
    let table = Table::new("migrate_somebody");
    table.add("alice", ALICE);
    table.add("bob", BOB);
    table.switch_fitbit_off();
    let always_bob = |_: &str| Answer::As(BOB, Decision::Grant);
    let run = table.run(always_bob).expect("no tool is needed");
    assert!(!run.ended_well && table.has("alice.fitbit.json") && !table.has("alice.google.json"));
    assert!(run.lines.iter().any(|line| line.contains("somebody else")), "{:?}", run.lines);
    table.assert_moved("bob", BOB);
    // Bob, who has his own row by now, sits down for Alice again: his login must survive that.
    table.run(always_bob).expect("no tool is needed");
    assert_eq!(table.provider.requests(Target::Revoke), 0);
    let run = table.run(willing).expect("no tool is needed");
    assert_eq!((run.asked, run.ended_well), (vec!["alice".to_owned()], true));
    table.assert_moved("alice", ALICE);
    table.run_with_nobody();
}

#[test]
fn a_run_that_ends_at_the_question_has_changed_nothing() {
    for (name, answer) in [("migrate_killed", Answer::Kill), ("migrate_left", Answer::Leave)] {
        let table = Table::new(name);
        table.add("alice", ALICE);
        table.switch_fitbit_off();
        let before = read(&table.path("alice.fitbit.json"));
        let kill = matches!(answer, Answer::Kill);
        let answer = |_: &str| if kill { Answer::Kill } else { Answer::Leave };
        let run = table.run(answer).expect("no tool is needed");
        assert!(!run.ended_well);
        assert_eq!(read(&table.path("alice.fitbit.json")), before);
        table.run(willing).expect("no tool is needed");
        table.assert_moved("alice", ALICE);
    }
}

#[test]
fn a_row_that_had_moved_when_the_run_was_killed_is_finished_without_a_question() {
    let table = Table::new("migrate_both");
    table.add("alice", ALICE);
    table.switch_fitbit_off();
    let old = read(&table.path("alice.fitbit.json"));
    table.run(willing).expect("no tool is needed");
    table.write("alice.fitbit.json", &old);
    let said = table.run_with_nobody();
    assert!(said.contains(&"1 of 1 users have a login that works.".to_owned()), "{said:?}");
    table.assert_moved("alice", ALICE);
}

#[test]
fn trouble_on_the_way_is_no_reason_to_ask_anybody() {
    for kind in [FaultKind::Status500, FaultKind::Status429Reset(600), FaultKind::CloseAfterRead] {
        let table = Table::new("migrate_trouble");
        table.add("alice", ALICE);
        table.provider.fault(Fault::always(Target::Api, kind.clone()));
        let run = table.run(|name| panic!("{name} is asked: {kind:?}")).expect("no tool is needed");
        assert!(!run.ended_well && run.lines[0].starts_with("alice stays: "), "{:?}", run.lines);
        assert!(table.has("alice.fitbit.json"));
    }
}

#[test]
fn an_expired_token_meets_the_switch_off_at_its_renewal() {
    let table = Table::new("migrate_expired");
    table.add("alice", ALICE);
    table.provider.expire_access_tokens();
    table.provider.fault(Fault::once(Target::Refresh, FaultKind::Status410));
    let run = table.run(willing).expect("no tool is needed");
    assert_eq!((run.asked, run.ended_well), (vec!["alice".to_owned()], true));
    table.assert_moved("alice", ALICE);
}

#[test]
fn a_google_login_that_has_ended_is_asked_for_again_and_must_be_the_same_persons() {
    let table = Table::new("migrate_ended");
    table.add("alice", ALICE);
    table.switch_fitbit_off();
    table.run(willing).expect("no tool is needed");
    let before = table.token("alice.google.json");
    table.provider.revoke_user(ALICE);
    let bob = |_: &str| Answer::As(BOB, Decision::Grant);
    assert!(!table.run(bob).expect("no tool is needed").ended_well);
    assert_eq!(table.token("alice.google.json")["user_id"], before["user_id"]);
    let run = table.run(willing).expect("no tool is needed");
    assert_eq!((run.asked, run.ended_well), (vec!["alice".to_owned()], true));
    let now = table.token("alice.google.json");
    assert_eq!(now["user_id"], before["user_id"]);
    assert_ne!(now["refresh_token"], before["refresh_token"]);
}
