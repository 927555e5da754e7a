//! A person's real browser: Chromium opens the provider's page, somebody presses a button there, and
//! `examples/login.c` goes on. Screenshots and a transcript are left in the target folder.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use fitbit_simulator::{DEMO_SERVER_ID, DEMO_SERVER_SECRET, Fault, FaultKind, Simulator, Target};
use fitbit_test_support::world::provider;
use fitbit_test_support::{c, code, library};

use crate::devtools::{Chromium, Tab};
use crate::program::{Folder, Program, example, waiting};
use crate::scene::{callback_uri, fitbit_app};

const CONSENT: &str = "Sign in";

/// One login, from the program's first word to its last.
struct Scene {
    provider: Simulator,
    callback_uri: String,
    folder: Folder,
    chromium: Chromium,
    transcript: String,
    name: &'static str,
}

impl Scene {
    /// None where there is no Chromium, which is said aloud.
    fn begin(name: &'static str) -> Option<Scene> {
        if !c::available("chromium") {
            return None;
        }
        let provider = provider();
        let callback_uri = callback_uri();
        drop(fitbit_app(&provider, &callback_uri));
        let folder = Folder::new();
        folder.opener("exit 0");
        let (chromium, transcript) = (Chromium::start(), format!("== {name}\n"));
        Some(Scene { provider, callback_uri, folder, chromium, transcript, name })
    }

    fn note(&mut self, line: &str) {
        let _ = writeln!(self.transcript, "{line}");
    }

    fn example(&self) -> Command {
        let mut command = example();
        command
            .arg("token.json")
            .env("FITBIT_SIMULATOR", self.provider.uri())
            .env("FITBIT_CLIENT_ID", DEMO_SERVER_ID)
            .env("FITBIT_CLIENT_SECRET", DEMO_SERVER_SECRET)
            .env("FITBIT_CALLBACK_URI", &self.callback_uri);
        command
    }

    fn start(&mut self, command: Command) -> Program {
        let program = Program::start(command, &self.folder);
        self.note("program: started");
        program
    }

    /// The address that the program opened, in a tab that shows the provider's page.
    fn tab(&mut self, uri: &str) -> Tab {
        let tab = self.chromium.open(uri);
        let title = self.chromium.title_after(&tab, "");
        assert_eq!(title, CONSENT);
        self.note(&format!("chromium: opens the address, sees {title:?}"));
        tab
    }

    fn opened(&mut self) -> String {
        let [uri] = self.folder.opened().try_into().expect("one address");
        self.note(&format!("xdg-open: {}?...", uri.split('?').next().expect("an endpoint")));
        uri
    }

    fn press(&mut self, tab: &Tab, decision: &str) -> String {
        self.chromium.click(tab, &format!("button[value={decision}]"));
        let title = self.chromium.title_after(tab, CONSENT);
        self.note(&format!("chromium: presses {decision}, sees {title:?}"));
        title
    }

    /// The page in the light, in the dark and on a telephone; its own style is applied to it.
    fn shoot(&mut self, tab: &Tab, name: &str) {
        let folder = library::target().join("browser");
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        let mut backgrounds = vec![];
        for (scheme, width) in [("light", 900), ("dark", 900), ("light", 360), ("dark", 360)] {
            self.chromium.resize(tab, width, 640);
            self.chromium.prefer(tab, scheme);
            let style = |property: &str| format!("getComputedStyle(document.body).{property}");
            assert_eq!(
                self.chromium.evaluate(tab, &style("display")),
                "grid",
                "the style is there"
            );
            backgrounds.push(self.chromium.evaluate(tab, &style("backgroundColor")));
            let fits = "document.documentElement.scrollWidth <= innerWidth";
            assert_eq!(self.chromium.evaluate(tab, fits), true, "{width} pixels are enough");
            let path: PathBuf = folder.join(format!("{name}-{scheme}-{width}.png"));
            self.chromium.shoot(tab, &path);
        }
        assert_ne!(backgrounds[0], backgrounds[1], "the dark is dark");
        assert_eq!(self.chromium.complaints, Vec::<String>::new(), "{name}");
    }

    /// Its last words; and the transcript is kept.
    fn end(mut self, program: Program, well: bool) -> String {
        let end = program.end();
        assert_eq!(end.ended_well, well, "{}{}", end.said, end.complained);
        let said = end.said + &end.complained;
        said.lines().for_each(|line| self.note(&format!("program: {line}")));
        self.keep();
        said
    }

    fn keep(&self) {
        let folder = library::target().join("browser");
        fs::create_dir_all(&folder).expect("the target folder can be written to");
        fs::write(folder.join(format!("{}.txt", self.name)), &self.transcript)
            .expect("so can a file");
        println!("{}", self.transcript);
    }
}

#[test]
fn a_person_grants_access_in_chromium_and_the_second_run_needs_no_browser() {
    let Some(mut scene) = Scene::begin("grant") else { return };
    let command = scene.example();
    let program = scene.start(command);
    let uri = scene.opened();
    let tab = scene.tab(&uri);
    assert_eq!(scene.press(&tab, "grant"), "Access granted");
    scene.shoot(&tab, "granted");
    let said = program.end();
    assert!(
        said.ended_well && said.said.contains("You are 26FWFL."),
        "{}{}",
        said.said,
        said.complained
    );
    said.said.lines().for_each(|line| scene.note(&format!("program: {line}")));

    let command = scene.example();
    let program = scene.start(command);
    let said = scene.end(program, true);
    assert_eq!(said, "You are 26FWFL.\n");
}

#[test]
fn a_person_says_no_in_chromium() {
    let Some(mut scene) = Scene::begin("deny") else { return };
    let command = scene.example();
    let program = scene.start(command);
    let uri = scene.opened();
    let tab = scene.tab(&uri);
    assert_eq!(scene.press(&tab, "deny"), "You said no");
    scene.shoot(&tab, "denied");
    assert!(scene.end(program, false).contains("You said no"));
}

#[test]
fn chromium_shows_a_login_that_fails() {
    let Some(mut scene) = Scene::begin("fail") else { return };
    scene.provider.fault(Fault::once(Target::Exchange, FaultKind::Status400InvalidGrant));
    let command = scene.example();
    let program = scene.start(command);
    let uri = scene.opened();
    let tab = scene.tab(&uri);
    assert_eq!(scene.press(&tab, "grant"), "That did not work");
    scene.shoot(&tab, "failed");
    assert!(scene.end(program, false).contains("FITBIT_ERROR_AUTHORIZATION"));
}

#[test]
fn a_tab_that_is_closed_is_a_timeout() {
    let Some(mut scene) = Scene::begin("closed-tab") else { return };
    let command = waiting(&scene.provider, &scene.callback_uri, 8000);
    let mut program = scene.start(command);
    let uri = scene.opened();
    let tab = scene.tab(&uri);
    scene.chromium.close(tab);
    scene.note("chromium: closes the tab");
    let said = program.line();
    scene.note(&format!("program: {said}"));
    assert!(said.starts_with(&format!("{} ", code::TIMEOUT)), "{said}");
    scene.end(program, true);
}

#[test]
fn the_first_of_two_tabs_logs_in_and_the_second_does_no_harm() {
    let Some(mut scene) = Scene::begin("two-tabs") else { return };
    let command = scene.example();
    let program = scene.start(command);
    let uri = scene.opened();
    let (first, second) = (scene.tab(&uri), scene.tab(&uri));
    // Each has the other's answer under way.
    assert_eq!(scene.press(&first, "grant"), "Access granted");
    let end = program.end();
    assert!(end.said.contains("You are 26FWFL."), "{}{}", end.said, end.complained);
    // Nobody listens any more: Chromium's own page says so.
    assert_ne!(scene.press(&second, "grant"), "Access granted");
    assert_eq!(scene.provider.requests(Target::Exchange), 1);
    scene.keep();
}
