/*
 * A signal handler calls all four functions that end calls, all the time, while the interrupted thread
 * makes, uses and frees handles of the same application: none of them may take a lock, or allocate.
 *
 *     signals SERVER TOKEN
 */

#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <sys/time.h>

#define PATH "/1/user/-/profile.json"
#define ROUNDS 300

static FitbitApp *app, *app_handle, *other_app;
static FitbitClient *victim;
static volatile sig_atomic_t handled, errno_was_changed;

static void end_everything(int number)
{
    (void)number;
    errno = 77;
    fitbit_app_cancel(app);
    fitbit_abort(victim);
    fitbit_app_abort(app_handle);
    fitbit_app_shutdown(other_app);
    errno_was_changed = errno_was_changed || errno != 77;
    handled++;
}

static void every(long microseconds)
{
    struct itimerval often = {{0, microseconds}, {0, microseconds}};
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

int main(int argc, char **argv)
{
    FitbitClient *client, *others_client;
    FitbitResponse *response;
    int succeeded = 0, cancelled = 0;
    struct sigaction action = {0};
    CHECK(argc == 3);
    setvbuf(stdout, NULL, _IOLBF, 0);
    app = app_at(argv[1]);
    other_app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    SUCCEED(fitbit_from_token(other_app, argv[2], NULL, NULL, &others_client));
    SUCCEED(fitbit_dup(client, &victim));
    SUCCEED(fitbit_app_dup(app, &app_handle));
    action.sa_handler = end_everything;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(raise(SIGALRM) == 0);
    every(300);
    for (int round = 0; round < ROUNDS || handled < ROUNDS || (succeeded < 10 && round < 100 * ROUNDS);
         round++) {
        FitbitClient *dup;
        FitbitApp *handle;
        FitbitError *error;
        SUCCEED(fitbit_dup(round % 2 ? client : victim, &dup));
        SUCCEED(fitbit_app_dup(app, &handle));
        SUCCEED(fitbit_set_header(dup, "Accept-Language", "en_US"));
        if (round % 50 == 0) {
            every(round % 100 == 0 ? 20000 : 300);
        }
        error = round % 10 == 9 ? fitbit_refresh(dup) : fitbit_get(dup, PATH, &response);
        if (error == NULL) {
            succeeded++;
        } else {
            CHECK(fitbit_error_code(error) == FITBIT_ERROR_CANCELLED);
            fitbit_error_free(error);
            cancelled++;
        }
        if (round % 10 != 9) {
            fitbit_response_free(response);
        }
        FAIL(fitbit_get(victim, PATH, &response), FITBIT_ERROR_CANCELLED);
        FAIL(fitbit_get(others_client, PATH, &response), FITBIT_ERROR_CANCELLED);
        fitbit_app_free(handle);
        fitbit_free(dup);
    }
    every(0);
    CHECK(!errno_was_changed);
    printf("%s, %s\n", succeeded > 0 ? "some succeeded" : "none succeeded",
           cancelled > 0 ? "some were cancelled" : "none was cancelled");
    fitbit_free(victim);
    fitbit_free(client);
    fitbit_free(others_client);
    fitbit_app_free(app_handle);
    fitbit_app_free(app);
    fitbit_app_free(other_app);
    return 0;
}
