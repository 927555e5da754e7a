/*
 * A callback that calls the library: its own client tells the new token and refuses what would
 * wait for itself; another client works, a renewal and a callback of its own included. This
 * callback never saves, so it is asked again, and once more when its client is freed. A guard lives
 * by the same rules.
 *
 *     reentry <provider's address> <a token> <another person's expired token>
 */

#include "program.h"

struct person {
    FitbitApp *app;
    FitbitClient *own;
    FitbitClient *other;
    int offered;
    int freeing;
};

static int save_the_others(const char *token_json, void *user_data)
{
    CHECK(token_json[0] == '{');
    ++*(int *)user_data;
    return 1;
}

static void own_client(const struct person *me, const char *token_json)
{
    char *token, *field, *user_id;
    FitbitResponse *response;
    FitbitRateLimit limit;
    SUCCEED(fitbit_token(me->own, &token));
    CHECK(strcmp(token, token_json) == 0);
    SUCCEED(fitbit_token_field(me->own, "access_token", &field));
    CHECK(strstr(token_json, field) != NULL);
    SUCCEED(fitbit_user_id(me->own, &user_id));
    SUCCEED(fitbit_set_header(me->own, "Accept-Language", "en_GB"));
    (void)fitbit_rate_limit(me->own, &limit);

    FAIL(fitbit_get(me->own, "/1/user/-/profile.json", &response), FITBIT_ERROR_INVALID_ARGUMENT);
    CHECK(response == NULL);
    FAIL(fitbit_post(me->own, "/1/a", NULL, &response), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(fitbit_delete(me->own, "/1/a", &response), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(fitbit_request(me->own, "PUT", "/1/a", NULL, NULL, 0, &response),
         FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(fitbit_refresh(me->own), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(fitbit_save(me->own), FITBIT_ERROR_INVALID_ARGUMENT);
    FAIL(fitbit_set_token_file(me->own, "/none/token"), FITBIT_ERROR_INVALID_ARGUMENT);
    fitbit_string_free(token);
    fitbit_string_free(field);
    fitbit_string_free(user_id);
}

static void everything_else(const struct person *me, const char *token_json)
{
    char *uri, *session;
    FitbitClient *passing;
    FitbitApp *app;
    FitbitResponse *response;
    SUCCEED(fitbit_get(me->other, "/1/user/-/profile.json", &response));
    CHECK(fitbit_response_status(response) == 200);
    fitbit_response_free(response);

    SUCCEED(fitbit_step_one(me->app, NULL, &uri, &session));
    fitbit_string_free(uri);
    fitbit_string_free(session);
    FAIL(fitbit_app_set_timeout_ms(me->app, 1), FITBIT_ERROR_INVALID_ARGUMENT);

    SUCCEED(fitbit_from_token(me->app, token_json, NULL, NULL, &passing));
    SUCCEED(fitbit_get(passing, "/1/user/-/profile.json", &response));
    fitbit_response_free(response);
    fitbit_free(passing);

    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "id", NULL, NULL, &app));
    fitbit_app_free(app);
}

static int never_save(const char *token_json, void *user_data)
{
    struct person *me = user_data;
    me->offered++;
    own_client(me, token_json);
    if (!me->freeing) {
        everything_else(me, token_json);
    }
    return 0;
}

static int guard(FitbitRenewal *renewal, void *user_data)
{
    struct person *me = user_data;
    const char *token_json;
    char *before;
    me->offered++;
    SUCCEED(fitbit_token(me->own, &before));
    own_client(me, before);
    SUCCEED(fitbit_renewal_run(renewal, before, &token_json));
    CHECK(token_json != NULL && strcmp(before, token_json) != 0);
    own_client(me, token_json);
    everything_else(me, token_json);
    fitbit_string_free(before);
    return 1;
}

/* One renewal, inside which both the old and the new token are this client's. */
static void renew_in_a_guard(const char *server, struct person *me, const char *token)
{
    me->offered = 0;
    me->app = app_at(server);
    SUCCEED(fitbit_app_set_renewal_guard(me->app, guard));
    SUCCEED(fitbit_from_token(me->app, token, NULL, me, &me->own));
    SUCCEED(fitbit_refresh(me->own));
    CHECK(me->offered == 1);
    fitbit_app_free(me->app);
    fitbit_free(me->own);
    CHECK(me->offered == 1);
}

int main(int argc, char **argv)
{
    struct person me = {0};
    char *newest;
    int others = 0;
    FitbitResponse *response;
    CHECK(argc == 4);
    begin();
    me.app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(me.app, argv[2], never_save, &me, &me.own));
    SUCCEED(fitbit_from_token(me.app, argv[3], save_the_others, &others, &me.other));

    FAIL(fitbit_refresh(me.own), FITBIT_ERROR_STORE);
    CHECK(me.offered == 1 && others == 1);
    FAIL(fitbit_save(me.own), FITBIT_ERROR_STORE);
    CHECK(me.offered == 2);
    SUCCEED(fitbit_get(me.own, "/1/user/-/profile.json", &response));
    fitbit_response_free(response);
    CHECK(me.offered == 3 && others == 1);

    fitbit_app_free(me.app);
    me.app = NULL;
    me.freeing = 1;
    SUCCEED(fitbit_token(me.own, &newest));
    fitbit_free(me.own);
    CHECK(me.offered == 4);
    renew_in_a_guard(argv[1], &me, newest);
    fitbit_string_free(newest);
    fitbit_free(me.other);
    CHECK(others == 1);
    puts("came back");
    return 0;
}
