//! Google's dialect: signing in, keeping a login, the API, and the faults in its words.

mod calls;
mod faults;
mod keeping_a_login;
mod points;
mod roll_ups;
mod signing_in;
