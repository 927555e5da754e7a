//! The library in Swift: the package in `bindings/swift`, built and tested by a real compiler against a
//! simulator of the test's own, and what the compiler reads besides the header, which is
//! `include/module.modulemap` and `include/CFitbit.apinotes`.

mod module;
mod notes;
mod package;
