/*
 * Healthy requests on four threads; then, beside them, fifty calls a second with a tenth of a second of
 * patience to a path that is silent, or to another server that is. It prints what both cost.
 *
 *     patience timeout|abort SERVER TOKEN SECONDS [SILENT SERVER]
 */

#include "nowhere.h"

#include "measure.h"

#include <stdatomic.h>

#define HEALTHY "/1/user/-/profile.json"
#define SILENT "/1.2/user/-/sleep/date/today.json"
#define THREADS 4
#define PATIENCE_US 100000
#define EVERY_US 20000
#define MOST 64

static FitbitClient *client, *in_vain;
static atomic_int over, healthy, unhealthy, ended, wrong;
static atomic_llong slowest_us, latest_us;
static int aborts;

/* A call under way; the scheduler aborts it. The thread frees it when the abort has returned. */
struct impatient {
    FitbitClient *dup;
    pthread_t thread;
    long long begun_us;
    atomic_int aborted, done;
    int used;
};

static void keep_most(atomic_llong *most, long long value)
{
    long long seen = atomic_load(most);
    while (value > seen && !atomic_compare_exchange_weak(most, &seen, value)) {
    }
}

static void *ask_for_ever(void *none)
{
    while (!atomic_load(&over)) {
        FitbitResponse *response;
        long long begun = now_us();
        FitbitError *error = fitbit_get(client, HEALTHY, &response);
        keep_most(&slowest_us, now_us() - begun);
        atomic_fetch_add(error == NULL ? &healthy : &unhealthy, 1);
        fitbit_error_free(error);
        fitbit_response_free(response);
        sleep_ms(10);
    }
    return none;
}

static void *ask_in_vain(void *call)
{
    struct impatient *mine = call;
    FitbitResponse *response;
    FitbitErrorCode expected = aborts ? FITBIT_ERROR_CANCELLED : FITBIT_ERROR_TIMEOUT;
    FitbitError *error = fitbit_get(mine->dup, SILENT, &response);
    keep_most(&latest_us, now_us() - mine->begun_us - PATIENCE_US);
    atomic_fetch_add(fitbit_error_code(error) == expected ? &ended : &wrong, 1);
    fitbit_error_free(error);
    fitbit_response_free(response);
    atomic_store(&mine->done, 1);
    return NULL;
}

static void begin_call(struct impatient *call)
{
    memset(call, 0, sizeof *call);
    call->used = 1;
    SUCCEED(fitbit_dup(in_vain, &call->dup));
    if (!aborts) {
        SUCCEED(fitbit_set_timeout_ms(call->dup, PATIENCE_US / 1000));
    }
    call->begun_us = now_us();
    CHECK(pthread_create(&call->thread, NULL, ask_in_vain, call) == 0);
}

static void look_after(struct impatient *call)
{
    if (aborts && !atomic_load(&call->aborted) && now_us() - call->begun_us >= PATIENCE_US) {
        fitbit_abort(call->dup);
        atomic_store(&call->aborted, 1);
    }
    if (atomic_load(&call->done)) {
        CHECK(pthread_join(call->thread, NULL) == 0);
        fitbit_free(call->dup);
        call->used = 0;
    }
}

static int the_greater(int one, int other)
{
    return one > other ? one : other;
}

int main(int argc, char **argv)
{
    static struct impatient calls[MOST];
    pthread_t threads[THREADS];
    int alone[2] = {0, 0}, beside[2] = {0, 0}, before, crowded = 0;
    CHECK(argc == 5 || argc == 6);
    begin();
    aborts = strcmp(argv[1], "abort") == 0;
    long long time_us = atoll(argv[4]) * 1000000;
    FitbitApp *app = app_at(argv[2]), *silent = app_at(argc == 6 ? argv[5] : argv[2]);
    SUCCEED(fitbit_from_token(app, argv[3], NULL, NULL, &client));
    if (argc == 6) {
        SUCCEED(fitbit_from_token(silent, argv[3], NULL, NULL, &in_vain));
    } else {
        SUCCEED(fitbit_dup(client, &in_vain));
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, ask_for_ever, NULL) == 0);
    }
    for (long long begun = now_us(); now_us() - begun < 3000000; sleep_ms(10)) {
        alone[0] = the_greater(alone[0], threads_now());
        alone[1] = the_greater(alone[1], sockets_now());
    }
    before = atomic_load(&healthy);
    printf("alone_threads %d\nalone_sockets %d\nalone_calls %d\nalone_slowest_us %lld\n", alone[0],
           alone[1], before, atomic_exchange(&slowest_us, 0));

    long long begun = now_us(), next = begun;
    int left = 1;
    while (now_us() - begun < time_us || left > 0) {
        left = 0;
        for (int i = 0; i < MOST; i++) {
            if (calls[i].used) {
                look_after(&calls[i]);
            } else if (now_us() >= next && now_us() - begun < time_us) {
                begin_call(&calls[i]);
                /* A machine that was busy elsewhere does not catch up: that would be a burst. */
                next = now_us() < next + EVERY_US ? next + EVERY_US : now_us() + EVERY_US;
            }
            left += calls[i].used;
        }
        crowded += left == MOST;
        beside[0] = the_greater(beside[0], threads_now());
        beside[1] = the_greater(beside[1], sockets_now());
        sleep_ms(2);
    }
    atomic_store(&over, 1);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    printf("threads %d\nsockets %d\ncalls %d\nslowest_us %lld\n", beside[0], beside[1],
           atomic_load(&healthy) - before, atomic_load(&slowest_us));
    printf("unhealthy %d\nended %d\nwrong %d\nlatest_us %lld\ncrowded %d\n", atomic_load(&unhealthy),
           atomic_load(&ended), atomic_load(&wrong), atomic_load(&latest_us), crowded);
    fitbit_free(in_vain);
    fitbit_free(client);
    fitbit_app_free(silent);
    fitbit_app_free(app);
    return 0;
}
