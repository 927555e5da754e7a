/*
 * One program of three parts: this one, a unit without exceptions, and a shared library that hides
 * its symbols. What a callback throws in there is caught in here.
 *
 *     units <provider's address> <a token>
 */

#include "app.hpp"
#include "units.hpp"

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    begin();
    fitbit::App app = app_at(argv[1]);
    fitbit::Client client = failing_client(app, argv[2]);
    THROW(client.refresh(), std::runtime_error);
    CHECK(code_of_a_refused_path() == FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(fitbit::Client().get("/"), FITBIT_ERROR_INVALID_ARGUMENT);
    std::cout << "fit together\n";
}
