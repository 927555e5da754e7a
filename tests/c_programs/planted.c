/*
 * One mistake, chosen by the argument, with memory that the library gave out: to prove that the
 * tools which find nothing in the other programs would have found it.
 */

#include "program.h"

#include <limits.h>

static char *session_of(FitbitApp *app)
{
    char *uri, *session;
    SUCCEED(fitbit_step_one(app, NULL, &uri, &session));
    fitbit_string_free(uri);
    return session;
}

static int leak(FitbitApp *app)
{
    /* More than one: the last pointer may survive in a register. */
    for (int i = 0; i < 10; i++) {
        CHECK(session_of(app) != NULL);
    }
    return 0;
}

static int overflow(FitbitApp *app)
{
    char *session = session_of(app);
    volatile const char *end = session + strlen(session) + 1;
    int beyond = *end;
    fitbit_string_free(session);
    return beyond == 256;
}

static int use_after_free(FitbitApp *app)
{
    FitbitError *error = fitbit_app_set_timeout_ms(app, 0);
    volatile const char *message = fitbit_error_message(error);
    fitbit_error_free(error);
    return *message == '\0';
}

static int undefined(const char *mistake)
{
    volatile int most = INT_MAX;
    most += (int)strlen(mistake);
    return most == 0;
}

int main(int argc, char **argv)
{
    FitbitApp *app;
    int result = 0;
    CHECK(argc == 2);
    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "id", NULL, "https://a.example/", &app));
    if (strcmp(argv[1], "leak") == 0) {
        result = leak(app);
    } else if (strcmp(argv[1], "overflow") == 0) {
        result = overflow(app);
    } else if (strcmp(argv[1], "use_after_free") == 0) {
        result = use_after_free(app);
    } else if (strcmp(argv[1], "undefined") == 0) {
        result = undefined(argv[1]);
    }
    fitbit_app_free(app);
    return result;
}
