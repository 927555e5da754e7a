/*
 * Sixty-four threads on one client whose token has expired: each gets an answer.
 *
 *     storm <provider's address> <token>
 */

#include "program.h"

#define THREADS 64

static pthread_barrier_t start;
static int saves;

/* Callbacks of one client run one at a time: no lock is needed here. */
static int save(const char *token_json, void *user_data)
{
    int *count = user_data;
    CHECK(token_json[0] == '{');
    (*count)++;
    return 1;
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

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    FitbitClient *client;
    CHECK(argc == 3);
    begin();
    CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
    FitbitApp *app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], save, &saves, &client));
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, one, client) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *response;
        CHECK(pthread_join(threads[i], &response) == 0);
        CHECK(strstr(fitbit_response_body(response), "encodedId") != NULL);
        fitbit_response_free(response);
    }
    fitbit_free(client);
    fitbit_app_free(app);
    pthread_barrier_destroy(&start);
    printf("%d saved\n", saves);
    return 0;
}
