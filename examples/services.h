/*
 * The two services side by side, for export.c and migrate.c: what differs between them is this
 * table, and the paths.
 *
 * FITBIT_CLIENT_ID, FITBIT_CLIENT_SECRET and FITBIT_CALLBACK_URI are what you registered with Fitbit,
 * GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET and GOOGLE_CALLBACK_URI with Google. With
 * FITBIT_SIMULATOR=http://127.0.0.1:8765 both are the bundled simulator.
 */
#ifndef EXAMPLE_SERVICES_H
#define EXAMPLE_SERVICES_H

#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct service {
    FitbitProvider provider;
    const char *name, *variables, *scopes;
    const char *authorize, *token, *revoke; /* the simulator's paths */
};

static const struct service SERVICES[2] = {
    {FITBIT_PROVIDER_FITBIT, "fitbit", "FITBIT", "activity sleep profile", "/oauth2/authorize",
     "/oauth2/token", "/oauth2/revoke"},
    {FITBIT_PROVIDER_GOOGLE_HEALTH, "google", "GOOGLE",
     "https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly "
     "https://www.googleapis.com/auth/googlehealth.sleep.readonly "
     "https://www.googleapis.com/auth/googlehealth.profile.readonly",
     "/o/oauth2/v2/auth", "/token", "/revoke"},
};

static inline void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static inline void check(FitbitError *error)
{
    if (fitbit_error_code(error) == FITBIT_ERROR_REAUTHORIZE)
        fprintf(stderr, "This login has ended: remove its token file to log in again.\n");
    if (error != NULL)
        fail(fitbit_error_code_name(fitbit_error_code(error)), fitbit_error_message(error));
}

static inline const char *setting(const struct service *service, const char *name)
{
    char variable[64];

    snprintf(variable, sizeof variable, "%s_%s", service->variables, name);
    return getenv(variable);
}

static inline FitbitApp *new_app(const struct service *service)
{
    const char *paths[4] = {service->authorize, service->token, service->revoke, ""};
    const char *simulator = getenv("FITBIT_SIMULATOR");
    char uri[256];
    int i;
    FitbitApp *app;

    if (setting(service, "CLIENT_ID") == NULL || setting(service, "CALLBACK_URI") == NULL)
        fail(service->variables, "set _CLIENT_ID, _CLIENT_SECRET and _CALLBACK_URI");
    check(fitbit_app_new(service->provider, setting(service, "CLIENT_ID"),
                         setting(service, "CLIENT_SECRET"), setting(service, "CALLBACK_URI"), &app));
    check(fitbit_app_set_scopes(app, service->scopes));
    for (i = 0; simulator != NULL && i < 4; i++) { /* in the order of FitbitEndpoint */
        snprintf(uri, sizeof uri, "%s%s", simulator, paths[i]);
        check(fitbit_app_set_endpoint(app, (FitbitEndpoint)i, uri));
    }
    return app;
}

/* Asks the person at the keyboard for their consent. The client's token is in no store yet. A server
 * sends the browser to the address instead, keeps the session with that browser, and goes on with step
 * two where the callback URI is served. */
static inline FitbitError *ask_for_consent(FitbitApp *app, FitbitClient **client)
{
    char *authorization_uri, *session, redirect_uri[4096];
    FitbitError *error;

    check(fitbit_step_one(app, NULL, &authorization_uri, &session));
    printf("Open this address and grant access:\n%s\n", authorization_uri);
    printf("Then paste the address that you were sent back to:\n");
    fflush(stdout);
    if (fgets(redirect_uri, sizeof redirect_uri, stdin) == NULL)
        redirect_uri[0] = '\0'; /* nobody is there: step two says so */
    redirect_uri[strcspn(redirect_uri, "\r\n")] = '\0';
    error = fitbit_step_two(app, session, redirect_uri, NULL, NULL, client);
    fitbit_string_free(authorization_uri);
    fitbit_string_free(session);
    return error;
}

#endif
