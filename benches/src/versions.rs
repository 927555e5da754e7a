//! Which versions of what were measured, and on what.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use fitbit_test_support::library;

/// What stands at the head of the page and of the figures: name and version.
pub fn versions(python: Option<&Path>, curl: &Path) -> Vec<(String, String)> {
    let curl_said = said(curl, &["--version"]);
    let curl_said = curl_said.split(" zlib").next().unwrap_or_default().to_owned();
    let mut versions = vec![
        ("date".to_owned(), said("date", &["-u", "+%Y-%m-%d"])),
        ("rustc".to_owned(), said("rustc", &["--version"])),
        ("cc".to_owned(), said("cc", &["--version"])),
        ("libcurl".to_owned(), curl_said),
        ("iddawc".to_owned(), said("pkg-config", &["--modversion", "libiddawc"])),
        ("valgrind".to_owned(), said("valgrind", &["--version"])),
    ];
    for package in ["ureq", "oauth2", "rustls"] {
        versions.push((package.to_owned(), locked(package)));
    }
    if let Some(python) = python {
        versions.push(("Python".to_owned(), said(python, &["--version"])));
        let list = all(python, &["-m", "pip", "--disable-pip-version-check", "list"]);
        for package in ["fitbit-api", "fitbit", "requests", "oauthlib"] {
            let mut lines = list.lines().filter_map(|line| line.split_once(' '));
            if let Some((_, version)) = lines.find(|(name, _)| *name == package) {
                versions.push((package.to_owned(), version.trim().to_owned()));
            }
        }
    }
    versions.push(("CPU".to_owned(), processor()));
    versions.push(("kernel".to_owned(), said("uname", &["-sr"])));
    versions
}

/// What the lock file says of a package.
fn locked(package: &str) -> String {
    let lock = std::fs::read_to_string(library::root().join("Cargo.lock")).unwrap_or_default();
    let (_, rest) =
        lock.split_once(&format!("name = \"{package}\"\nversion = \"")).unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names = || info.lines().filter(|line| line.starts_with("model name"));
    let name = names().next().and_then(|line| line.split_once(": ")).unwrap_or_default().1;
    format!("{} x {name}", names().count())
}

fn all(program: impl AsRef<OsStr>, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// The first line that a command prints.
fn said(program: impl AsRef<OsStr>, args: &[&str]) -> String {
    let said = all(program, args).lines().next().unwrap_or_default().trim().to_owned();
    if said.is_empty() { "not there".to_owned() } else { said }
}
