/*
 * pthread_cancel for a thread that is inside a call: the call goes on to its end, and the thread
 * ends after it.
 *
 *     cancelled_thread <provider's address> <a token>
 */

#include "program.h"

static FitbitApp *app;
static const char *token;
static int answered, came_out, saved, went_on;

static void *get_and_be_cancelled(void *client)
{
    FitbitResponse *response;
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    answered = fitbit_response_status(response);
    fitbit_response_free(response);
    came_out = 1;
    pthread_testcancel();
    went_on = 1;
    return NULL;
}

static int save(const char *token_json, void *user_data)
{
    (void)token_json;
    (void)user_data;
    CHECK(pthread_cancel(pthread_self()) == 0);
    pthread_testcancel();
    saved = 1;
    return 1;
}

static void *be_cancelled_in_a_callback(void *nothing)
{
    FitbitClient **client = nothing;
    SUCCEED(fitbit_from_token(app, token, save, NULL, client));
    SUCCEED(fitbit_refresh(*client));
    pthread_testcancel();
    went_on = 1;
    return NULL;
}

static void *refuse_to_be_cancelled(void *client)
{
    int before;
    FitbitResponse *response;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before) == 0);
    CHECK(before == PTHREAD_CANCEL_ENABLE);
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    fitbit_response_free(response);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before) == 0);
    CHECK(before == PTHREAD_CANCEL_DISABLE);
    return NULL;
}

int main(int argc, char **argv)
{
    FitbitClient *client, *other = NULL;
    pthread_t thread;
    void *end;
    CHECK(argc == 3);
    begin();
    token = argv[2];
    app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, token, NULL, NULL, &client));

    CHECK(pthread_create(&thread, NULL, get_and_be_cancelled, client) == 0);
    have("a request on its way");
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &end) == 0);
    CHECK(end == PTHREAD_CANCELED && answered == 200 && came_out && !went_on);

    CHECK(pthread_create(&thread, NULL, be_cancelled_in_a_callback, &other) == 0);
    CHECK(pthread_join(thread, &end) == 0);
    CHECK(end == PTHREAD_CANCELED && saved && !went_on);

    CHECK(pthread_create(&thread, NULL, refuse_to_be_cancelled, client) == 0);
    CHECK(pthread_join(thread, &end) == 0 && end == NULL);

    fitbit_free(other);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
