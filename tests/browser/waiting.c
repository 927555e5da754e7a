/*
 * Logs in with the default browser, says how it ended, and lives on until it is told to end.
 *
 *     waiting <provider's address> <callback URI> <timeout in ms> [more of the authorize endpoint]
 *
 * With SIGCHLD in its environment it lets the system reap its children, as some programs do.
 */

#include "../c_programs/program.h"

#include <signal.h>

int main(int argc, char **argv)
{
    static const char *const paths[] = {"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", ""};
    FitbitApp *app;
    FitbitClient *client;
    CHECK(argc == 4 || argc == 5);
    begin();
    if (getenv("SIGCHLD") != NULL) {
        signal(SIGCHLD, SIG_IGN);
    }
    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "22SRVR", "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
                           argv[2], &app));
    for (int endpoint = 0; endpoint < 4; endpoint++) {
        char uri[512];
        const char *more = endpoint == 0 && argc == 5 ? argv[4] : "";
        snprintf(uri, sizeof uri, "%s%s%s", argv[1], paths[endpoint], more);
        SUCCEED(fitbit_app_set_endpoint(app, (FitbitEndpoint)endpoint, uri));
    }
    FitbitError *error =
        fitbit_login(app, (uint32_t)strtoul(argv[3], NULL, 10), NULL, NULL, NULL, NULL, &client);
    printf("%u %s\n", (unsigned)fitbit_error_code(error), fitbit_error_message(error));
    have("end");
    fitbit_error_free(error);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
