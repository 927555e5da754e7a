/*
 * Sixty-four threads on one client whose token has expired: each gets an answer, also where the
 * token cannot be saved.
 *
 *     storm <provider's address> <token> <1: its callback saves; 0: it never does>
 */

#include "program.h"

#define THREADS 64

static pthread_barrier_t start;

struct store {
    int saves, offered;
    pthread_mutex_t one_at_a_time;
};

static int save(const char *token_json, void *user_data)
{
    struct store *store = user_data;
    CHECK(pthread_mutex_trylock(&store->one_at_a_time) == 0);
    CHECK(token_json[0] == '{');
    store->offered++;
    pthread_mutex_unlock(&store->one_at_a_time);
    return store->saves;
}

static void *one(void *client)
{
    FitbitResponse *response;
    pthread_barrier_wait(&start);
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    CHECK(fitbit_response_status(response) == 200);
    /* What one thread was given, another one may free. */
    return response;
}

/* Once by fitbit_save(), once by fitbit_free(); a saved one never again. */
static void end(FitbitClient *client, struct store *store)
{
    int before = store->offered, unsaved = !store->saves;
    if (unsaved) {
        /* When it was new, and before later requests: not more than once for each thread. */
        CHECK(before >= 1 && before <= THREADS);
        FAIL(fitbit_save(client), FITBIT_ERROR_STORE);
    } else {
        CHECK(before == 1);
        SUCCEED(fitbit_save(client));
    }
    CHECK(store->offered == before + unsaved);
    fitbit_free(client);
    CHECK(store->offered == before + 2 * unsaved);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    FitbitClient *client;
    CHECK(argc == 4);
    begin();
    struct store store = {atoi(argv[3]), 0, PTHREAD_MUTEX_INITIALIZER};
    CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
    FitbitApp *app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], save, &store, &client));
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, one, client) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *response;
        CHECK(pthread_join(threads[i], &response) == 0);
        CHECK(strstr(fitbit_response_body(response), "encodedId") != NULL);
        fitbit_response_free(response);
    }
    end(client, &store);
    fitbit_app_free(app);
    pthread_barrier_destroy(&start);
    puts("calm");
    return 0;
}
