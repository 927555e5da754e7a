/*
 * More different headers than anybody needs: they are kept or refused, but they are no bug.
 *
 *     headers <provider's address> <a token>
 */

#include "program.h"

/* More than the table of headers in the library's HTTP crate can hold. */
#define NAMES 40000

static void kept_or_refused(FitbitError *error)
{
    if (error != NULL) {
        FAIL(error, FITBIT_ERROR_INVALID_ARGUMENT);
    }
}

int main(int argc, char **argv)
{
    FitbitClient *client;
    CHECK(argc == 3);
    begin();
    FitbitApp *app = app_at(argv[1]), *unused = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, "X-%d", i);
        kept_or_refused(fitbit_app_set_header(unused, name, "a"));
        kept_or_refused(fitbit_set_header(client, name, "a"));
    }
    fitbit_free(client);
    fitbit_app_free(unused);
    fitbit_app_free(app);
    return 0;
}
