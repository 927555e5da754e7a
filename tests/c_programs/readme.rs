//! `README.md` keeps its word: its program compiles without a warning, is linked by the lines that
//! stand there, and logs a person in; its table of errors and its names are the header's.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fitbit_simulator::{DEMO_GOOGLE_ID, DEMO_GOOGLE_SECRET, Decision, Simulator, Target};
use fitbit_test_support::{c, library, world::provider};

use crate::compilers::{empty_folder, source};
use crate::declarations::{functions, header};
use crate::header::CONTRACT;
use crate::run::{Way, build_from, command_of};

fn readme() -> String {
    std::fs::read_to_string(library::root().join("README.md")).expect("it can be read")
}

/// What stands between the first pair of these marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("there is no {start:?}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end:?} ends {start:?}")).0
}

fn first_program() -> String {
    between(&readme(), "```c\n", "```").to_owned()
}

/// A folder that looks like the repository's, with the first program in it.
fn as_the_readers(name: &str) -> PathBuf {
    library::folder();
    let folder = empty_folder(&format!("readme_{name}"));
    symlink(library::include(), folder.join("include")).expect("a link can be made");
    symlink(library::target(), folder.join("target")).expect("a link can be made");
    source(&folder, "program.c", &first_program());
    folder
}

/// Copied out of the text into a shell.
fn type_in(line: &str, folder: &Path) {
    let mut shell = Command::new("sh");
    c::succeeded(shell.args(["-c", line]).current_dir(folder).output().expect("a shell"));
}

/// Until it asks for what it does not get; no request goes out.
fn begins(program: &Path) {
    let output = Command::new(program).stdin(Stdio::null()).output().expect("it can be run");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("Open https://accounts.google.com/o/oauth2/v2/auth?"), "{said}");
    assert!(output.stderr.is_empty());
}

fn needs_the_shared_library(program: &Path) -> bool {
    let listed = Command::new("readelf").arg("-d").arg(program).output();
    c::succeeded(listed.expect("binutils come with the compiler")).contains("libfitbit.so")
}

/// The first program with the lines that lead it to the simulator, printing line by line.
fn at_the_simulator(provider: &Simulator) -> String {
    let mut text = first_program();
    let mut replace = |old: &str, new: &str| {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text = text.replace(old, new);
    };
    let credentials = format!("\"{DEMO_GOOGLE_ID}\", \"{DEMO_GOOGLE_SECRET}\"");
    replace("\"client id\", \"client secret\"", &credentials);
    let readme = readme();
    let (_, simulator) = readme.split_once("## The simulator").expect("it has a chapter");
    let endpoints = between(simulator, "```c\n", "```");
    let endpoints = endpoints.replace("http://127.0.0.1:8765", provider.uri());
    let begin = "    check(fitbit_step_one(";
    replace(begin, &format!("setvbuf(stdout, NULL, _IOLBF, 0);\n{endpoints}{begin}"));
    text
}

fn log_in(way: Way) {
    let provider = provider();
    let folder = as_the_readers(&format!("{way:?}"));
    let name = format!("readme_{way:?}.c");
    let program = build_from(&source(&folder, &name, &at_the_simulator(&provider)), way);
    let Some(mut command) = command_of(&program, way) else { return };
    command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it can be run");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let address = lines.next().expect("a line").expect("UTF-8");
    let address = address.strip_prefix("Open ").expect("an address to be opened");
    let back = provider.visit(address, Decision::Grant).expect("access is granted");
    let mut keyboard = child.stdin.take().expect("it is piped");
    writeln!(keyboard, "{back}").expect("the program reads");
    let rest: Vec<_> = lines.map(|line| line.expect("UTF-8")).collect();
    let output = child.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}\n{said}", output.status);
    assert!(rest.last().expect("more lines").contains("\"healthUserId\""), "{rest:?}");
    assert_eq!([Target::Exchange, Target::Api].map(|target| provider.requests(target)), [1, 1]);
    let token = std::fs::read_to_string(folder.join("token.json")).expect("it was saved");
    assert!(token.contains("\"refresh_token\""));
}

#[test]
fn the_first_program_compiles_without_a_warning() {
    let folder = as_the_readers("compiled");
    for compiler in ["gcc", "clang"].into_iter().filter(|one| c::available(one)) {
        let program = folder.join("program.c");
        begins(&c::build_with(compiler, &program, &format!("readme_{compiler}"), &[]).path);
    }
}

#[test]
fn the_first_program_logs_in_and_saves_its_token() {
    log_in(Way::Plain);
}

#[test]
fn valgrind_finds_nothing_in_the_first_program() {
    log_in(Way::Memcheck);
}

#[test]
fn the_sanitizers_find_nothing_in_the_first_program() {
    log_in(Way::Sanitized);
}

#[test]
fn the_lines_with_a_token_file_compile_without_a_warning() {
    let (readme, folder) = (readme(), as_the_readers("token_file"));
    let (_, chapter) = readme.split_once("## Where tokens are kept").expect("it has a chapter");
    let lines = between(chapter, "```c\n", "```");
    let program = first_program();
    let (head, _) = program.split_once("int main(void)").expect("it is a program");
    let body = format!("FitbitApp *app = NULL;\nFitbitClient *client;\n(void)save_token;\n{lines}");
    let program =
        source(&folder, "lines.c", &format!("{head}int main(void)\n{{\n{body}return 0;\n}}\n"));
    for compiler in ["gcc", "clang"].into_iter().filter(|one| c::available(one)) {
        c::build_with(compiler, &program, &format!("readme_token_file_{compiler}"), &[]);
    }
}

#[test]
fn the_line_that_links_with_the_shared_library_works() {
    let readme = readme();
    let folder = as_the_readers("shared");
    let line = between(&readme, "\n    cc ", "\n");
    type_in(&format!("cc {line}"), &folder);
    let program = folder.join("program");
    assert!(needs_the_shared_library(&program));
    begins(&program);
}

#[test]
fn the_line_that_links_with_the_static_library_works() {
    let readme = readme();
    let folder = as_the_readers("static");
    let line = between(&readme, "Statically, name the archive and what it needs: `", "`");
    type_in(line, &folder);
    let program = folder.join("a.out");
    assert!(!needs_the_shared_library(&program));
    begins(&program);
}

#[test]
fn the_swift_lines_are_those_of_the_example_that_is_compiled() {
    let example = library::root().join("bindings/swift/Sources/login/main.swift");
    let example = std::fs::read_to_string(example).expect("it can be read");
    let (_comment, program) = example.split_once("\n\n").expect("a comment stands first");
    assert_eq!(between(&readme(), "```swift\n", "```"), program);
}

#[test]
fn the_python_lines_are_python_and_import_what_there_is() {
    if !c::available("python3") {
        return;
    }
    let readme = readme();
    let lines = between(&readme, "```python\n", "```");
    let import = lines.lines().next().expect("an import");
    let check = format!("import ast, sys\nast.parse(sys.argv[1])\n{import}\nFitbitClient.login");
    let mut python = Command::new("python3");
    python.env("FITBIT_LIBRARY", library::shared());
    python.env("PYTHONPATH", library::root().join("bindings/python"));
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    c::succeeded(python.args(["-c", &check, lines]).output().expect("it was found"));
}

#[test]
fn the_table_of_errors_is_the_headers() {
    let readme = readme();
    let rows = readme.lines().filter_map(|line| {
        let (number, name) = line.strip_prefix("| ")?.split(" | ").next()?.split_once(" `")?;
        Some((name.trim_end_matches('`'), number.parse().ok()?))
    });
    let rows: Vec<(&str, u32)> = rows.collect();
    let codes = CONTRACT.iter().filter(|(name, _)| name.starts_with("FITBIT_ERROR_"));
    assert_eq!(rows, codes.copied().collect::<Vec<_>>());
}

#[test]
fn every_function_and_constant_that_is_named_is_the_headers() {
    let (readme, header) = (readme(), header());
    fn words(text: &str) -> BTreeSet<&str> {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect()
    }
    // What the environment of the examples is called.
    let variables = [
        "FITBIT_PROVIDER",
        "FITBIT_CLIENT_ID",
        "FITBIT_CLIENT_SECRET",
        "FITBIT_CALLBACK_URI",
        "FITBIT_SIMULATOR",
    ];
    let constants = words(&readme).into_iter().filter(|word| word.starts_with("FITBIT_"));
    let known = words(&header);
    let unknown = constants.filter(|word| !known.contains(word) && !variables.contains(word));
    assert_eq!(unknown.collect::<Vec<_>>(), [""; 0]);

    let functions = functions();
    let known: BTreeSet<_> = functions.iter().map(|function| function.name.as_str()).collect();
    let called = readme.split('(').filter_map(|before| {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')? + 1;
        before[start..].starts_with("fitbit_").then_some(&before[start..])
    });
    let called: BTreeSet<_> = called.collect();
    assert!(called.len() > 5, "{called:?}");
    assert!(called.is_subset(&known), "{called:?}");
}
