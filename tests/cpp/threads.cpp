/*
 * Threads: one of them renews, and what the token callback throws there comes out there and nowhere
 * else; another one cancels.
 *
 *     threads <provider's address> <an expired token> <a token>
 */

#include "app.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

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
    cancel(std::move(app), argv[3]);
    std::cout << "came together\n";
}
