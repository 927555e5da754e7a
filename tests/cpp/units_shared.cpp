/* A shared library that hides its symbols; see units.hpp. */

#include "units.hpp"

fitbit::Client failing_client(fitbit::App &app, const std::string &token)
{
    return app.from_token(token, [](auto) -> bool { throw std::runtime_error("out of order"); });
}
