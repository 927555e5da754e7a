//! The version stands in Cargo.toml, and everything that is installed agrees with it.

use std::fs;
use std::process::Command;

use fitbit_test_support::c;

use crate::installed::{Release, dynamic, empty_folder, numbers, printed, release, tool};

fn pkg_config(release: &Release, args: &[&str]) -> Option<String> {
    let mut command = Command::new("pkg-config");
    command.env("PKG_CONFIG_PATH", release.prefix.join("lib/pkgconfig")).args(args).arg("fitbit");
    c::available("pkg-config").then(|| printed(&mut command).trim().to_owned())
}

/// What a CMake project is told that wants this version.
fn find_package(release: &Release, wanted: &str) -> std::process::Output {
    let folder = empty_folder(&format!("find_package/{}", wanted.replace(' ', "_")));
    let project = format!(
        "cmake_minimum_required(VERSION 3.16)\nproject(wish NONE)\n\
         find_package(Fitbit {wanted})\nmessage(STATUS \"found ${{Fitbit_FOUND}}, ${{Fitbit_VERSION}}\")\n"
    );
    fs::write(folder.join("CMakeLists.txt"), project).expect("the target folder can be written to");
    let mut command = Command::new("cmake");
    command.arg("-S").arg(&folder).arg("-B").arg(folder.join("build"));
    command.arg(format!("-DCMAKE_PREFIX_PATH={}", release.prefix.display()));
    command.output().expect("it is installed")
}

#[test]
fn the_sonames_numbers_are_those_that_promise_compatibility() {
    let Some(release) = release() else { return };
    let (version, line) = numbers();
    let lib = release.prefix.join("lib");
    let file = format!("libfitbit.so.{version}");
    let soname = format!("libfitbit.so.{line}");
    assert_eq!(dynamic(&lib.join(&file), "SONAME"), [soname.as_str()]);
    for link in ["libfitbit.so", &soname] {
        let target = fs::read_link(lib.join(link)).expect("it is a link");
        assert_eq!(target.to_str(), Some(file.as_str()), "{link}");
    }
}

#[test]
fn the_installed_macros_and_the_installed_library_say_the_packages_version() {
    let Some(release) = release() else { return };
    let folder = empty_folder("version");
    let text = "#include <fitbit.h>\n#include <stdio.h>\n\nint main(void)\n{\n    \
                printf(\"%d.%d.%d\\n%s\\n\", FITBIT_VERSION_MAJOR, FITBIT_VERSION_MINOR,\n        \
                FITBIT_VERSION_PATCH, fitbit_version());\n    return 0;\n}\n";
    fs::write(folder.join("version.c"), text).expect("the target folder can be written to");
    let [include, lib] =
        ["include", "lib"].map(|part| release.prefix.join(part).display().to_string());
    let [source, program] =
        ["version.c", "version"].map(|name| folder.join(name).display().to_string());
    tool("cc", ["-I", &include, &source, "-L", &lib, "-lfitbit", "-o", &program]);
    let said = printed(Command::new(&program).env("LD_LIBRARY_PATH", &lib));
    assert_eq!(said, format!("{}\n{}\n", numbers().0, env!("CARGO_PKG_VERSION")));
}

#[test]
fn pkg_config_says_the_packages_version() {
    let Some(release) = release() else { return };
    let Some(version) = pkg_config(release, &["--modversion"]) else { return };
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn cmake_says_the_packages_version_and_takes_wishes_as_the_soname_does() {
    let Some(release) = release() else { return };
    if !c::available("cmake") {
        return;
    }
    let (version, line) = numbers();
    let patch: u32 =
        version.rsplit('.').next().and_then(|patch| patch.parse().ok()).expect("a number");
    let later = format!("{}.{}", version.rsplit_once('.').expect("three parts").0, patch + 1);
    let other = if line.starts_with("0.") { "0.999".to_owned() } else { format!("{line}999") };
    for wanted in ["", &line, &version, &format!("{version} EXACT")] {
        let said = c::succeeded(find_package(release, wanted));
        assert!(said.contains(&format!("found 1, {version}")), "{wanted}: {said}");
    }
    for wanted in [&later, &other, "1000", "0.0.1", &format!("{later} EXACT")] {
        let output = find_package(release, wanted);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("found 0"), "{wanted}: {said}");
    }
}

#[test]
fn the_static_library_needs_what_rustc_says_and_pkg_config_knows_it() {
    let Some(release) = release() else { return };
    let Some(libs) = pkg_config(release, &["--static", "--libs"]) else { return };
    let folder = empty_folder("needed");
    fs::write(folder.join("empty.rs"), "").expect("the target folder can be written to");
    let mut rustc = Command::new("rustc");
    rustc.args(["--crate-type=staticlib", "--print=native-static-libs", "empty.rs"]);
    let output = rustc.current_dir(&folder).output().expect("cargo runs it too");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let needed = said.lines().find_map(|line| line.split_once("native-static-libs: "));
    let needed = needed.unwrap_or_else(|| panic!("rustc says nothing: {said}")).1.trim();
    let (_, private) = libs.split_once("-lfitbit ").expect("it is the first library");
    assert_eq!(private, needed, "a dependency needs a library of its own: the README names all");
}
