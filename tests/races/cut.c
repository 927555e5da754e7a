/*
 * One client on six threads, whose renewals are cut: calls with little time, handles that another
 * thread ends, and an app that is cancelled, beside calls that have time and read what was left.
 *
 *     cut <provider> <client id> <client secret> <token endpoint> <API> <path> <an expired token>
 */

#include "../c_programs/program.h"

#include <time.h>

#define THREADS 6
#define ROUNDS 8
#define LITTLE_MS 25

static pthread_barrier_t start;
static const char *path;
static FitbitApp *app;
static FitbitClient *client;

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    return token_json[0] == '{';
}

/* The call may have been cut; nothing else may have happened to it. */
static void may_be_cut(FitbitError *error)
{
    if (error) {
        FitbitErrorCode code = fitbit_error_code(error);
        CHECK(code == FITBIT_ERROR_TIMEOUT || code == FITBIT_ERROR_CANCELLED);
    }
    fitbit_error_free(error);
}

static void *end_it(void *handle)
{
    struct timespec while_it_is_asked = {0, 10 * 1000 * 1000};
    nanosleep(&while_it_is_asked, NULL);
    fitbit_abort(handle);
    return NULL;
}

static void ask_with_time(int round)
{
    FitbitResponse *response = NULL;
    may_be_cut(round % 2 ? fitbit_refresh(client) : fitbit_get(client, path, &response));
    fitbit_response_free(response);
}

static void ask_with_little_time(void)
{
    FitbitClient *mine;
    SUCCEED(fitbit_dup(client, &mine));
    SUCCEED(fitbit_set_timeout_ms(mine, LITTLE_MS));
    may_be_cut(fitbit_refresh(mine));
    fitbit_free(mine);
}

static void end_a_handle(void)
{
    FitbitClient *mine;
    pthread_t other;
    SUCCEED(fitbit_dup(client, &mine));
    CHECK(pthread_create(&other, NULL, end_it, mine) == 0);
    may_be_cut(fitbit_refresh(mine));
    CHECK(pthread_join(other, NULL) == 0);
    fitbit_free(mine);
}

static void *one(void *number)
{
    int me = *(int *)number;
    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS; round++) {
        switch ((me + round) % 4) {
        case 0: ask_with_time(round); break;
        case 1: ask_with_little_time(); break;
        case 2: end_a_handle(); break;
        default:
            if (me == 0)
                fitbit_app_cancel(app);
            ask_with_little_time();
            break;
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    CHECK(argc == 8);
    begin();
    path = argv[6];
    CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
    SUCCEED(fitbit_app_new((FitbitProvider)atoi(argv[1]), argv[2], argv[3], NULL, &app));
    SUCCEED(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[4]));
    SUCCEED(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[5]));
    SUCCEED(fitbit_app_set_timeout_ms(app, PATIENCE_MS));
    SUCCEED(fitbit_from_token(app, argv[7], save, NULL, &client));
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, one, &numbers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    SUCCEED(fitbit_refresh(client));
    fitbit_free(client);
    fitbit_app_free(app);
    pthread_barrier_destroy(&start);
    puts("cut and read");
    return 0;
}
