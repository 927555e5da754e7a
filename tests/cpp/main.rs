//! `include/fitbit.hpp`, the library as a C++ programmer meets it: it compiles wherever C++17 does,
//! and programs made with it live through a login, through what their callbacks throw, and with
//! threads; plain, under valgrind and with sanitizers.

mod build;
mod header;
mod programs;
mod quickstart;
mod readme;
mod talk;
