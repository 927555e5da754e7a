/*
 * Numbers and enumerators that are out of range, the ends of those that are not, and settings of
 * an app that is in use.
 *
 *     range <provider's address> <a token>
 */

#include "wrong.h"

#define PROFILE "/1/user/-/profile.json"

static void enumerators(FitbitApp *app)
{
    static const unsigned none[] = {4, 5, 31, 32, 99, 0x7fffffff, 0x80000000, 0xffffffff};
    static const unsigned no_provider[] = {0, 3};
    static const unsigned no_level[] = {0, 6};
    FitbitApp *new;
    for (size_t i = 0; i < sizeof no_provider / sizeof no_provider[0]; i++) {
        REFUSED_AND_CLEARED(new, fitbit_app_new, "provider", "out of range",
                            (FitbitProvider)no_provider[i], "id", NULL, NULL, &new);
    }
    for (size_t i = 0; i < sizeof no_level / sizeof no_level[0]; i++) {
        REFUSED(fitbit_app_set_logger, "most", "out of range", app, (FitbitLogLevel)no_level[i], NULL,
                NULL);
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        REFUSED_AND_CLEARED(new, fitbit_app_new, "provider", "out of range", (FitbitProvider)none[i],
                            "id", NULL, NULL, &new);
        REFUSED(fitbit_app_set_endpoint, "endpoint", "out of range", app, (FitbitEndpoint)none[i],
                "https://a.example");
        REFUSED(fitbit_app_set_client_auth, "method", "out of range", app, (FitbitClientAuth)none[i]);
        if (none[i] > FITBIT_LOG_TRACE) {
            REFUSED(fitbit_app_set_logger, "most", "out of range", app, (FitbitLogLevel)none[i], NULL,
                    NULL);
        }
    }
}

static void numbers(FitbitApp *app, FitbitClient *client)
{
    FitbitResponse *response;
    REFUSED(fitbit_app_set_timeout_ms, "milliseconds", "out of range", app, 0);
    REFUSED(fitbit_app_set_max_body, "bytes", "out of range", app, 0);
    REFUSED_AND_CLEARED(response, fitbit_request, "body_len", "out of range", client, "PUT", PROFILE,
                        NULL, "body", SIZE_MAX, &response);
    REFUSED(fitbit_verify_signature, "body_len", "out of range", app, "c2ln", "body", SIZE_MAX);
    SUCCEED(fitbit_app_set_refresh_leeway(app, 0));
    SUCCEED(fitbit_app_set_timeout_ms(app, 1));
    SUCCEED(fitbit_app_set_max_body(app, 1));
}

/* The app is in use from here on, although its login was refused. */
static void the_time_for_a_login(FitbitApp *app)
{
    FitbitClient *client;
    REFUSED_AND_CLEARED(client, fitbit_login, "timeout_ms", "out of range", app, 0, NULL, NULL, NULL,
                        NULL, &client);
}

/* The largest numbers are ordinary ones: nothing may overflow on the way to the answer. */
static void the_largest_numbers(const char *server, const char *token)
{
    FitbitClient *client;
    FitbitResponse *response;
    FitbitApp *app = app_at(server);
    SUCCEED(fitbit_app_set_timeout_ms(app, UINT32_MAX));
    SUCCEED(fitbit_app_set_refresh_leeway(app, UINT32_MAX));
    SUCCEED(fitbit_app_set_rate_limit_wait(app, UINT32_MAX));
    SUCCEED(fitbit_app_set_max_body(app, SIZE_MAX));
    SUCCEED(fitbit_from_token(app, token, NULL, NULL, &client));
    SUCCEED(fitbit_set_timeout_ms(client, UINT32_MAX));
    SUCCEED(fitbit_set_rate_limit_wait(client, UINT32_MAX));
    SUCCEED(fitbit_get(client, PROFILE, &response));
    CHECK(fitbit_response_status(response) == 200);
    fitbit_response_free(response);
    SUCCEED(fitbit_set_timeout_ms(client, 0));
    SUCCEED(fitbit_set_rate_limit_wait(client, 0));
    fitbit_free(client);
    fitbit_app_free(app);
}

static void an_app_in_use(FitbitApp *app)
{
    REFUSED(fitbit_app_set_scopes, "app", "in use", app, "sleep");
    REFUSED(fitbit_app_set_endpoint, "app", "in use", app, FITBIT_ENDPOINT_API, "https://a.example");
    REFUSED(fitbit_app_set_endpoint, "app", "in use", app, FITBIT_ENDPOINT_REVOKE, "https://a.example");
    REFUSED(fitbit_app_set_client_auth, "app", "in use", app, FITBIT_CLIENT_AUTH_BODY);
    REFUSED(fitbit_app_set_header, "app", "in use", app, "X-A", "b");
    REFUSED(fitbit_app_set_timeout_ms, "app", "in use", app, 1000);
    REFUSED(fitbit_app_set_refresh_leeway, "app", "in use", app, 60);
    REFUSED(fitbit_app_set_max_body, "app", "in use", app, 1000);
    REFUSED(fitbit_app_set_rate_limit_wait, "app", "in use", app, 1);
    REFUSED(fitbit_app_set_proxy, "app", "in use", app, NULL);
    REFUSED(fitbit_app_set_logger, "app", "in use", app, FITBIT_LOG_INFO, NULL, NULL);
    REFUSED(fitbit_app_set_ca_file, "app", "in use", app, "ca.pem");
    REFUSED(fitbit_app_set_renewal_guard, "app", "in use", app, NULL);
}

/* Making another handle is a use: neither handle can be set up after it. */
static void an_app_with_two_handles(const char *server)
{
    FitbitApp *app = app_at(server), *dup;
    SUCCEED(fitbit_app_dup(app, &dup));
    an_app_in_use(app);
    an_app_in_use(dup);
    fitbit_app_free(app);
    an_app_in_use(dup);
    fitbit_app_free(dup);
}

static void names_of_codes(void)
{
    for (unsigned code = 1; code <= 18; code++) {
        const char *name = fitbit_error_code_name((FitbitErrorCode)code);
        CHECK(strncmp(name, "FITBIT_ERROR_", 13) == 0);
        CHECK(strcmp(name, "FITBIT_ERROR_UNKNOWN") != 0);
        CHECK(name == fitbit_error_code_name((FitbitErrorCode)code));
    }
    /* Around all powers of two, and 100,000 more over the whole range. */
    for (unsigned bit = 0; bit < 32; bit++) {
        for (unsigned near = 0; near < 7; near++) {
            unsigned code = (1u << bit) + near - 3;
            const char *name = fitbit_error_code_name((FitbitErrorCode)code);
            CHECK((strcmp(name, "FITBIT_ERROR_UNKNOWN") == 0) == (code < 1 || code > 18));
        }
    }
    for (unsigned i = 0; i < 100000; i++) {
        unsigned code = i * 42949u + 19;
        CHECK(strcmp(fitbit_error_code_name((FitbitErrorCode)code), "FITBIT_ERROR_UNKNOWN") == 0);
    }
    CHECK(strcmp(fitbit_error_code_name(FITBIT_ERROR_REAUTHORIZE), "FITBIT_ERROR_REAUTHORIZE") == 0);
    CHECK(strcmp(fitbit_error_code_name(FITBIT_ERROR_SIGNATURE), "FITBIT_ERROR_SIGNATURE") == 0);
}

int main(int argc, char **argv)
{
    FitbitClient *client;
    CHECK(argc == 3);
    begin();
    FitbitApp *app = app_at(argv[1]), *unused = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    enumerators(unused);
    numbers(unused, client);
    the_largest_numbers(argv[1], argv[2]);
    an_app_in_use(app);
    an_app_with_two_handles(argv[1]);
    the_time_for_a_login(app);
    names_of_codes();
    fitbit_free(client);
    fitbit_app_free(unused);
    fitbit_app_free(app);
    return 0;
}
