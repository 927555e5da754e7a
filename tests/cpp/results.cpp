/*
 * A login's life without exceptions: every function returns a Result. Compiled with
 * -fno-exceptions, and with FITBIT_NO_EXCEPTIONS where a callback can throw all the same.
 *
 *     results <provider's address>
 */

#include "program.hpp"

#if defined(__cpp_exceptions)
#include <stdexcept>
#endif

static int offered;
static bool works = true;
static std::string saved;

static bool save(std::string_view token)
{
    offered++;
    if (works)
        saved = token;
    return works;
}

static fitbit::App app_at(const std::string &server)
{
    fitbit::Result<fitbit::App> app =
        fitbit::App::make(FITBIT_PROVIDER_FITBIT, "22SRVR", "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
                          "http://127.0.0.1:8080/callback");
    CHECK(app);
    CHECK(app->set_endpoint(FITBIT_ENDPOINT_AUTHORIZE, server + "/oauth2/authorize"));
    CHECK(app->set_endpoint(FITBIT_ENDPOINT_TOKEN, server + "/oauth2/token"));
    CHECK(app->set_endpoint(FITBIT_ENDPOINT_API, server));
    CHECK(app->set_timeout(PATIENCE));
    return *std::move(app);
}

static void fail(fitbit::App &app, fitbit::Client &client)
{
    ask("limit the rate");
    fitbit::Result<fitbit::Response> limited = client.get(PROFILE);
    CHECK(!limited);
    fitbit::Error error = limited.error();
    CHECK(error.code() == FITBIT_ERROR_RATE_LIMITED && error.http_status() == 429);
    CHECK(error.retry_after() == std::chrono::seconds(78) && error.body());

    auto refused = client.get(std::string_view("/1/a\0b", 6));
    CHECK(!refused && refused.error().code() == FITBIT_ERROR_INVALID_ARGUMENT);
    auto unmade = fitbit::App::make(FITBIT_PROVIDER_FITBIT, "");
    CHECK(!unmade && has(unmade.error().what(), "client_id"));
    auto unset = app.set_scopes("sleep");
    CHECK(!unset && unset.error().code() == FITBIT_ERROR_INVALID_ARGUMENT);
    auto unread = app.from_file("/none");
    CHECK(!unread && unread.error().code() == FITBIT_ERROR_REAUTHORIZE);
}

#if defined(__cpp_exceptions)
// It is the program's own: not this header's to turn into a Result.
static void a_callback_throws(fitbit::App &app)
{
    auto client = app.from_token(saved, [](auto) -> bool { throw std::runtime_error("full"); });
    bool caught = false;
    try {
        (void)client->refresh();
    } catch (const std::runtime_error &) {
        caught = true;
    }
    CHECK(caught);
}
#endif

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    begin();
    fitbit::App app = app_at(argv[1]);
    auto [authorization_uri, session] = *app.step_one();
    std::string back = ask("visit", authorization_uri);
    auto forged = app.step_two(session, "/callback?code=x&state=forged", save);
    CHECK(!forged && forged.error().code() == FITBIT_ERROR_STATE_MISMATCH);

    fitbit::Result<fitbit::Client> client = app.step_two(session, back, save);
    CHECK(client && client->token() && *client->token() == saved);
    if (auto profile = client->get(PROFILE))
        CHECK(has(profile->body(), "\"encodedId\""));
    else
        CHECK(!profile.error().what());
    fail(app, *client);

    works = false;
    auto renewed = client->refresh();
    CHECK(!renewed && renewed.error().code() == FITBIT_ERROR_STORE);
    works = true;
    CHECK(client->save() && offered == 3 && *client->token() == saved);
    CHECK(**client->token_field("user_id") == "26FWFL" && !*client->token_field("shoe_size"));

    fitbit::Result<fitbit::Client> other = client->dup();
    CHECK(other && *other->token() == saved);
    CHECK(other->set_timeout(PATIENCE) && other->set_rate_limit_wait(std::chrono::seconds(1)));
    CHECK(app.dup() && other->get(PROFILE));
    other->abort();
    auto ended = other->get(PROFILE);
    CHECK(!ended && ended.error().code() == FITBIT_ERROR_CANCELLED);

    fitbit::Client moved = *std::move(client);
    auto nothing = client->refresh(); // NOLINT: that is the test
    CHECK(!nothing && nothing.error().code() == FITBIT_ERROR_INVALID_ARGUMENT);
    CHECK(!client->dup() && !fitbit::App().dup()); // NOLINT
    CHECK(moved.get(PROFILE));
#if defined(__cpp_exceptions)
    a_callback_throws(app);
#endif
    std::cout << "returned\n";
}
