//! `include/fitbit.h` alone: it compiles everywhere, its numbers are the contract's, and no error
//! can be dropped unseen. Numbers are tested by value, in a compiled C program.

use std::collections::{BTreeMap, BTreeSet};

use fitbit_test_support::{c, library};

use crate::compilers::{arg, folder, installed, source};
use crate::declarations::{enumerations, functions};

/// Programs are compiled with these numbers: none may ever change.
pub const CONTRACT: [(&str, u32); 33] = [
    ("FITBIT_PROVIDER_FITBIT", 1),
    ("FITBIT_PROVIDER_GOOGLE_HEALTH", 2),
    ("FITBIT_ENDPOINT_AUTHORIZE", 0),
    ("FITBIT_ENDPOINT_TOKEN", 1),
    ("FITBIT_ENDPOINT_REVOKE", 2),
    ("FITBIT_ENDPOINT_API", 3),
    ("FITBIT_CLIENT_AUTH_AUTO", 0),
    ("FITBIT_CLIENT_AUTH_BASIC", 1),
    ("FITBIT_CLIENT_AUTH_BODY", 2),
    ("FITBIT_CLIENT_AUTH_NONE", 3),
    ("FITBIT_LOG_ERROR", 1),
    ("FITBIT_LOG_WARN", 2),
    ("FITBIT_LOG_INFO", 3),
    ("FITBIT_LOG_DEBUG", 4),
    ("FITBIT_LOG_TRACE", 5),
    ("FITBIT_ERROR_INVALID_ARGUMENT", 1),
    ("FITBIT_ERROR_STATE_MISMATCH", 2),
    ("FITBIT_ERROR_ACCESS_DENIED", 3),
    ("FITBIT_ERROR_AUTHORIZATION", 4),
    ("FITBIT_ERROR_INVALID_CLIENT", 5),
    ("FITBIT_ERROR_REAUTHORIZE", 6),
    ("FITBIT_ERROR_INSUFFICIENT_SCOPE", 7),
    ("FITBIT_ERROR_RATE_LIMITED", 8),
    ("FITBIT_ERROR_HTTP", 9),
    ("FITBIT_ERROR_PROVIDER_RETIRED", 10),
    ("FITBIT_ERROR_NETWORK", 11),
    ("FITBIT_ERROR_TIMEOUT", 12),
    ("FITBIT_ERROR_TLS", 13),
    ("FITBIT_ERROR_PROTOCOL", 14),
    ("FITBIT_ERROR_STORE", 15),
    ("FITBIT_ERROR_CANCELLED", 16),
    ("FITBIT_ERROR_INTERNAL", 17),
    ("FITBIT_ERROR_SIGNATURE", 18),
];

/// `NAME value` lines of a C program that prints these expressions.
fn values(name: &str, expressions: &[(String, String)]) -> BTreeMap<String, i64> {
    let prints = expressions.iter().map(|(name, expression)| {
        format!("    printf(\"{name} %ld\\n\", (long)({expression}));\n")
    });
    let text = format!(
        "#include <stdio.h>\n#include <fitbit.h>\n\nint main(void)\n{{\n{}    return 0;\n}}\n",
        prints.collect::<String>()
    );
    let file = source(&folder("values"), &format!("{name}.c"), &text);
    let program = c::build(&file, &format!("values_{name}"), &[]);
    let printed = program.run::<&str>([]);
    let lines = printed.lines().map(|line| line.split_once(' ').expect("a name and a value"));
    lines.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

fn same(name: &str) -> (String, String) {
    (name.to_owned(), name.to_owned())
}

#[test]
fn the_header_alone_compiles_in_every_language_with_every_compiler() {
    for compiler in installed() {
        for standard in compiler.standards {
            let header = library::include().join("fitbit.h");
            let language = if standard.starts_with("c++") { "-xc++-header" } else { "-xc-header" };
            compiler.compile(standard, &["-fsyntax-only", language, arg(&header)]);
        }
    }
}

#[test]
fn the_header_can_be_included_twice_and_leaves_no_warning_behind() {
    let text = "#include <fitbit.h>\n#include <fitbit.h>\nint twice(void);\nint twice(void) \
                { return FITBIT_VERSION_MAJOR + sizeof(FitbitRateLimit) > 0; }\n";
    let file = source(&folder("twice"), "twice.c", text);
    for compiler in installed() {
        for standard in compiler.standards {
            compiler.compile(standard, &["-fsyntax-only", arg(&file)]);
        }
    }
}

#[test]
fn units_in_c_and_in_cpp_link_together_and_with_the_library() {
    let folder = folder("units");
    let one = "#include <fitbit.h>\nextern \"C\" const char *other(void);\n\
               int main() { return fitbit_version() == other() ? 0 : 1; }\n";
    let other = "#include <fitbit.h>\nconst char *other(void);\n\
                 const char *other(void) { return fitbit_version(); }\n";
    let one_c = one.replace("extern \"C\" ", "").replace("main()", "main(void)");
    let one = source(&folder, "one.cpp", one);
    let one_c = source(&folder, "one.c", &one_c);
    let other = source(&folder, "other.c", other);
    let link = format!("-L{}", library::folder().display());
    let path = format!("-Wl,--disable-new-dtags,-rpath,{}", library::folder().display());
    for compiler in installed() {
        let standard = compiler.standards[0];
        let object = folder.join(format!("{}.o", compiler.command));
        let cpp = standard.starts_with("c++");
        let one = if cpp { &one } else { &one_c };
        compiler.compile(standard, &["-c", arg(one), "-o", arg(&object)]);
        let c = if compiler.command.starts_with("clang") { "clang" } else { "gcc" };
        let c = installed().find(|one| one.command == c).expect("it comes with its C++ compiler");
        let other_object = folder.join(format!("{}_other.o", compiler.command));
        c.compile("c99", &["-c", arg(&other), "-o", arg(&other_object)]);
        let program = folder.join(compiler.command);
        let linked = std::process::Command::new(compiler.command)
            .args([&object, &other_object])
            .args(["-o", arg(&program), &link, "-lfitbit", &path])
            .output()
            .expect("the compiler links");
        assert!(linked.status.success(), "{}", String::from_utf8_lossy(&linked.stderr));
        c::succeeded(std::process::Command::new(&program).output().expect("it can be run"));
    }
}

#[test]
fn an_error_that_is_dropped_is_a_warning_and_nothing_else_is() {
    let functions = functions();
    let mut text = "#include <fitbit.h>\n".to_owned();
    for function in &functions {
        let name = &function.name;
        let kinds = function.parameters.iter();
        let declared: Vec<_> = kinds.map(|one| format!("{} {}", one.kind, one.name)).collect();
        let declared = if declared.is_empty() { "void".to_owned() } else { declared.join(", ") };
        let passed: Vec<_> = function.parameters.iter().map(|one| one.name.as_str()).collect();
        let passed = passed.join(", ");
        text += &format!("void d_{name}({declared});\nvoid d_{name}({declared})\n");
        text += &format!("{{\n    {name}({passed});\n}}\n");
    }
    let file = source(&folder("dropped"), "dropped.c", &text);
    let fallible: BTreeSet<_> =
        functions.iter().filter(|one| one.can_fail).map(|one| one.name.as_str()).collect();
    for compiler in installed() {
        let standard = compiler.standards[0];
        let compile = ["-c", arg(&file), "-o", "/dev/null"];
        assert!(!compiler.call(standard, &compile).status.success(), "{}", compiler.command);
        // Once more, for all of them: clang gives up after twenty errors.
        let output = compiler.call(standard, &[&compile[..], &["-Wno-error"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        // The line that the compiler shows below its message is the call.
        let calls = said.lines().filter(|line| line.contains("fitbit_") && line.ends_with(");"));
        let call = |line: &'_ str| {
            let start = line.find("fitbit_").expect("it was looked for");
            line[start..].split('(').next().expect("a call has one").to_owned()
        };
        let warned: BTreeSet<String> = calls.map(call).collect();
        let warned: BTreeSet<_> = warned.iter().map(String::as_str).collect();
        assert_eq!(warned, fallible, "{}\n{said}", compiler.command);
    }
}

#[test]
fn every_enumerator_has_the_contracts_number() {
    let names: Vec<_> = enumerations().into_iter().flat_map(|(_, names)| names).collect();
    let values = values("enumerators", &names.iter().map(|name| same(name)).collect::<Vec<_>>());
    let contract = CONTRACT.iter().map(|&(name, value)| (name.to_owned(), i64::from(value)));
    assert_eq!(values, contract.collect::<BTreeMap<_, _>>());
}

#[test]
fn error_codes_are_below_32_never_0_and_no_two_are_the_same() {
    let codes = enumerations().into_iter().find(|(name, _)| name == "FitbitErrorCode");
    let names: Vec<_> = codes.expect("the header has codes").1.iter().map(|n| same(n)).collect();
    let values = values("codes", &names);
    assert!(values.values().all(|code| (1..32).contains(code)), "{values:?}");
    let different: BTreeSet<_> = values.values().collect();
    assert_eq!(different.len(), values.len(), "{values:?}");
}

#[test]
fn enumerations_and_structures_have_the_librarys_layout() {
    let sizes = enumerations().into_iter().map(|(name, _)| {
        let size = format!("sizeof({name})");
        (name, size)
    });
    let enumerations = values("sizes", &sizes.collect::<Vec<_>>());
    assert!(enumerations.values().all(|&size| size == 4), "{enumerations:?}");

    let field = |name: &str| (name.to_owned(), format!("offsetof(FitbitRateLimit, {name})"));
    let layout = values(
        "rate_limit",
        &[
            ("size".to_owned(), "sizeof(FitbitRateLimit)".to_owned()),
            field("limit"),
            field("remaining"),
            field("reset_seconds"),
        ],
    );
    let expected = [("limit", 0), ("remaining", 4), ("reset_seconds", 8), ("size", 12)];
    assert_eq!(layout, expected.map(|(name, at)| (name.to_owned(), at)).into());
}

#[test]
fn callbacks_have_the_contracts_types_and_handles_hide_theirs() {
    let folder = folder("types");
    let callbacks = "#include <fitbit.h>\n\
                     int types(FitbitTokenCallback, FitbitOpenCallback, FitbitRenewalGuard);\n\
                     int types(FitbitTokenCallback on_token, FitbitOpenCallback open,\n          \
                     FitbitRenewalGuard guard)\n{\n    \
                     int (*one)(const char *, void *) = on_token;\n    \
                     int (*two)(const char *, void *) = open;\n    \
                     int (*other)(FitbitRenewal *, void *) = guard;\n    \
                     return one && two && other;\n}\n";
    let callbacks = source(&folder, "callbacks.c", callbacks);
    let handles = ["App", "Client", "Response", "Error", "Renewal"].map(|handle| {
        let text = format!("#include <fitbit.h>\nextern char size[sizeof(Fitbit{handle})];\n");
        source(&folder, &format!("{handle}.c"), &text)
    });
    for compiler in installed() {
        let standard = compiler.standards[0];
        compiler.compile(standard, &["-fsyntax-only", arg(&callbacks)]);
        for handle in &handles {
            let output = compiler.call(standard, &["-fsyntax-only", arg(handle)]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("incomplete type"), "{}: {said}", compiler.command);
        }
    }
}

#[test]
fn macros_library_and_package_agree_about_the_version() {
    let file = source(
        &folder("values"),
        "version.c",
        "#include <stdio.h>\n#include <fitbit.h>\n\nint main(void)\n{\n    \
         printf(\"%d.%d.%d\\n%s\\n\", FITBIT_VERSION_MAJOR, FITBIT_VERSION_MINOR,\n        \
         FITBIT_VERSION_PATCH, fitbit_version());\n    return 0;\n}\n",
    );
    let printed = c::build(&file, "values_version", &[]).run::<&str>([]);
    let package = env!("CARGO_PKG_VERSION");
    let numbers = package.split('-').next().expect("a version");
    assert_eq!(printed, format!("{numbers}\n{package}\n"));
}

#[test]
fn the_preprocessor_can_compare_the_version() {
    let text = "#include <fitbit.h>\n#if FITBIT_VERSION_MAJOR * 10000 + FITBIT_VERSION_MINOR * \
                100 + FITBIT_VERSION_PATCH < 100\n#error the version is not a number\n#endif\n";
    let file = source(&folder("values"), "preprocessor.h", text);
    for compiler in installed() {
        let language =
            if compiler.standards[0].starts_with("c++") { "-xc++-header" } else { "-xc-header" };
        compiler.compile(compiler.standards[0], &["-fsyntax-only", language, arg(&file)]);
    }
}
