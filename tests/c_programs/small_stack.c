/*
 * Everything that a program does with a login, over TLS, on a thread with a small stack.
 *
 *     small_stack <provider's address> <file with its authority> <the stack in KiB>
 */

#include "program.h"

static FitbitApp *app;
static FitbitClient *client;
static char *address, *session, *redirect;

static void *step_one(void *nothing)
{
    SUCCEED(fitbit_step_one(app, NULL, &address, &session));
    return nothing;
}

static void *all_others(void *nothing)
{
    FitbitResponse *response;
    char *user_id;
    SUCCEED(fitbit_step_two(app, session, redirect, NULL, NULL, &client));
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    CHECK(fitbit_response_status(response) == 200);
    fitbit_response_free(response);
    SUCCEED(fitbit_refresh(client));
    SUCCEED(fitbit_user_id(client, &user_id));
    fitbit_string_free(user_id);
    SUCCEED(fitbit_revoke(client));
    fitbit_free(client);
    fitbit_app_free(app);
    return nothing;
}

static void run(void *(*what)(void *), size_t stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, stack) == 0);
    CHECK(pthread_create(&thread, &attributes, what, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
}

int main(int argc, char **argv)
{
    size_t stack;
    CHECK(argc == 4);
    begin();
    stack = (size_t)atoi(argv[3]) * 1024;
    app = app_at(argv[1]);
    SUCCEED(fitbit_app_set_ca_file(app, argv[2]));
    run(step_one, stack);
    redirect = ask("where the person comes back to from", address);
    run(all_others, stack);
    fitbit_string_free(address);
    fitbit_string_free(session);
    free(redirect);
    return 0;
}
