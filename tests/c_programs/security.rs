//! SECURITY.md names tests that show what it says: they exist.

use std::path::Path;
use std::{fs, io};

use fitbit_test_support::library;

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let root = library::root();
    let mut sources = String::new();
    for folder in ["core", "fuzz", "simulator", "src", "tests"] {
        read(&root.join(folder), &mut sources).expect("the sources can be read");
    }
    let model = fs::read_to_string(root.join("SECURITY.md")).expect("SECURITY.md is there");
    let rows: Vec<_> = model.lines().filter(|line| line.starts_with("| ")).collect();
    let named: Vec<_> = rows
        .iter()
        .filter_map(|row| row.trim_end_matches([' ', '|']).rsplit_once("| "))
        .flat_map(|(_, shown_by)| shown_by.split('`').skip(1).step_by(2))
        .filter(|name| name.contains('_') && name.bytes().all(|b| b != b'(' && b != b'.'))
        .collect();
    assert!(named.len() > 20, "the model names no tests: {named:?}");
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

/// Every Rust file below a folder.
fn read(folder: &Path, into: &mut String) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            read(&path, into)?;
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            into.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
