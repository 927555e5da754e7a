//! `include/fitbit.hpp` alone: it compiles strictly everywhere, it leaves no function of `fitbit.h`
//! out, and its units fit together in one program, whatever each was compiled with.

use std::collections::BTreeSet;
use std::process::Command;

use fitbit_test_support::world::{provider, saved_token};
use fitbit_test_support::{c, library};

use crate::build::{COMPILERS, STANDARDS, compiler, folder, link, source, succeed};
use crate::talk::talk;

/// The names that begin with `fitbit_` and are followed by one of these.
fn names(text: &str, followed_by: &[char]) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let ends = text.match_indices(followed_by).map(|(at, _)| &text[..at]);
    let names = ends.map(|before| &before[before.rfind(|c| !word(c)).map_or(0, |at| at + 1)..]);
    names.filter(|name| name.starts_with("fitbit_")).map(str::to_owned).collect()
}

/// Without its comments, which may name anything.
fn code(header: &str) -> String {
    let text = std::fs::read_to_string(library::include().join(header)).expect("it can be read");
    let mut code = String::new();
    let mut rest = text.as_str();
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    code += rest;
    code.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn it_compiles_without_a_warning_with_each_compiler_in_each_standard_and_mode() {
    let twice = folder("header").join("twice.cpp");
    std::fs::write(&twice, "#include <fitbit.hpp>\n#include <fitbit.hpp>\n").expect("it is ours");
    let modes: [&[&str]; 3] =
        [&[], &["-fno-exceptions", "-fno-rtti"], &["-DFITBIT_NO_EXCEPTIONS", "-Wconversion"]];
    for with in COMPILERS.into_iter().filter(|one| c::available(one)) {
        for standard in STANDARDS {
            for mode in modes {
                succeed(compiler(with, standard).args(mode).arg("-fsyntax-only").arg(&twice));
            }
            for user in ["story.cpp", "thrown.cpp", "threads.cpp", "results.cpp"] {
                let mode = if user == "results.cpp" { modes[1] } else { modes[0] };
                let mut command = compiler(with, standard);
                succeed(command.args(mode).arg("-fsyntax-only").arg(source(user)));
            }
        }
    }
    if c::available("clang++") {
        let mut command = compiler("clang++", "-std=c++17");
        succeed(command.args(["-Wdocumentation", "-fsyntax-only"]).arg(&twice));
    }
}

#[test]
fn every_function_of_the_c_interface_is_called() {
    let declared = names(&code("fitbit.h"), &['(']);
    let used = names(&code("fitbit.hpp"), &['(', ',', ')']);
    assert!(declared.len() > 40, "{declared:?}");
    let unused: Vec<_> = declared.difference(&used).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn units_with_and_without_exceptions_and_a_hidden_library_fit_into_one_program() {
    for with in COMPILERS.into_iter().filter(|one| c::available(one)) {
        let folder = folder(&format!("units_{with}"));
        let results = folder.join("results.o");
        let mut unit = compiler(with, "-std=c++17");
        unit.args(["-c", "-fno-exceptions", "-fno-rtti"]).arg(source("units_results.cpp"));
        succeed(unit.arg("-o").arg(&results));
        let shared = folder.join("libunits.so");
        let mut hidden = compiler(with, "-std=c++20");
        hidden.args(["-shared", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden"]);
        succeed(link(hidden.arg(source("units_shared.cpp")).arg("-o").arg(&shared)));
        let program = folder.join("units");
        let mut whole = compiler(with, "-std=c++17");
        whole.args(["-O2", "-fvisibility=hidden"]).arg(source("units.cpp")).arg(&results);
        whole.arg(&shared).arg(format!("-Wl,--disable-new-dtags,-rpath,{}", folder.display()));
        succeed(link(whole.arg("-o").arg(&program)));
        let provider = provider();
        let mut command = Command::new(&program);
        command.arg(provider.uri()).arg(saved_token(&provider, 20_000));
        let printed = talk(command, |question| panic!("an unexpected question: {question}"));
        assert_eq!(printed, "fit together\n");
    }
}
