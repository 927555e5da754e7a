/*
 * Step two in a process of its own: the session and the redirect come as arguments, as they would
 * from a web session. Prints whose login it is.
 */

#include <stdio.h>
#include <stdlib.h>

#include "fitbit.h"

static int failed(FitbitError *error)
{
    if (error == NULL) {
        return 0;
    }
    fprintf(stderr, "%s\n", fitbit_error_message(error));
    fitbit_error_free(error);
    return 1;
}

/* provider, token endpoint, API, client id, client secret, callback URI, session, redirect */
int main(int argc, char **argv)
{
    FitbitApp *app;
    FitbitClient *client;
    char *user_id;

    if (argc != 9) {
        return 2;
    }
    if (failed(fitbit_app_new((FitbitProvider)atoi(argv[1]), argv[4], argv[5], argv[6], &app))
        || failed(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2]))
        || failed(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[3]))
        || failed(fitbit_step_two(app, argv[7], argv[8], NULL, NULL, &client))
        || failed(fitbit_user_id(client, &user_id))) {
        return 1;
    }
    printf("%s\n", user_id);
    fitbit_string_free(user_id);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
