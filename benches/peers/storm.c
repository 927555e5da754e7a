/* The renewal storm: storm SERVER THREADS get|refresh|floor
 * Every thread wants something of one client, whose token has expired, at the same time. Prints how
 * many of them got it; with "refresh", where nothing but the renewal is waited for, then for each
 * the microseconds from the new token's being handed to on_token to its being up again. The floor is
 * a condition variable that all wait for: what this machine needs to get so many threads up. */
#include "threads.h"
#include <fitbit.h>

struct waiter {
    pthread_t thread;
    int answered;
    long long up;
};

static FitbitClient *client;
static pthread_barrier_t begin;
static enum { GET, REFRESH, FLOOR } wish;
static long long handed_out;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;

static void check(FitbitError *error)
{
    if (error != NULL)
        require(0, fitbit_error_message(error));
}

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    handed_out = now();
    return token_json[0] == '{';
}

static void *want(void *argument)
{
    struct waiter *waiter = argument;
    FitbitResponse *response;
    FitbitError *error = NULL;

    pthread_barrier_wait(&begin);
    if (wish == FLOOR) {
        pthread_mutex_lock(&lock);
        while (handed_out == 0)
            pthread_cond_wait(&done, &lock);
        pthread_mutex_unlock(&lock);
        waiter->up = now();
        waiter->answered = 1;
    } else if (wish == REFRESH) {
        error = fitbit_refresh(client);
        waiter->up = now();
        waiter->answered = error == NULL;
    } else {
        error = fitbit_get(client, "/1/user/-/2048.json", &response);
        waiter->answered = error == NULL && fitbit_response_body_len(response) == 2048;
        fitbit_response_free(response);
    }
    if (error != NULL)
        fprintf(stderr, "%s\n", fitbit_error_message(error));
    fitbit_error_free(error);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct waiter waiters[MOST_THREADS];
    FitbitApp *app;
    char uri[256];
    int i, threads, answered = 0;

    require(argc == 4, "SERVER THREADS get|refresh|floor");
    threads = threads_of(argv[2]);
    wish = argv[3][0] == 'g' ? GET : argv[3][0] == 'r' ? REFRESH : FLOOR;
    check(fitbit_app_new(FITBIT_PROVIDER_FITBIT, CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, &app));
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]));
    snprintf(uri, sizeof uri, "%s/oauth2/token", argv[1]);
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, uri));
    check(fitbit_from_token(
        app, "{\"access_token\":\"" ACCESS_TOKEN "\",\"refresh_token\":\"one\",\"expires_at\":1}", save,
        NULL, &client));
    pthread_barrier_init(&begin, NULL, (unsigned)threads);
    for (i = 0; i < threads; i++)
        require(pthread_create(&waiters[i].thread, NULL, want, &waiters[i]) == 0, "no thread");
    if (wish == FLOOR) {
        struct timespec while_all_come = {0, 300000000};
        nanosleep(&while_all_come, NULL);
        pthread_mutex_lock(&lock);
        handed_out = now();
        pthread_cond_broadcast(&done);
        pthread_mutex_unlock(&lock);
    }
    for (i = 0; i < threads; i++) {
        pthread_join(waiters[i].thread, NULL);
        answered += waiters[i].answered;
    }
    printf("%d\n", answered);
    for (i = 0; wish != GET && i < threads; i++)
        printf("%lld\n", (waiters[i].up - handed_out) / 1000);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
