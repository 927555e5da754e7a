//! `examples/export.c`, run as its reader runs it: a CSV file of some days from either service. This
//! is the desk at which the program is started again and again; the stories are in the two modules.

mod file;
mod interruptions;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use fitbit_simulator::{
    DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET,
    Simulator, Target,
};
use fitbit_test_support::{c, library, world};

use crate::compilers::empty_folder;
use crate::run::{Way, build_from, command_of};

/// Three windows of the program, the last one not full, over a new year.
const DAYS: usize = 75;
const LAST_DAY: &str = "2026-02-10";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Service {
    Fitbit,
    Google,
}

const BOTH: [Service; 2] = [Service::Fitbit, Service::Google];

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::Fitbit => "fitbit",
            Service::Google => "google",
        }
    }
}

/// A folder with a login and a provider, in which the program is started again and again.
struct Desk {
    service: Service,
    provider: Simulator,
    folder: PathBuf,
    way: Way,
}

impl Desk {
    fn new(service: Service, test: &str) -> Desk {
        let folder = empty_folder(&format!("export_{test}_{}", service.name()));
        let desk = Desk { service, provider: world::provider(), folder, way: Way::Plain };
        let (id, scopes) = match service {
            Service::Fitbit => (DEMO_SERVER_ID, ["activity", "sleep"]),
            Service::Google => {
                (DEMO_GOOGLE_ID, ["activity_and_fitness.readonly", "sleep.readonly"])
            }
        };
        let mut token = desk.provider.issue_token(id, world::USER, &scopes);
        token["expires_at"] = 4_000_000_000_u32.into();
        desk.write(&desk.token_file(), &token.to_string());
        desk
    }

    fn token_file(&self) -> String {
        format!("{}-token.json", self.service.name())
    }

    fn part(&self) -> String {
        format!("days.csv.{}.part", self.service.name())
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        std::fs::write(&path, text).expect("the folder can be written to");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("it is ours");
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(file)).ok()
    }

    fn take(&self, file: &str) -> String {
        let text = self.read(file).expect("it is there");
        let path = self.folder.join(file);
        let mode = std::fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file} is its owner's alone");
        std::fs::remove_file(self.folder.join(file)).expect("it is ours");
        text
    }

    /// The program with its settings, and these arguments behind the file's name.
    fn command(&self, arguments: &[&str]) -> Option<Command> {
        let program = build_from(&library::root().join("examples/export.c"), self.way);
        let mut command = command_of(&program, self.way)?;
        let (variables, id, secret) = match self.service {
            Service::Fitbit => ("FITBIT", DEMO_SERVER_ID, DEMO_SERVER_SECRET),
            Service::Google => ("GOOGLE", DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET),
        };
        command
            .current_dir(&self.folder)
            .env("FITBIT_SIMULATOR", self.provider.uri())
            .env(format!("{variables}_CLIENT_ID"), id)
            .env(format!("{variables}_CLIENT_SECRET"), secret)
            .env(format!("{variables}_CALLBACK_URI"), DEMO_REDIRECT_URIS[0])
            .args([self.service.name(), "days.csv"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Some(command)
    }

    fn start(&self) -> Child {
        let command = self.command(&[&DAYS.to_string(), LAST_DAY]);
        command.expect("no tool is needed").spawn().expect("the program can be run")
    }

    /// Starts it, waits until this many requests have reached the API, and sends it a signal.
    fn interrupt(&self, requests: u64, signal: &str) -> Output {
        self.provider.reset_counts();
        let mut child = self.start();
        while self.provider.requests(Target::Api) < requests
            && child.try_wait().expect("it is ours").is_none()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let kill = format!("kill -{signal} {}", child.id());
        // It may have come to its end just before.
        let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
        child.wait_with_output().expect("it was started")
    }

    /// Runs it to its good end, without a word on stderr; answers with the CSV, and removes it.
    fn finish(&self) -> String {
        self.finish_with(&[&DAYS.to_string(), LAST_DAY])
    }

    fn finish_with(&self, arguments: &[&str]) -> String {
        let command = self.command(arguments).expect("no tool is needed");
        self.ended_well(command)
    }

    fn ended_well(&self, mut command: Command) -> String {
        let output = command.output().expect("the program can be run");
        let said = c::succeeded(output.clone());
        assert!(said.ends_with("days are in days.csv.\n"), "{said}");
        // Nobody watches a pipe: no progress line, and nothing else to say.
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(self.read(&self.part()), None);
        self.take("days.csv")
    }

    /// What the service itself says of one day, asked for by another way than the program's.
    fn row(&self, day: &str) -> String {
        let token = self.read(&self.token_file()).expect("it is there");
        let token: serde_json::Value = serde_json::from_str(&token).expect("a token is JSON");
        let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a text"));
        let client = self.provider.client().expect("no TLS is needed");
        let get = |path: String| {
            client.get(&path, &[("Authorization", bearer.as_str())]).expect("it answers").json()
        };
        let activity = get(format!("/1/user/-/activities/date/{day}.json"));
        let sleep = get(format!("/1.2/user/-/sleep/date/{day}.json"));
        let (steps, minutes) =
            (&activity["summary"]["steps"], &sleep["summary"]["totalMinutesAsleep"]);
        format!("{day},{steps},{minutes}")
    }
}
