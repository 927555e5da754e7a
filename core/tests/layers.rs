//! The core's modules depend on each other one way, and so do the files of each folder. What a file calls
//! as a method of a type is no import and is not seen.

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

/// The paths that follow each `marker` in the code, from each brace of a list, too.
fn paths_behind(code: &str, marker: &str) -> BTreeSet<String> {
    let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let path = |text: &str| text.chars().take_while(|c| is_path(*c)).collect::<String>();
    let mut found = BTreeSet::new();
    for rest in code.split(marker).skip(1) {
        match rest.strip_prefix('{').and_then(|list| list.split('}').next()) {
            // What stands in a list within the list is below a path that counts anyway.
            Some(list) => found.extend(list.split(',').map(|one| path(one.trim_start()))),
            None => drop(found.insert(path(rest))),
        }
    }
    found.remove("");
    found
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
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

/// The code of a file without comments, and without its unit tests, which may look anywhere.
fn code(file: &Path) -> String {
    let source = fs::read_to_string(file).unwrap();
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files() -> Vec<PathBuf> {
    let mut files = vec![];
    sources(&core(), &mut files);
    files.retain(|file| !file.iter().any(|part| part == "tests" || part == "tests.rs"));
    files
}

/// The modules, as docs/architecture.md lists them: each imports only from those behind it.
const LAYERS: [&str; 15] = [
    "login",
    "api",
    "renewal",
    "notification",
    "app",
    "oauth",
    "store",
    "token",
    "provider",
    "http",
    "call",
    "sync",
    "error",
    "log",
    "os",
];

#[test]
fn each_module_of_the_core_imports_only_from_the_layers_below_it() {
    let layer = |module: &str| LAYERS.iter().position(|one| *one == module);
    let mut count = 0;
    for file in files() {
        let module = name(Path::new(file.strip_prefix(core()).unwrap().iter().next().unwrap()));
        if module == "lib" {
            continue;
        }
        let own = layer(&module).unwrap_or_else(|| panic!("{module} has no layer"));
        for path in paths_behind(&code(&file), "crate::") {
            let other = first(&path);
            let below = layer(other).is_some_and(|other| other > own);
            assert!(other == module || below, "{} imports {path}", file.display());
            count += 1;
        }
    }
    assert!(count > 200, "{count} imports were found");
}

#[test]
fn no_file_of_a_folder_imports_itself_through_its_neighbours() {
    let mut folders = BTreeMap::<PathBuf, Vec<PathBuf>>::new();
    for file in files() {
        folders.entry(file.parent().unwrap().to_owned()).or_default().push(file);
    }
    let mut count = 0;
    for (folder, files) in &folders {
        let is_neighbour = |other: &str| {
            folder.join(other).with_extension("rs").exists()
                || folder.join(other).join("mod.rs").exists()
        };
        // What the folder's own file hands on: the name, and the file that it comes from.
        let parents = [folder.join("mod.rs"), folder.with_extension("rs")];
        let parent = parents.iter().find(|file| file.exists());
        let handed_on = handed_on(&parent.map(|file| code(file)).unwrap_or_default());
        let mut imports = Imports::new();
        for file in files.iter().filter(|file| !["mod", "lib"].contains(&&*name(file))) {
            let code = code(file);
            let named = paths_behind(&code, "super::").into_iter().filter_map(|path| {
                let head = first(&path).to_owned();
                match is_neighbour(&head) {
                    true => Some(head),
                    false => handed_on.get(&head).cloned(),
                }
            });
            let named = named.filter(|other| *other != name(file) && is_neighbour(other));
            imports.insert(name(file), named.collect());
        }
        count += imports.values().map(BTreeSet::len).sum::<usize>();
        assert_eq!(circle(&imports), None, "{}: {imports:#?}", folder.display());
    }
    assert!(count > 80, "{count} imports were found");
}

/// `use file::Name;` and `use file::{Name, Other};` of a folder's own file.
fn handed_on(code: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for line in code.split(';').filter_map(|line| line.split_once("use ")) {
        let Some((file, list)) = line.1.split_once("::") else { continue };
        for name in list.trim_matches(['{', '}', '\n', ' ']).split(',') {
            names.insert(name.trim().trim_matches(['{', '}']).trim().to_owned(), file.to_owned());
        }
    }
    names
}

#[test]
fn a_circle_is_found() {
    let to = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut imports = Imports::from([("a".into(), to(&["b"])), ("b".into(), to(&["c"]))]);
    assert_eq!(circle(&imports), None);
    imports.insert("c".into(), to(&["a"]));
    assert_eq!(circle(&imports), Some(vec!["a", "b", "c", "a"]));
}
