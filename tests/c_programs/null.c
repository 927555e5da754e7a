/*
 * NULL in the place of each pointer in turn, all others valid.
 *
 *     null <provider's address> <a token>
 */

#include "wrong.h"

#define PROFILE "/1/user/-/profile.json"
#define FOOD "/1/user/-/foods/log/1.json"

static FitbitApp *app, *unused;
static FitbitClient *client;
static FitbitResponse *response, *page;
static char *uri, *session, *text;

static void the_application(void)
{
    FitbitApp *new;
    REFUSED_AND_CLEARED(new, fitbit_app_new, "client_id", "NULL", FITBIT_PROVIDER_FITBIT, NULL, "s",
                        "https://a.example/", &new);
    ACCEPTED(fitbit_app_new, "client_secret", "NULL", FITBIT_PROVIDER_FITBIT, "id", NULL,
             "https://a.example/", &new);
    fitbit_app_free(new);
    ACCEPTED(fitbit_app_new, "callback_uri", "NULL", FITBIT_PROVIDER_FITBIT, "id", "s", NULL, &new);
    fitbit_app_free(new);
    REFUSED(fitbit_app_new, "app", "NULL", FITBIT_PROVIDER_FITBIT, "id", "s", NULL, NULL);

    REFUSED(fitbit_app_set_scopes, "app", "NULL", NULL, "sleep");
    REFUSED(fitbit_app_set_scopes, "scopes", "NULL", unused, NULL);
    REFUSED(fitbit_app_set_endpoint, "app", "NULL", NULL, FITBIT_ENDPOINT_API, "https://a.example");
    REFUSED(fitbit_app_set_endpoint, "uri", "NULL", unused, FITBIT_ENDPOINT_API, NULL);
    REFUSED(fitbit_app_set_client_auth, "app", "NULL", NULL, FITBIT_CLIENT_AUTH_AUTO);
    REFUSED(fitbit_app_set_header, "app", "NULL", NULL, "X-A", "b");
    REFUSED(fitbit_app_set_header, "name", "NULL", unused, NULL, "b");
    ACCEPTED(fitbit_app_set_header, "value", "NULL", unused, "X-A", NULL);
    REFUSED(fitbit_app_set_timeout_ms, "app", "NULL", NULL, 1000);
    REFUSED(fitbit_app_set_refresh_leeway, "app", "NULL", NULL, 60);
    REFUSED(fitbit_app_set_max_body, "app", "NULL", NULL, 1000);
    REFUSED(fitbit_app_set_rate_limit_wait, "app", "NULL", NULL, 1);
    REFUSED(fitbit_app_set_proxy, "app", "NULL", NULL, "http://a.example:1");
    ACCEPTED(fitbit_app_set_proxy, "uri", "NULL", unused, NULL);
    REFUSED(fitbit_app_set_ca_file, "app", "NULL", NULL, "ca.pem");
    REFUSED(fitbit_app_set_ca_file, "pem_path", "NULL", unused, NULL);
    REFUSED(fitbit_app_set_logger, "app", "NULL", NULL, FITBIT_LOG_INFO, NULL, NULL);
    SUCCEED(fitbit_app_set_logger(unused, FITBIT_LOG_INFO, NULL, NULL));
    REFUSED(fitbit_app_set_renewal_guard, "app", "NULL", NULL, NULL);
    SUCCEED(fitbit_app_set_renewal_guard(unused, NULL));
    REFUSED_AND_CLEARED(new, fitbit_app_dup, "app", "NULL", NULL, &new);
    REFUSED(fitbit_app_dup, "dup", "NULL", app, NULL);
}

/* No browser is opened for a call that is refused. */
static int opened(const char *authorization_uri, void *open_data)
{
    (void)open_data;
    fprintf(stderr, "a browser was opened: %s\n", authorization_uri);
    exit(1);
}

static void logging_in(const char *token)
{
    FitbitClient *new;
    char *other;
    other = garbage;
    REFUSED_AND_CLEARED(uri, fitbit_step_one, "app", "NULL", NULL, "a=b", &uri, &other);
    CHECK(other == NULL);
    other = garbage;
    REFUSED(fitbit_step_one, "authorization_uri", "NULL", app, "a=b", NULL, &other);
    CHECK(other == NULL);
    REFUSED_AND_CLEARED(uri, fitbit_step_one, "session", "NULL", app, "a=b", &uri, NULL);
    ACCEPTED(fitbit_step_one, "params", "NULL", app, NULL, &uri, &session);

    REFUSED_AND_CLEARED(new, fitbit_step_two, "app", "NULL", NULL, session, "/?a=b", NULL, NULL, &new);
    REFUSED_AND_CLEARED(new, fitbit_step_two, "session", "NULL", app, NULL, "/?a=b", NULL, NULL, &new);
    REFUSED_AND_CLEARED(new, fitbit_step_two, "redirect_uri", "NULL", app, session, NULL, NULL, NULL,
                        &new);
    REFUSED(fitbit_step_two, "client", "NULL", app, session, "/?a=b", NULL, NULL, NULL);

    REFUSED_AND_CLEARED(new, fitbit_login, "app", "NULL", NULL, 1000, opened, NULL, NULL, NULL, &new);
    REFUSED(fitbit_login, "client", "NULL", app, 1000, opened, NULL, NULL, NULL, NULL);

    REFUSED_AND_CLEARED(new, fitbit_from_token, "app", "NULL", NULL, token, NULL, NULL, &new);
    REFUSED_AND_CLEARED(new, fitbit_from_token, "token_json", "NULL", app, NULL, NULL, NULL, &new);
    REFUSED(fitbit_from_token, "client", "NULL", app, token, NULL, NULL, NULL);

    REFUSED_AND_CLEARED(new, fitbit_from_file, "app", "NULL", NULL, "token.json", &new);
    REFUSED_AND_CLEARED(new, fitbit_from_file, "path", "NULL", app, NULL, &new);
    REFUSED(fitbit_from_file, "client", "NULL", app, "token.json", NULL);
}

static void requests(void)
{
    REFUSED_AND_CLEARED(response, fitbit_get, "client", "NULL", NULL, PROFILE, &response);
    REFUSED_AND_CLEARED(response, fitbit_get, "path", "NULL", client, NULL, &response);
    REFUSED(fitbit_get, "response", "NULL", client, PROFILE, NULL);
    REFUSED_AND_CLEARED(response, fitbit_post, "client", "NULL", NULL, PROFILE, "a=b", &response);
    REFUSED_AND_CLEARED(response, fitbit_post, "path", "NULL", client, NULL, "a=b", &response);
    REFUSED(fitbit_post, "response", "NULL", client, PROFILE, "a=b", NULL);
    REFUSED_AND_CLEARED(response, fitbit_delete, "client", "NULL", NULL, FOOD, &response);
    REFUSED_AND_CLEARED(response, fitbit_delete, "path", "NULL", client, NULL, &response);
    REFUSED(fitbit_delete, "response", "NULL", client, FOOD, NULL);

    REFUSED_AND_CLEARED(response, fitbit_request, "client", "NULL", NULL, "GET", PROFILE, "a/b", "c",
                        1, &response);
    REFUSED_AND_CLEARED(response, fitbit_request, "method", "NULL", client, NULL, PROFILE, "a/b", "c",
                        1, &response);
    REFUSED_AND_CLEARED(response, fitbit_request, "path", "NULL", client, "GET", NULL, "a/b", "c", 1,
                        &response);
    REFUSED(fitbit_request, "response", "NULL", client, "GET", PROFILE, "a/b", "c", 1, NULL);
    REFUSED_AND_CLEARED(response, fitbit_request, "body", "NULL with a length", client, "PUT", PROFILE,
                        "a/b", NULL, 1, &response);

    SUCCEED(fitbit_get(client, PROFILE, &page));
    REFUSED_AND_CLEARED(response, fitbit_next_page, "client", "NULL", NULL, page, &response);
    REFUSED_AND_CLEARED(response, fitbit_next_page, "page", "NULL", client, NULL, &response);
    REFUSED(fitbit_next_page, "next", "NULL", client, page, NULL);
    fitbit_response_free(page);

    REFUSED(fitbit_set_header, "client", "NULL", NULL, "X-A", "b");
    REFUSED(fitbit_set_header, "name", "NULL", client, NULL, "b");
    ACCEPTED(fitbit_set_header, "value", "NULL", client, "X-A", NULL);
}

/* Three requests go out here; the test counts them. */
static void requests_without_a_body(void)
{
    ACCEPTED(fitbit_request, "body", "NULL", client, "GET", PROFILE, "a/b", NULL, 0, &response);
    fitbit_response_free(response);
    ACCEPTED(fitbit_request, "content_type", "NULL", client, "GET", PROFILE, NULL, NULL, 0, &response);
    fitbit_response_free(response);
    FAIL(fitbit_post(client, "/1/user/-/foods/log.json", NULL, &response), FITBIT_ERROR_HTTP);
    puts("fitbit_post form NULL");
}

static void handles_on_one_login(void)
{
    FitbitClient *new;
    REFUSED_AND_CLEARED(new, fitbit_dup, "client", "NULL", NULL, &new);
    REFUSED(fitbit_dup, "dup", "NULL", client, NULL);
    REFUSED(fitbit_set_timeout_ms, "client", "NULL", NULL, 1000);
    REFUSED(fitbit_set_rate_limit_wait, "client", "NULL", NULL, 1);
}

static void the_login(void)
{
    REFUSED_AND_CLEARED(text, fitbit_token, "client", "NULL", NULL, &text);
    REFUSED(fitbit_token, "token_json", "NULL", client, NULL);
    REFUSED_AND_CLEARED(text, fitbit_token_field, "client", "NULL", NULL, "scope", &text);
    REFUSED_AND_CLEARED(text, fitbit_token_field, "name", "NULL", client, NULL, &text);
    REFUSED(fitbit_token_field, "value", "NULL", client, "scope", NULL);
    REFUSED_AND_CLEARED(text, fitbit_user_id, "client", "NULL", NULL, &text);
    REFUSED(fitbit_user_id, "user_id", "NULL", client, NULL);
    REFUSED(fitbit_refresh, "client", "NULL", NULL);
    REFUSED(fitbit_save, "client", "NULL", NULL);
    REFUSED(fitbit_revoke, "client", "NULL", NULL);
    REFUSED(fitbit_set_token_file, "client", "NULL", NULL, "token.json");
    REFUSED(fitbit_set_token_file, "path", "NULL", client, NULL);
}

static void notifications(void)
{
    REFUSED(fitbit_verify_signature, "app", "NULL", NULL, "c2ln", "body", 4);
    REFUSED(fitbit_verify_signature, "signature", "NULL", app, NULL, "body", 4);
    REFUSED(fitbit_verify_signature, "body", "NULL with a length", app, "c2ln", NULL, 4);
    FAIL(fitbit_verify_signature(app, "c2ln", NULL, 0), FITBIT_ERROR_SIGNATURE);
    puts("fitbit_verify_signature body NULL");
}

static int guard(FitbitRenewal *renewal, void *user_data)
{
    const char *new;
    CHECK(user_data == NULL);
    new = garbage;
    REFUSED(fitbit_renewal_run, "renewal", "NULL", NULL, NULL, &new);
    CHECK(new == NULL);
    REFUSED(fitbit_renewal_run, "new_token_json", "NULL", renewal, NULL, NULL);
    ACCEPTED(fitbit_renewal_run, "stored_token_json", "NULL", renewal, NULL, &new);
    CHECK(new != NULL);
    return 1;
}

/* One renewal goes out here; the other calls of its guard are refused. */
static void a_renewal(const char *server, const char *token)
{
    FitbitClient *guarded;
    FitbitApp *guarding = app_at(server);
    SUCCEED(fitbit_app_set_renewal_guard(guarding, guard));
    SUCCEED(fitbit_from_token(guarding, token, NULL, NULL, &guarded));
    SUCCEED(fitbit_refresh(guarded));
    fitbit_free(guarded);
    fitbit_app_free(guarding);
}

static void functions_without_an_error(void)
{
    FitbitRateLimit limit = {7, 7, 7};
    CHECK(!fitbit_rate_limit(NULL, &limit));
    CHECK(limit.limit == -1 && limit.remaining == -1 && limit.reset_seconds == -1);
    CHECK(!fitbit_rate_limit(client, NULL) && !fitbit_rate_limit(NULL, NULL));
    CHECK(fitbit_response_status(NULL) == 0);
    CHECK(fitbit_response_body(NULL) == NULL && fitbit_response_body_len(NULL) == 0);
    CHECK(fitbit_response_header(NULL, "a") == NULL && fitbit_response_header(NULL, NULL) == NULL);
    CHECK((int)fitbit_error_code(NULL) == 0);
    CHECK(strcmp(fitbit_error_message(NULL), "") == 0);
    CHECK(fitbit_error_http_status(NULL) == 0);
    CHECK(fitbit_error_provider_type(NULL) == NULL && fitbit_error_body(NULL) == NULL);
    CHECK(fitbit_error_retry_after(NULL) == -1);
    fitbit_error_free(NULL);
    fitbit_response_free(NULL);
    fitbit_free(NULL);
    fitbit_app_cancel(NULL);
    fitbit_abort(NULL);
    fitbit_app_abort(NULL);
    fitbit_app_shutdown(NULL);
    fitbit_app_free(NULL);
    fitbit_string_free(NULL);

    SUCCEED(fitbit_get(client, PROFILE, &response));
    CHECK(fitbit_response_header(response, NULL) == NULL);
    fitbit_response_free(response);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    begin();
    app = app_at(argv[1]);
    unused = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    the_application();
    logging_in(argv[2]);
    requests();
    requests_without_a_body();
    handles_on_one_login();
    the_login();
    notifications();
    functions_without_an_error();
    a_renewal(argv[1], argv[2]);
    fitbit_string_free(uri);
    fitbit_string_free(session);
    fitbit_free(client);
    fitbit_app_free(unused);
    fitbit_app_free(app);
    return 0;
}
