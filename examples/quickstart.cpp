/*
 * The whole story in C++: log a person in once, save every token, renew it without asking, start
 * again from the saved token.  c++ -std=c++17 quickstart.cpp -lfitbit
 *
 * FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_CALLBACK_URI are what you registered. With
 * FITBIT_SIMULATOR=http://127.0.0.1:8765 it talks to the bundled simulator instead of Fitbit.
 */
#include <fitbit.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <sys/stat.h>

static const char TOKEN_FILE[] = "fitbit-token.json";
static fitbit::App app;

// Takes every new token. What it throws comes out of the call that renewed, and the token is
// offered again. client.set_token_file() would do all of it, and more durably.
static bool save_token(std::string_view token_json)
{
    std::ofstream file;
    file.exceptions(std::ios::failbit | std::ios::badbit);
    file.open("fitbit-token.new", std::ios::trunc);
    file << token_json << std::flush;
    file.close();
    std::filesystem::rename("fitbit-token.new", TOKEN_FILE);
    std::cout << "A new token is saved in " << TOKEN_FILE << ".\n";
    return true;
}

static std::optional<std::string> setting(const char *name)
{
    const char *value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
}

static void make_app()
{
    app = fitbit::App(FITBIT_PROVIDER_FITBIT, setting("FITBIT_CLIENT_ID").value(),
                      setting("FITBIT_CLIENT_SECRET"), setting("FITBIT_CALLBACK_URI").value());
    if (auto simulator = setting("FITBIT_SIMULATOR")) {
        app.set_endpoint(FITBIT_ENDPOINT_AUTHORIZE, *simulator + "/oauth2/authorize");
        app.set_endpoint(FITBIT_ENDPOINT_TOKEN, *simulator + "/oauth2/token");
        app.set_endpoint(FITBIT_ENDPOINT_API, *simulator);
    }
}

// Ctrl-C: a token that is on its way is saved first. Without SA_RESTART std::getline() ends too.
static void catch_interrupts()
{
    struct sigaction interrupt = {};
    interrupt.sa_handler = [](int) { app.shutdown(); };
    interrupt.sa_flags = SA_RESETHAND; // a second Ctrl-C ends the program
    sigaction(SIGINT, &interrupt, nullptr);
}

static fitbit::Client log_in()
{
    if (std::ifstream file(TOKEN_FILE); file) { // somebody has logged in before
        std::stringstream token;
        token << file.rdbuf();
        return app.from_token(token.str(), save_token);
    }
    auto [authorization_uri, session] = app.step_one();
    std::cout << "Open this address and grant access:\n" << authorization_uri << '\n'
              << "Then paste the address that you were sent back to:" << std::endl;
    std::string redirect_uri;
    std::getline(std::cin, redirect_uri);
    return app.step_two(session, redirect_uri, save_token);
}

int main()
try {
    umask(0077); // the token is nobody else's to read
    make_app();
    catch_interrupts();
    fitbit::Client client = log_in();
    std::string line;
    do { // the token may expire in between: the library renews it
        std::cout << client.get("/1/user/-/profile.json").body()
                  << "\nPress Enter to ask again, Ctrl-D to end." << std::endl;
    } while (std::getline(std::cin, line));
} catch (const fitbit::Error &error) {
    std::cerr << error.code_name() << ": " << error.what() << '\n';
    if (error.code() == FITBIT_ERROR_REAUTHORIZE)
        std::cerr << "Remove " << TOKEN_FILE << " and log in again.\n";
    return EXIT_FAILURE;
} catch (const std::bad_optional_access &) {
    std::cerr << "Set FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_CALLBACK_URI.\n";
    return EXIT_FAILURE;
}
