/* This library: fitbit OPERATION SERVER [CA_FILE]
 * OPERATION is address, exchange, refresh, or the path to GET. */
#include "driver.h"
#include <fitbit.h>

static FitbitApp *app;
static FitbitClient *client;
static char *session;
static char redirect_uri[512];

static void check(FitbitError *error)
{
    require(error == NULL, fitbit_error_message(error));
}

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    return token_json[0] == '{';
}

static void address(void *unused)
{
    char *uri, *its_session;
    (void)unused;
    check(fitbit_step_one(app, NULL, &uri, &its_session));
    fitbit_string_free(uri);
    fitbit_string_free(its_session);
}

static void exchange(void *unused)
{
    FitbitClient *newcomer;
    (void)unused;
    check(fitbit_step_two(app, session, redirect_uri, save, NULL, &newcomer));
    fitbit_free(newcomer);
}

static void refresh(void *unused)
{
    (void)unused;
    check(fitbit_refresh(client));
}

static void get(void *path)
{
    FitbitResponse *response;
    check(fitbit_get(client, path, &response));
    require(fitbit_response_body_len(response) >= 2048, "a short body");
    fitbit_response_free(response);
}

int main(int argc, char **argv)
{
    char uri[256], *authorization_uri, *state;

    require(argc >= 3, "OPERATION SERVER [CA_FILE]");
    check(fitbit_app_new(FITBIT_PROVIDER_FITBIT, CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, &app));
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[2]));
    snprintf(uri, sizeof uri, "%s/oauth2/token", argv[2]);
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, uri));
    if (argc > 3)
        check(fitbit_app_set_ca_file(app, argv[3]));
    if (strcmp(argv[1], "address") == 0)
        return drive(address, NULL);
    if (strcmp(argv[1], "exchange") == 0) {
        check(fitbit_step_one(app, NULL, &authorization_uri, &session));
        state = strstr(authorization_uri, "&state=");
        require(state != NULL, "an address without a state");
        state += strlen("&state=");
        snprintf(redirect_uri, sizeof redirect_uri, CALLBACK_URI "?code=abcdef0123&state=%.*s",
                 (int)strcspn(state, "&"), state);
        fitbit_string_free(authorization_uri);
        return drive(exchange, NULL);
    }
    check(fitbit_from_token(
        app, "{\"access_token\":\"" ACCESS_TOKEN "\",\"refresh_token\":\"one\",\"expires_at\":4102444800}",
        save, NULL, &client));
    return drive(argv[1][0] == '/' ? get : refresh, argv[1]);
}
