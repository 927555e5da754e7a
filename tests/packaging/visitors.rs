//! Programs of others, which find the installed library by its name and use it: `tests/packaging/use`
//! compiles and runs them, with the simulator as the provider.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use fitbit_simulator::{DEMO_REDIRECT_URIS, DEMO_SERVER_ID, DEMO_SERVER_SECRET, Simulator, Target};
use fitbit_test_support::{c, library, world};

use crate::installed::{Release, dynamic, empty_folder, numbers, printed, release};

/// What a person's profile has in it.
const PROFILE: &str = "\"encodedId\"";

/// Lets the script go one way; answers with what it printed.
fn visit(way: &str, prefix: &Path, folder: &Path, provider: &Simulator) -> String {
    let mut script = Command::new(library::root().join("tests/packaging/use"));
    script.arg(prefix).arg(folder).arg(way);
    script
        .env("FITBIT_SIMULATOR", provider.uri())
        .env("FITBIT_CLIENT_ID", DEMO_SERVER_ID)
        .env("FITBIT_CLIENT_SECRET", DEMO_SERVER_SECRET)
        .env("FITBIT_CALLBACK_URI", DEMO_REDIRECT_URIS[0]);
    printed(&mut script)
}

/// The same with programs that print the profile of the person whose token they find; answers with
/// their folder, too.
fn ask(way: &str, prefix: &Path, folder: &str) -> (PathBuf, String) {
    let folder = empty_folder(folder);
    let provider = world::provider();
    // It has expired: the first program renews it and saves what it gets.
    let token = folder.join("fitbit-token.json");
    fs::write(&token, world::saved_token(&provider, -1)).expect("the folder can be written to");
    fs::set_permissions(&token, Permissions::from_mode(0o600)).expect("it was written above");
    let said = visit(way, prefix, &folder, &provider);
    assert!(said.contains(PROFILE), "{said}");
    assert_eq!(provider.requests(Target::Refresh), 1, "{said}");
    (folder, said)
}

fn links_with_the_shared_library(program: &Path) -> bool {
    dynamic(program, "NEEDED").contains(&soname())
}

fn soname() -> String {
    format!("libfitbit.so.{}", numbers().1)
}

/// The release, where everything is installed that a test needs.
fn with(tools: &[&str]) -> Option<&'static Release> {
    release().filter(|_| tools.iter().all(|tool| c::available(tool)))
}

#[test]
fn a_c_program_finds_the_shared_library_by_pkg_config() {
    let Some(release) = with(&["pkg-config"]) else { return };
    let (folder, _) = ask("c_shared", &release.prefix, "c_shared");
    assert!(links_with_the_shared_library(&folder.join("c_shared")));
}

#[test]
fn a_c_program_finds_the_static_library_by_pkg_config() {
    let Some(release) = with(&["pkg-config"]) else { return };
    let (folder, _) = ask("c_static", &release.prefix, "c_static");
    assert!(!links_with_the_shared_library(&folder.join("c_static")));
}

#[test]
fn a_cpp_program_finds_both_libraries_by_cmake() {
    let Some(release) = with(&["cmake"]) else { return };
    let (folder, said) = ask("cmake", &release.prefix, "cmake");
    assert_eq!(said.matches(PROFILE).count(), 2, "{said}");
    assert!(links_with_the_shared_library(&folder.join("cmake/shared")));
    assert!(!links_with_the_shared_library(&folder.join("cmake/static")));
    let file = release.prefix.join("lib/pkgconfig/fitbit.pc");
    let file = fs::read_to_string(file).expect("it is installed");
    let private = file.lines().find_map(|line| line.strip_prefix("Libs.private: "));
    let private = private.expect("it says what the static library needs").replace(' ', ";");
    assert!(said.contains(&format!("fitbit_static needs {private}\n")), "{said}");
}

#[test]
fn clang_imports_the_header_as_a_module() {
    let Some(release) = with(&["clang"]) else { return };
    let folder = empty_folder("clang_module");
    visit("clang_module", &release.prefix, &folder, &world::provider());
}

#[test]
fn the_go_package_passes_its_tests_with_the_installed_library() {
    let Some(release) = with(&["pkg-config"]) else { return };
    // `go --version` is none of its commands.
    if !Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        return c::skip("go is not installed");
    }
    visit("go", &release.prefix, &empty_folder("go"), &world::provider());
}

#[test]
fn the_python_package_passes_its_tests_with_the_installed_library() {
    let Some(release) = with(&["python3"]) else { return };
    let said = visit("python", &release.prefix, &empty_folder("python"), &world::provider());
    assert!(said.contains(&format!("loaded {}", soname())), "{said}");
}

#[test]
fn the_archive_can_be_unpacked_and_used_anywhere() {
    let Some(release) = with(&["pkg-config", "cmake"]) else { return };
    let prefix = empty_folder("unpacked");
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--strip-components=1", "--file"]).arg(&release.archive);
    printed(tar.arg("--directory").arg(&prefix));
    for way in ["c_shared", "c_static", "cmake"] {
        ask(way, &prefix, &format!("unpacked_{way}"));
    }
}
