//! The C++ program in `README.md` compiles as it stands there, with each compiler.

use fitbit_test_support::{c, library};

use crate::build::{COMPILERS, STANDARDS, compiler, folder, link, succeed};

#[test]
fn the_readmes_program_compiles_and_links() {
    let readme = std::fs::read_to_string(library::root().join("README.md")).expect("it is there");
    let (_, program) = readme.split_once("```cpp\n").expect("README.md has a program in C++");
    let (program, _) = program.split_once("```").expect("it ends");
    assert!(program.lines().count() <= 25, "{program}");
    let source = folder("readme").join("program.cpp");
    std::fs::write(&source, program).expect("it is ours");
    for with in COMPILERS.into_iter().filter(|one| c::available(one)) {
        for standard in STANDARDS {
            let mut command = compiler(with, standard);
            command.arg(&source).arg("-o").arg(folder("readme").join(with));
            succeed(link(&mut command));
        }
    }
}
