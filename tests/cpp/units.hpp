/* What the units of one program say to each other. */

#ifndef UNITS_HPP
#define UNITS_HPP

#include <fitbit.hpp>
#include <fitbit.hpp>

#include <stdexcept>
#include <string>

#define SHOWN __attribute__((visibility("default")))

// In a shared library that hides its symbols: a client whose callback throws.
SHOWN fitbit::Client failing_client(fitbit::App &app, const std::string &token);

// In a unit without exceptions and type information: the same header, other types.
int code_of_a_refused_path();

#endif
