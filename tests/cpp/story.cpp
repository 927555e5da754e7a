/*
 * A login's life in C++ with exceptions: made in two steps, kept, used in every way that fitbit.h
 * has, put into a file and ended; what fails says why.
 *
 *     story <provider's address> <token file>
 */

#include "app.hpp"

using namespace std::chrono_literals;

static std::string saved;

static bool save(std::string_view token)
{
    saved = token;
    return true;
}

static void set_everything(fitbit::App &app)
{
    app.set_scopes("profile activity nutrition");
    app.set_client_auth(FITBIT_CLIENT_AUTH_BASIC);
    app.set_header("X-Shoe-Size", "43");
    app.set_header("X-Shoe-Size", std::nullopt);
    app.set_refresh_leeway(1min);
    app.set_rate_limit_wait(0s);
    app.set_max_body(1 << 20);
    app.set_proxy(std::nullopt);
    app.set_logger(FITBIT_LOG_TRACE, {});
    app.set_renewal_guard({});
    FAIL(app.set_ca_file("/none/roots.pem"), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(app.set_timeout(-1ms), FITBIT_ERROR_INVALID_ARGUMENT);
}

static fitbit::Client log_in(fitbit::App &app)
{
    auto [authorization_uri, session] = app.step_one("scope=profile%20nutrition%20activity");
    std::string back = ask("visit", authorization_uri);
    FAIL(app.step_two(session, "/callback?code=x&state=forged", save), FITBIT_ERROR_STATE_MISMATCH);
    CHECK(saved.empty());
    fitbit::Client client = app.step_two(session, back, save);
    CHECK(!saved.empty() && client.token() == saved);
    return client;
}

static void use(fitbit::Client &client)
{
    CHECK(!client.rate_limit());
    fitbit::Response profile = client.get(PROFILE);
    CHECK(profile.status() == 200 && has(profile.body(), "\"encodedId\""));
    CHECK(has(*profile.header("CONTENT-type"), "json") && !profile.header("X-Absent"));
    CHECK(client.get(PROFILE).body() == profile.body());
    CHECK(client.get(PROFILE).header("content-type") == profile.header("content-type"));

    constexpr std::string_view food = "foodId=1&amount=1&mealTypeId=1&unitId=304&date=2026-01-02";
    CHECK(client.post("/1/user/-/foods/log.json", food).status() == 201);
    FAIL(client.del("/1/user/-/foods/log/1.json"), FITBIT_ERROR_HTTP);
    fitbit::Response logged = client.request("post", "/1/user/-/foods/log.json",
                                             "application/x-www-form-urlencoded", food);
    CHECK(logged.status() == 201);
    client.set_header("Accept-Language", "en_GB");
    client.set_header("Accept-Language", std::nullopt);

    int pages = 0;
    std::string list = "/1/user/-/activities/list.json?afterDate=2000-01-01&sort=asc&offset=0";
    for (std::optional page(client.get(list + "&limit=5")); page; page = client.next_page(*page))
        pages++;
    CHECK(pages > 1);

    CHECK(client.user_id() == "26FWFL" && client.token_field("user_id") == "26FWFL");
    CHECK(!client.token_field("shoe_size"));
}

static fitbit::Error meet_an_error(fitbit::Client &client)
{
    ask("limit the rate");
    try {
        client.get(PROFILE);
    } catch (const fitbit::Error &error) {
        return error;
    }
    CHECK(!"an error");
    std::abort();
}

static void look_at(const fitbit::Error &error)
{
    CHECK(error.code() == FITBIT_ERROR_RATE_LIMITED && error.http_status() == 429);
    CHECK(error.code_name() == std::string_view("FITBIT_ERROR_RATE_LIMITED"));
    CHECK(error.retry_after() == 78s && error.provider_type() == "system");
    CHECK(error.body() && !std::string_view(error.what()).empty());
}

static void meet_errors(fitbit::App &app, fitbit::Client &client)
{
    fitbit::Error error = meet_an_error(client);
    fitbit::Error copy = error;
    look_at(error);
    look_at(copy);
    CHECK(client.rate_limit() && client.rate_limit()->reset_seconds > 0);
    try {
        client.get(std::string_view("/1/a\0b", 6));
        CHECK(!"an error");
    } catch (const std::exception &refused) {
        CHECK(has(refused.what(), "path"));
        auto &as_ours = static_cast<const fitbit::Error &>(refused);
        CHECK(as_ours.code() == FITBIT_ERROR_INVALID_ARGUMENT && as_ours.http_status() == 0);
        CHECK(!as_ours.retry_after() && !as_ours.body() && !as_ours.provider_type());
    }
    // Not all of what a view is cut out of.
    CHECK(client.get(std::string_view("/1/user/-/profile.json and more").substr(0, 22)).status());
    FAIL(app.set_scopes("sleep"), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(app.verify_signature("bm90IGdlbnVpbmU=", "[]"), FITBIT_ERROR_SIGNATURE);
    FAIL(app.from_token("{}"), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(app.from_file("/none"), FITBIT_ERROR_REAUTHORIZE);
    FAIL(fitbit::App(FITBIT_PROVIDER_FITBIT, ""), FITBIT_ERROR_INVALID_ARGUMENT);
}

// Headers, timeout and waiting are a handle's own; the login is shared.
static void use_two_handles(fitbit::App &app, fitbit::Client &client)
{
    fitbit::Client other = client.dup();
    CHECK(other.handle() != client.handle() && other.token() == client.token());
    CHECK(other.get(PROFILE).status() == 200);

    other.set_rate_limit_wait(1h);
    ask("limit the rate briefly");
    FAIL(client.get(PROFILE), FITBIT_ERROR_RATE_LIMITED);
    ask("limit the rate briefly");
    CHECK(other.get(PROFILE).status() == 200);

    other.abort();
    FAIL(other.get(PROFILE), FITBIT_ERROR_CANCELLED);
    FAIL(other.refresh(), FITBIT_ERROR_CANCELLED);
    CHECK(other.token() == client.token());
    other.save();
    CHECK(other.dup().get(PROFILE).status() == 200);
    CHECK(client.get(PROFILE).status() == 200);

    std::optional<fitbit::App> second = app.dup();
    CHECK(second->handle() != app.handle());
    fitbit::Client third = second->from_token(client.token(), save);
    second.reset();
    CHECK(third.get(PROFILE).status() == 200);
}

// Handles that hold nothing, those that were moved from among them.
static void hold_nothing(fitbit::App &app, fitbit::Client &client)
{
    fitbit::Client moved = std::move(client);
    CHECK(client.handle() == nullptr && moved.handle() != nullptr); // NOLINT: that is the test
    FAIL(client.get(PROFILE), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(client.save(), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(client.token(), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(client.dup(), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(client.set_timeout(1s), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(client.set_rate_limit_wait(1s), FITBIT_ERROR_INVALID_ARGUMENT);
    CHECK(!client.rate_limit());
    client.abort();
    client = std::move(moved);
    client = app.from_token(client.token(), save);

    fitbit::Response response = client.get(PROFILE), other = std::move(response);
    CHECK(response.status() == 0 && response.body().empty() && !response.header("Date"));
    FAIL(client.next_page(response), FITBIT_ERROR_INVALID_ARGUMENT);
    CHECK(other.status() == 200);

    fitbit::App copy = app, empty = std::move(copy);
    CHECK(empty.handle() == app.handle() && copy.handle() == nullptr);
    copy.cancel();
    copy.abort();
    copy.shutdown();
    FAIL(copy.dup(), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(copy.step_one(), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(copy.from_token("{}", save), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(copy.set_logger(FITBIT_LOG_INFO, [](auto, auto) {}), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(copy.set_renewal_guard([](auto &, auto) { return true; }), FITBIT_ERROR_INVALID_ARGUMENT);
}

static void end(fitbit::App app, fitbit::Client client, const char *path)
{
    client.set_token_file(path);
    client.refresh();
    fitbit::Client from_file = app.from_file(path);
    app = {};
    CHECK(from_file.token() == client.token() && from_file.token() != saved);
    from_file.revoke();
    FAIL(from_file.get(PROFILE), FITBIT_ERROR_REAUTHORIZE);
    CHECK(access(path, F_OK) != 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    begin();
    fitbit::App app = app_at(argv[1]);
    set_everything(app);
    fitbit::Client client = log_in(app);
    use(client);
    meet_errors(app, client);
    use_two_handles(app, client);
    hold_nothing(app, client);
    std::string first = saved;
    ask("let the access token expire");
    CHECK(client.get(PROFILE).status() == 200 && saved != first);
    client.save();
    end(std::move(app), std::move(client), argv[2]);
    std::cout << "lived happily with " << fitbit::version() << '\n';
}
