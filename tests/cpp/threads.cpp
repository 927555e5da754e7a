/*
 * Threads: one of them renews, and what the token callback throws there comes out there and nowhere
 * else; another one ends the calls of one handle, of one app handle, and of the whole application.
 *
 *     threads <provider's address> <an expired token> <a token>
 */

#include "app.hpp"

#include <atomic>
#include <csignal>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void renew_together(fitbit::App app, std::string_view token)
{
    std::atomic<int> offered{0}, threw{0}, answered{0};
    std::thread::id of_the_callback, of_the_exception;
    fitbit::Client client = app.from_token(token, [&](auto) {
        if (offered++ == 0) {
            of_the_callback = std::this_thread::get_id();
            throw std::runtime_error("the first time");
        }
        return true;
    });
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&] {
            try {
                CHECK(client.get(PROFILE).status() == 200);
                answered++;
            } catch (const std::runtime_error &) {
                of_the_exception = std::this_thread::get_id();
                threw++;
            }
        });
    for (std::thread &thread : threads)
        thread.join();
    CHECK(threw == 1 && answered == 7 && of_the_callback == of_the_exception);
    client.save();
    CHECK(offered == 2);
}

// A handle for each thread: one of them is ended, and the other one goes on.
static void abort_one_handle(fitbit::App app, std::string_view token)
{
    fitbit::Client client = app.from_token(token);
    fitbit::Client ended = client.dup(), brief = client.dup();
    ask("hold requests");
    std::thread other([&] { FAIL(ended.get(PROFILE), FITBIT_ERROR_CANCELLED); });
    ask("wait for the request");
    ended.abort();
    other.join();
    FAIL(ended.get(PROFILE), FITBIT_ERROR_CANCELLED);

    brief.set_timeout(50ms);
    FAIL(brief.get(PROFILE), FITBIT_ERROR_TIMEOUT);
    brief.set_timeout(-1s);
    FAIL(brief.get(PROFILE), FITBIT_ERROR_TIMEOUT);

    ask("let requests pass");
    CHECK(client.get(PROFILE).status() == 200);
    brief.set_timeout(0ms);
    CHECK(brief.get(PROFILE).status() == 200);
}

// A login that nobody answers is ended, and the application goes on.
static void abort_one_app_handle()
{
    fitbit::App app(FITBIT_PROVIDER_GOOGLE_HEALTH, "620184410597-demo.apps.googleusercontent.com",
                    "secret", "http://127.0.0.1:0/callback");
    fitbit::App waits = app.dup(), same = waits;
    std::promise<void> opened;
    std::thread other([&] {
        auto open = [&](auto) { return opened.set_value(), true; };
        FAIL(waits.login(PATIENCE, {}, open), FITBIT_ERROR_CANCELLED);
    });
    opened.get_future().wait();
    same.abort();
    other.join();
    auto open = [](auto) { return true; };
    FAIL(waits.login(PATIENCE, {}, open), FITBIT_ERROR_CANCELLED);
    FAIL(app.login(1ms, {}, open), FITBIT_ERROR_TIMEOUT);
    FAIL(waits.dup().login(1ms, {}, open), FITBIT_ERROR_TIMEOUT);
}

static fitbit::App interrupted;

static void on_interrupt(int)
{
    interrupted.shutdown();
}

static void shut_down_in_a_signal_handler(fitbit::App app, std::string_view token)
{
    fitbit::Client client = app.from_token(token), second = app.dup().from_token(token);
    interrupted = app.dup();
    std::signal(SIGINT, on_interrupt);
    ask("hold requests");
    std::thread other([&] { FAIL(client.get(PROFILE), FITBIT_ERROR_CANCELLED); });
    ask("wait for the request");
    std::raise(SIGINT);
    other.join();
    std::signal(SIGINT, SIG_DFL);
    FAIL(second.dup().get(PROFILE), FITBIT_ERROR_CANCELLED);
    FAIL(app.from_token(token).get(PROFILE), FITBIT_ERROR_CANCELLED);
    CHECK(has(client.token(), "refresh_token"));
    interrupted = {};
}

static void cancel(fitbit::App app, std::string_view token)
{
    fitbit::Client client = app.from_token(token);
    ask("hold requests");
    std::thread other([&] { FAIL(client.get(PROFILE), FITBIT_ERROR_CANCELLED); });
    ask("wait for the request");
    app.cancel();
    other.join();
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    begin();
    fitbit::App app = app_at(argv[1]);
    renew_together(app, argv[2]);
    abort_one_handle(app, argv[3]);
    abort_one_app_handle();
    cancel(app, argv[3]);
    shut_down_in_a_signal_handler(std::move(app), argv[3]);
    std::cout << "came together\n";
}
