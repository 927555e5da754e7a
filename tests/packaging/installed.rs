//! The installation that the tests look at: made once, by `.ci/release`, with cargo-c.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use fitbit_test_support::{c, library};

/// What `.ci/release` made.
pub struct Release {
    /// Where cargo-c installed it.
    pub prefix: PathBuf,
    pub archive: PathBuf,
}

/// What the script needs beside a compiler.
const TOOLS: [&str; 5] = ["cargo-cinstall", "tar", "gzip", "sha256sum", "sed"];

/// The repository's own; none, aloud, where a tool is missing.
pub fn release() -> Option<&'static Release> {
    static RELEASE: OnceLock<Release> = OnceLock::new();
    TOOLS
        .iter()
        .all(|tool| c::available(tool))
        .then(|| RELEASE.get_or_init(|| make(library::root(), &library::target())))
}

/// Makes a release of the sources in `root`.
pub fn make(root: &Path, target: &Path) -> Release {
    let mut script = Command::new(root.join(".ci/release"));
    // No variable of the test's own cargo makes a difference.
    script.env_clear().env("CARGO_TARGET_DIR", target).env("SOURCE_DATE_EPOCH", "1700000000");
    for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        script.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    let said = printed(&mut script);
    let archive = said.lines().last().and_then(|line| line.split_whitespace().nth(1));
    let archive = archive.unwrap_or_else(|| panic!("no archive is named: {said}"));
    Release { prefix: target.join("dist/installed"), archive: target.join("dist").join(archive) }
}

/// What a command printed that ended well.
pub fn printed(command: &mut Command) -> String {
    c::succeeded(command.output().unwrap_or_else(|why| panic!("{command:?}: {why}")))
}

/// The same, for a tool and its arguments.
pub fn tool<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> String {
    printed(Command::new(name).args(args))
}

/// A folder with nothing in it, whatever an earlier run left there.
pub fn empty_folder(name: &str) -> PathBuf {
    let folder = library::target().join("packaging").join(name);
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    std::fs::remove_dir_all(&folder).expect("nobody else uses it");
    std::fs::create_dir(&folder).expect("the target folder can be written to");
    folder
}

/// Every file and link below a folder, by its name from there.
pub fn files(folder: &Path) -> BTreeSet<String> {
    let listed =
        tool("find", [folder.as_os_str(), "-not".as_ref(), "-type".as_ref(), "d".as_ref()]);
    let names = listed.lines().map(|path| Path::new(path).strip_prefix(folder));
    names.map(|name| name.expect("it is below").display().to_string()).collect()
}

/// The values of one kind in a shared library's or a program's dynamic section.
pub fn dynamic(file: &Path, kind: &str) -> Vec<String> {
    let section = tool("readelf", ["-d".as_ref(), "--wide".as_ref(), file.as_os_str()]);
    let lines = section.lines().filter(|line| line.contains(&format!("({kind})")));
    let values = lines.filter_map(|line| line.split_once('[')?.1.split_once(']'));
    values.map(|(value, _)| value.to_owned()).collect()
}

/// The version's numbers, and those of them that stand in the SONAME.
pub fn numbers() -> (String, String) {
    let numbers = env!("CARGO_PKG_VERSION").split(['-', '+']).next().expect("it has a beginning");
    let (major, rest) = numbers.split_once('.').expect("it has three parts");
    let minor = rest.split('.').next().expect("it has three parts");
    let line = if major == "0" { format!("0.{minor}") } else { major.to_owned() };
    (numbers.to_owned(), line)
}
