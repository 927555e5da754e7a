/*
 * What the header forbids, on purpose: the thread sanitizer has to see it, on the library's side.
 *
 *     planted <free_while_reading | write_while_reading>
 */

#include "../c_programs/program.h"

#include <sched.h>

static char scopes[] = "sleep heartrate profile";
static FitbitApp *app;
static FitbitError *error;
/* Atomic without a barrier: it orders the two in time, and nothing for the sanitizer. */
static int begun;

static void *read_it(void *mistake)
{
    if (strcmp(mistake, "free_while_reading") == 0) {
        CHECK(fitbit_error_code(error) == FITBIT_ERROR_INVALID_ARGUMENT);
    } else {
        SUCCEED(fitbit_app_set_scopes(app, scopes));
    }
    __atomic_store_n(&begun, 1, __ATOMIC_RELAXED);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t reader;
    CHECK(argc == 2);
    begin();
    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "id", NULL, NULL, &app));
    int frees = strcmp(argv[1], "free_while_reading") == 0;
    if (frees) {
        error = fitbit_app_set_timeout_ms(app, 0);
    }
    CHECK(pthread_create(&reader, NULL, read_it, argv[1]) == 0);
    while (__atomic_load_n(&begun, __ATOMIC_RELAXED) == 0) {
        sched_yield();
    }
    if (frees) {
        fitbit_error_free(error);
    } else {
        /* The sanitizer remembers only a few accesses to each word: one of these meets a reading. */
        for (size_t at = 0; at < sizeof scopes - 1; at++) {
            scopes[at] = 'S';
        }
    }
    CHECK(pthread_join(reader, NULL) == 0);
    fitbit_app_free(app);
    return 0;
}
