//! Builds the library and `quickstart.c` and runs it: `cargo run --example quickstart`.
//!
//! With FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_CALLBACK_URI in the environment it talks
//! to the real provider, and you are the person. Otherwise the simulator is the provider, and this
//! program plays the person: it opens the address, grants access, lets the token expire, and starts
//! the program once more.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, ExitCode, Stdio};

use fitbit_simulator::{
    DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET, Decision, Simulator, Target,
};
use fitbit_test_support::{c, library};

fn main() -> ExitCode {
    println!("# Building the library as it is shipped, which takes a while the first time, and");
    println!("# examples/quickstart.c with cc.");
    let program = c::build(&library::root().join("examples/quickstart.c"), "quickstart", &["-O2"]);
    let real = ["FITBIT_CLIENT_ID", "FITBIT_CALLBACK_URI"]; // and a secret, if there is one
    if real.iter().all(|name| std::env::var_os(name).is_some()) {
        let ended = program.command().status().expect("the program runs");
        return if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }

    let provider = Simulator::start().expect("the simulator starts");
    let folder = empty_folder();
    let story = Story { program, provider, folder };
    println!("# The simulator is the provider. Lines with # are said, and keys pressed, by this");
    println!("# demonstration; all else is the C program, in {}.", story.folder.display());
    println!("# The person logs in:");
    story.run(true);
    println!("# The program is started again. Nobody has to log in:");
    story.run(false);
    println!(
        "# {} login, {} renewal, {} requests: one was refused because the token had expired, and repeated.",
        story.provider.requests(Target::Exchange),
        story.provider.requests(Target::Refresh),
        story.provider.requests(Target::Api),
    );
    ExitCode::SUCCESS
}

fn empty_folder() -> PathBuf {
    let folder = library::target().join("quickstart");
    let _ = std::fs::remove_dir_all(&folder); // of the last time
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

struct Story {
    program: c::Program,
    provider: Simulator,
    folder: PathBuf,
}

impl Story {
    /// Runs the program once, as its person: what it prints is shown, what it asks for is done.
    fn run(&self, expire: bool) {
        let mut child = Command::new(&self.program.path)
            .current_dir(&self.folder)
            .env("FITBIT_SIMULATOR", self.provider.uri())
            .env("FITBIT_CLIENT_ID", DEMO_SERVER_ID)
            .env("FITBIT_CLIENT_SECRET", DEMO_SERVER_SECRET)
            .env("FITBIT_CALLBACK_URI", DEMO_REDIRECT_URIS[0])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut keyboard = child.stdin.take();
        let mut may_expire = expire;
        let mut address = None;
        for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("the program prints text");
            println!("{line}");
            if line.starts_with("http") {
                address = Some(line);
            } else if line.starts_with("Then paste") {
                let address = address.take().expect("the address stands above");
                let back = self.provider.visit(&address, Decision::Grant).expect("access granted");
                println!("# The person grants access and is sent back to {back}");
                type_line(&mut keyboard, &back);
            } else if line.starts_with("Press Enter") && may_expire {
                println!("# Eight hours pass: the token expires.");
                self.provider.expire_access_tokens();
                may_expire = false;
                type_line(&mut keyboard, "");
            } else if line.starts_with("Press Enter") {
                keyboard = None;
            }
        }
        assert!(child.wait().expect("the program ends").success(), "the program failed");
    }
}

fn type_line(keyboard: &mut Option<ChildStdin>, text: &str) {
    let keyboard = keyboard.as_mut().expect("the program still reads");
    writeln!(keyboard, "{text}").expect("the program still reads");
}
