//! The library as a C programmer meets it: header, symbols, and C programs that are compiled
//! against the one, linked with the other, and run plain, under valgrind and with sanitizers.

mod build_script;
mod cancelled_thread;
mod compilers;
mod declarations;
mod export;
mod guard;
mod header;
mod lifetimes;
mod migrate;
mod quickstart;
mod readme;
mod reentry;
mod run;
mod security;
mod signals;
mod small_stack;
mod storm;
mod story;
mod symbols;
mod token_file;
mod tools;
mod wrong_use;
