//! `include/module.modulemap`, as clang reads it with `-fmodules`.

use std::fs;
use std::process::Command;

use fitbit_test_support::{c, library};

/// Compiles and runs a program that gets the library by its module alone.
fn import(compiler: &str, language: &str, import: &str) {
    if !c::available(compiler) {
        return;
    }
    let folder = library::target().join("swift").join(language);
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    let main = "int main(void) { return *fitbit_version() == 0 || FITBIT_ERROR_TIMEOUT != 12; }";
    let text = format!("{import}\n{main}\n");
    fs::write(folder.join("import"), text).expect("the target folder can be written to");
    // That the module names its library is for linkers that read it, which Linux's do not.
    let output = Command::new(compiler)
        .args(["-fmodules", "-Rmodule-import", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg(format!("-fmodules-cache-path={}", folder.join("cache").display()))
        .arg("-I")
        .arg(library::include())
        .args(["-x", language])
        .arg(folder.join("import"))
        .args(["-x", "none", "-L"])
        .arg(library::folder())
        .arg("-lfitbit")
        .arg(format!("-Wl,--disable-new-dtags,-rpath,{}", library::folder().display()))
        .arg("-o")
        .arg(folder.join("program"))
        .output()
        .expect("the compiler runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    c::succeeded(output);
    assert!(said.contains("importing module 'CFitbit'"), "{said}");
    c::succeeded(Command::new(folder.join("program")).output().expect("it can be run"));
}

#[test]
fn clang_imports_the_module_into_c() {
    import("clang", "c", "#pragma clang module import CFitbit");
}

#[test]
fn clang_takes_the_module_for_the_included_header_in_cpp() {
    import("clang++", "c++", "#include <fitbit.h>");
}
