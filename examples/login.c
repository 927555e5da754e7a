/*
 * Logs a person in with one call, which opens their browser, and keeps the login in a token file: the
 * second run needs no browser.  cc login.c -lfitbit
 *
 *     login [TOKEN_FILE]                                          fitbit-login.json
 *
 * FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET (if there is one) and FITBIT_CALLBACK_URI are what you
 * registered; the callback URI is on this machine, such as http://127.0.0.1:8080/callback. With
 * FITBIT_PROVIDER=google they are registered with Google, where a program of type "Desktop" may use
 * port 0: any free one. FITBIT_SIMULATOR=http://127.0.0.1:8765 takes the bundled simulator for both.
 */
#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long the person may take. */
#define FIVE_MINUTES (5 * 60 * 1000)

static void check(FitbitError *error)
{
    if (error == NULL)
        return;
    switch (fitbit_error_code(error)) {
    case FITBIT_ERROR_ACCESS_DENIED:
        fprintf(stderr, "You said no, so there is nothing to show.\n");
        break;
    case FITBIT_ERROR_TIMEOUT:
        fprintf(stderr, "Nobody came back from the browser.\n");
        break;
    default:
        fprintf(stderr, "%s: %s\n", fitbit_error_code_name(fitbit_error_code(error)),
                fitbit_error_message(error));
    }
    fitbit_error_free(error);
    exit(EXIT_FAILURE);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL) {
        fprintf(stderr, "%s is not set\n", name);
        exit(EXIT_FAILURE);
    }
    return value;
}

static FitbitApp *new_app(void)
{
    static const char *const PATHS[2][4] = {
        {"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", ""},
        {"/o/oauth2/v2/auth", "/token", "/revoke", ""},
    };
    const char *simulator = getenv("FITBIT_SIMULATOR"), *provider = getenv("FITBIT_PROVIDER");
    int google = provider != NULL && strcmp(provider, "google") == 0, i;
    char uri[256];
    FitbitApp *app;

    check(fitbit_app_new(google ? FITBIT_PROVIDER_GOOGLE_HEALTH : FITBIT_PROVIDER_FITBIT,
                         setting("FITBIT_CLIENT_ID"), getenv("FITBIT_CLIENT_SECRET"),
                         setting("FITBIT_CALLBACK_URI"), &app));
    for (i = 0; simulator != NULL && i < 4; i++) { /* in the order of FitbitEndpoint */
        snprintf(uri, sizeof uri, "%s%s", simulator, PATHS[google][i]);
        check(fitbit_app_set_endpoint(app, (FitbitEndpoint)i, uri));
    }
    return app;
}

int main(int count, char **arguments)
{
    const char *path = count > 1 ? arguments[1] : "fitbit-login.json";
    FitbitApp *app = new_app();
    FitbitClient *client;
    char *user_id;
    FitbitError *error = fitbit_from_file(app, path, &client);

    if (fitbit_error_code(error) == FITBIT_ERROR_REAUTHORIZE) { /* no file yet */
        fitbit_error_free(error);
        printf("Your browser opens. Grant access there.\n");
        fflush(stdout);
        check(fitbit_login(app, FIVE_MINUTES, NULL, NULL, NULL, NULL, &client));
        error = fitbit_set_token_file(client, path); /* it takes every later token too */
    }
    check(error);
    check(fitbit_user_id(client, &user_id));
    printf("You are %s.\n", user_id);
    fitbit_string_free(user_id);
    fitbit_free(client);
    fitbit_app_free(app);
    return EXIT_SUCCESS;
}
