// Prints the profile of the person whose token is in fitbit-token.json.

#include <fitbit.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

int main()
{
    try {
        const std::string provider = std::getenv("FITBIT_SIMULATOR");
        fitbit::App app(FITBIT_PROVIDER_FITBIT, std::getenv("FITBIT_CLIENT_ID"),
                        std::getenv("FITBIT_CLIENT_SECRET"), std::nullopt);
        app.set_endpoint(FITBIT_ENDPOINT_TOKEN, provider + "/oauth2/token");
        app.set_endpoint(FITBIT_ENDPOINT_API, provider);
        std::cout << app.from_file("fitbit-token.json").get("/1/user/-/profile.json").body() << '\n';
    } catch (const fitbit::Error &error) {
        std::cerr << error.code_name() << ": " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
