//! The core's modules depend on each other one way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The name of a file or of a folder, as `mod` has it.
fn name(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// What follows each `marker` in the source, up to the first character that no name has.
fn names_behind<'a>(source: &'a str, marker: &'a str) -> impl Iterator<Item = String> + 'a {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let comments = |line: &&str| !line.trim_start().starts_with("//");
    let lines = source.lines().filter(comments).flat_map(move |line| line.split(marker).skip(1));
    lines.map(move |rest| rest.chars().take_while(|c| is_name(*c)).collect())
}

type Imports = BTreeMap<String, BTreeSet<String>>;

/// A module that imports itself through others, with the way that leads there.
fn circle(imports: &Imports) -> Option<Vec<&str>> {
    fn visit<'a>(at: &'a str, way: &mut Vec<&'a str>, imports: &'a Imports) -> bool {
        if way.contains(&at) {
            way.push(at);
            return true;
        }
        way.push(at);
        let found = imports.get(at).into_iter().flatten().any(|next| visit(next, way, imports));
        if !found {
            way.pop();
        }
        found
    }
    imports.keys().find_map(|start| {
        let mut way = vec![];
        visit(start, &mut way, imports).then_some(way)
    })
}

#[test]
fn no_module_of_the_core_imports_itself_through_others() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![];
    sources(&root, &mut files);
    let mut imports = Imports::new();
    for file in &files {
        let module = name(Path::new(file.strip_prefix(&root).unwrap().iter().next().unwrap()));
        if module == "lib" {
            continue;
        }
        if file.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let source = code(file);
        let named = names_behind(&source, "crate::").filter(|other| *other != module);
        imports.entry(module.clone()).or_default().extend(named);
    }
    assert!(imports.len() > 12 && imports["renewal"].contains("store"), "{imports:?}");
    assert_eq!(circle(&imports), None, "{imports:#?}");
}

/// The code of a file without its unit tests, which may look anywhere.
fn code(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    source.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()
}

#[test]
fn no_file_of_a_folder_imports_itself_through_its_neighbours() {
    let mut files = vec![];
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut folders = BTreeMap::<PathBuf, Imports>::new();
    for file in files.iter().filter(|file| !["mod", "lib", "tests"].contains(&&*name(file))) {
        let folder = file.parent().unwrap();
        let is_neighbour = |other: &String| {
            *other != name(file)
                && (folder.join(other).with_extension("rs").exists() || folder.join(other).is_dir())
        };
        let named = names_behind(&code(file), "super::").filter(is_neighbour).collect();
        folders.entry(folder.to_owned()).or_default().insert(name(file), named);
    }
    let count: usize = folders.values().flat_map(BTreeMap::values).map(BTreeSet::len).sum();
    assert!(count > 50, "{count} imports were found");
    for (folder, imports) in &folders {
        assert_eq!(circle(imports), None, "{}: {imports:#?}", folder.display());
    }
}

#[test]
fn a_circle_is_found() {
    let to = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut imports = Imports::from([("a".into(), to(&["b"])), ("b".into(), to(&["c"]))]);
    assert_eq!(circle(&imports), None);
    imports.insert("c".into(), to(&["a"]));
    assert_eq!(circle(&imports), Some(vec!["a", "b", "c", "a"]));
}
