/*
 * What callbacks throw: it comes out of the call that they ran in, as what it was, and the login
 * goes on. Token callback, opener, logger and guard, one after the other.
 *
 *     thrown <provider's address> <a token>
 */

#include "app.hpp"

#include <stdexcept>

// Longer than a small string, and not made for std::exception alone.
struct DiskFull : std::runtime_error {
    DiskFull() : std::runtime_error("the disk that all tokens are to be saved on is full") {}
};
struct LineLost {
    std::string line;
};

// A store that is out of order until it is repaired.
struct Store {
    bool works = false;
    int offered = 0;
    std::string saved = {};

    auto callback()
    {
        return [this](std::string_view token) {
            offered++;
            if (!works)
                throw DiskFull();
            saved = token;
            return true;
        };
    }
};

static void renewals(fitbit::App &app, const std::string &token)
{
    Store store;
    fitbit::Client client = app.from_token(token, store.callback());
    std::string before = client.token();
    THROW(client.refresh(), DiskFull);
    std::string newest = client.token();
    CHECK(store.offered == 1 && newest != before);

    try {
        client.save();
        CHECK(!"an exception");
    } catch (const std::exception &why) {
        CHECK(has(why.what(), "is full"));
    }
    THROW(client.get(PROFILE), DiskFull); // it was carried out: the test counts requests
    CHECK(store.offered == 3 && client.token() == newest);

    store.works = true;
    CHECK(client.get(PROFILE).status() == 200);
    CHECK(store.offered == 4 && store.saved == newest);
    client.save();
    CHECK(store.offered == 4);
}

static void steps(fitbit::App &app)
{
    Store store;
    auto [uri, session] = app.step_one();
    // Offered as it came, and once more before it is gone.
    THROW(app.step_two(session, ask("visit", uri), store.callback()), DiskFull);
    CHECK(store.offered == 2);

    auto again = app.step_one();
    fitbit::Client client;
    THROW(app.step_two(client, again.session, ask("visit", again.authorization_uri),
                       store.callback()),
          DiskFull);
    CHECK(has(client.token(), "refresh_token"));
    store.works = true;
    client.save();
    CHECK(store.saved == client.token());
}

static void the_end(fitbit::App &app, const std::string &token)
{
    Store store;
    {
        fitbit::Client client = app.from_token(token, store.callback());
        THROW(client.refresh(), DiskFull);
        fitbit::Client other = app.from_token(client.token(), store.callback());
        store.offered = 0;
        client = std::move(other); // frees the first, which offers its token
        CHECK(store.offered == 1);
        store.works = true;
        client.refresh();
        store.works = false;
    }
    CHECK(store.offered == 2);
}

// Handles on one login share its callback; the last one to go offers the token.
static void two_handles(fitbit::App &app, const std::string &token)
{
    Store store;
    {
        fitbit::Client client = app.from_token(token, store.callback());
        fitbit::Client other = client.dup();
        THROW(other.refresh(), DiskFull);
        THROW(client.save(), DiskFull);
        CHECK(store.offered == 2);
        client = {};
        THROW(other.save(), DiskFull);
        CHECK(store.offered == 3);
        store.works = true;
    }
    CHECK(store.offered == 4 && has(store.saved, "refresh_token"));
}

// An exception belongs to the innermost call, and what is caught inside a callback is gone.
static void calls_inside(fitbit::App &app, const std::string &token)
{
    Store store;
    bool seen = false;
    fitbit::Client other = app.from_token(token, store.callback());
    auto refresh_the_other = [&](std::string_view) {
        THROW(other.refresh(), DiskFull);
        seen = true;
        return true;
    };
    fitbit::Client client = app.from_token(ask("another token"), refresh_the_other);
    client.refresh();
    CHECK(seen && store.offered == 1);
    store.works = true;
    other.save();

    fitbit::Client strange = app.from_token(other.token(), [](auto) -> bool { throw 42; });
    THROW(strange.refresh(), int);
}

static void openers(const std::string &server)
{
    fitbit::App app(FITBIT_PROVIDER_GOOGLE_HEALTH, ask("Google's client id"), ask("and its secret"),
                    "http://127.0.0.1:0/callback");
    app.set_endpoint(FITBIT_ENDPOINT_AUTHORIZE, server + "/o/oauth2/v2/auth");
    app.set_endpoint(FITBIT_ENDPOINT_TOKEN, server + "/token");
    Store store;
    THROW(app.login(PATIENCE, store.callback(), [](auto) -> bool { throw DiskFull(); }), DiskFull);
    FAIL(app.login(PATIENCE, store.callback(), [](auto) { return false; }),
         FITBIT_ERROR_AUTHORIZATION);
    CHECK(store.offered == 0);

    auto browser = [](std::string_view uri) { return ask("browse", uri) == "soon"; };
    fitbit::Client client;
    THROW(app.login(client, PATIENCE, store.callback(), browser), DiskFull);
    store.works = true;
    client.save();
    CHECK(store.saved == client.token() && store.offered == 2);
    client = app.login(PATIENCE, store.callback(), browser);
    CHECK(store.saved == client.token() && store.offered == 3);
}

static void loggers(const std::string &server, const std::string &token)
{
    fitbit::App app = app_at(server);
    int lines = 0;
    bool broken = false;
    app.set_logger(FITBIT_LOG_TRACE, [&](FitbitLogLevel, std::string_view message) {
        lines++;
        if (broken)
            throw LineLost{std::string(message)};
    });
    fitbit::Client client = app.from_token(token);
    CHECK(client.get(PROFILE).status() == 200 && lines > 0);
    broken = true;
    lines = 0;
    THROW(client.refresh(), LineLost);
    CHECK(lines > 1); // and it went on
    broken = false;
    CHECK(client.get(PROFILE).status() == 200);
    broken = true; // also while all ends
}

static void guards(const std::string &server, const std::string &token)
{
    fitbit::App app = app_at(server);
    std::string row = token;
    int entered = 0;
    app.set_renewal_guard([&](fitbit::Renewal &renewal, const std::string &person) {
        CHECK(person == "row 17");
        entered++;
        if (entered == 1)
            throw DiskFull();
        auto token_json = renewal.run(row);
        CHECK(token_json && token_json == renewal.run(row));
        if (entered == 2)
            throw LineLost{"the commit's"};
        row = *token_json;
        return true;
    });
    fitbit::Client client = app.from_token(token, {}, "row 17");
    std::string before = client.token();
    THROW(client.refresh(), DiskFull);
    CHECK(client.token() == before);
    THROW(client.refresh(), LineLost);
    CHECK(client.token() != before && row == token);
    client.save();
    CHECK(entered == 3 && row == client.token());
}

// Without a call in C++ around it nobody can catch it: a C function reports what it can.
static void calls_from_c(fitbit::App &app, const std::string &token)
{
    Store store;
    fitbit::Client client = app.from_token(token, store.callback());
    FitbitError *error = fitbit_refresh(client.handle());
    CHECK(fitbit::Error(error).code() == FITBIT_ERROR_STORE);
    store.works = true;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    begin();
    fitbit::App app = app_at(argv[1]);
    renewals(app, argv[2]);
    steps(app);
    the_end(app, ask("another token"));
    two_handles(app, ask("another token"));
    calls_inside(app, ask("another token"));
    openers(argv[1]);
    loggers(argv[1], ask("another token"));
    guards(argv[1], ask("another token"));
    calls_from_c(app, ask("another token"));
    std::cout << "threw and caught\n";
}
