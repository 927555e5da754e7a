//! The release archive: what `.ci/release` makes twice in a row is the same.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use fitbit_test_support::library;

use crate::installed::{Release, files, make, numbers, printed, release, tool};

/// Its lines in `tar`'s long listing.
fn listing(release: &Release) -> String {
    let archive = release.archive.to_str().expect("the target folder's name is UTF-8");
    tool("tar", ["--list", "--verbose", "--numeric-owner", "--utc", "--file", archive])
}

#[test]
fn the_same_sources_make_the_same_archive_in_another_folder() {
    let Some(release) = release() else { return };
    // Of the sources nothing is the same but what stands in them: not the length of the folder's
    // name, nor where the build is in relation to it; and there is no repository.
    let folder = library::target().join("packaging/another folder, with a longer name");
    let sources = folder.join("sources");
    let _ = fs::remove_dir_all(&sources); // of the last time
    fs::create_dir_all(&sources).expect("the target folder can be written to");
    for part in fs::read_dir(library::root()).expect("the repository can be read").flatten() {
        if part.file_name() != ".git" && part.path() != library::target() {
            printed(Command::new("cp").arg("-Rp").arg(part.path()).arg(&sources));
        }
    }
    let again = make(&sources, &folder.join("build"));
    assert_eq!(release.archive.file_name(), again.archive.file_name());
    let [one, other] = [release, &again].map(|made| fs::read(&made.archive).expect("it was made"));
    assert!(one == other, "{}\n{}", listing(release), listing(&again));
}

#[test]
fn the_archive_holds_the_installation_and_the_documentation_and_nothing_of_its_maker() {
    let Some(release) = release() else { return };
    let name = release.archive.file_name().and_then(|name| name.to_str()).expect("UTF-8");
    let name = name.strip_suffix(".tar.gz").expect("that is what it is");
    assert!(name.starts_with(&format!("libfitbit-{}-", env!("CARGO_PKG_VERSION"))), "{name}");

    let listing = listing(release);
    let mut names = BTreeSet::new();
    for line in listing.lines() {
        let columns: Vec<_> = line.split_whitespace().collect();
        assert_eq!((columns[1], columns[3], columns[4]), ("0/0", "2023-11-14", "22:13"), "{line}");
        let path = columns[5].strip_prefix(name).unwrap_or_else(|| panic!("{line}"));
        if !path.ends_with('/') {
            names.insert(path.trim_start_matches('/').to_owned());
        }
    }
    let mut expected = files(&release.prefix);
    for document in
        ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "LICENSES-OF-DEPENDENCIES"]
    {
        expected.insert(format!("share/doc/fitbit/{document}"));
    }
    assert_eq!(names, expected);
    assert!(names.contains(&format!("lib/libfitbit.so.{}", numbers().0)));
}

#[test]
fn the_checksum_is_the_archives() {
    let Some(release) = release() else { return };
    let folder = release.archive.parent().expect("it is in a folder");
    printed(
        Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(folder),
    );
}

#[test]
fn the_licences_of_all_that_is_linked_in_go_with_it() {
    let Some(release) = release() else { return };
    let archive = release.archive.to_str().expect("UTF-8");
    let document = "*/share/doc/fitbit/LICENSES-OF-DEPENDENCIES";
    let text =
        tool("tar", ["--extract", "--to-stdout", "--wildcards", "--file", archive, document]);
    let lock = fs::read_to_string(library::root().join("Cargo.lock")).expect("it is checked in");
    for name in ["ring", "rustls", "ureq", "oauth2", "serde_json"] {
        let entry =
            lock.split("[[package]]").find(|one| one.contains(&format!("\nname = \"{name}\"\n")));
        let version =
            entry.and_then(|entry| entry.split_once("version = \"")).expect("it is locked").1;
        let version = version.split('"').next().expect("it ends");
        assert!(text.contains(&format!("== {name}-{version}\n")), "{name} {version}");
    }
}
