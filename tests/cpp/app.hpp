/* An app with exceptions, at the test's provider. */

#ifndef APP_HPP
#define APP_HPP

#include "program.hpp"

// The call has to fail, with this code.
#define FAIL(call, expected) \
    do { \
        try { \
            (void)(call); \
            CHECK(!"an error"); \
        } catch (const fitbit::Error &failed) { \
            CHECK(failed.code() == (expected)); \
        } \
    } while (0)

// The call has to end with this exception of a callback.
#define THROW(call, type) \
    do { \
        bool caught = false; \
        try { \
            (void)(call); \
        } catch (const type &) { \
            caught = true; \
        } \
        CHECK(caught); \
    } while (0)

inline fitbit::App app_at(const std::string &server)
{
    fitbit::App app(FITBIT_PROVIDER_FITBIT, "22SRVR", "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
                    "http://127.0.0.1:8080/callback");
    app.set_endpoint(FITBIT_ENDPOINT_AUTHORIZE, server + "/oauth2/authorize");
    app.set_endpoint(FITBIT_ENDPOINT_TOKEN, server + "/oauth2/token");
    app.set_endpoint(FITBIT_ENDPOINT_REVOKE, server + "/oauth2/revoke");
    app.set_endpoint(FITBIT_ENDPOINT_API, server);
    app.set_timeout(PATIENCE);
    return app;
}

#endif
