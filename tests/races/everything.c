/*
 * One client, used by eight threads in every way that the header allows at once: requests and
 * renewals, its token, its headers, its limit, handles whose calls are ended; other clients are made, renewed and freed beside it; the
 * app is freed in the midst of it, and a logger hears everything.
 *
 *     everything <provider's address> <an expired token> <another person's expired token>
 */

#include "../c_programs/program.h"

#define THREADS 8
#define ROUNDS 6

static pthread_barrier_t start;
static const char *others_token;
static FitbitApp *app;
static FitbitClient *client;

static void log_line(FitbitLogLevel level, const char *message, void *user_data)
{
    CHECK(level >= FITBIT_LOG_ERROR && message[0] != '\0');
    __atomic_fetch_add((int *)user_data, 1, __ATOMIC_RELAXED);
}

static int save(const char *token_json, void *user_data)
{
    char *token;
    CHECK(token_json[0] == '{' && user_data == NULL);
    SUCCEED(fitbit_token(client, &token));
    fitbit_string_free(token);
    return 1;
}

static int save_nowhere(const char *token_json, void *user_data)
{
    (void)user_data;
    return token_json[0] == '{';
}

static void ask_for_something(void)
{
    FitbitResponse *response;
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    CHECK(strstr(fitbit_response_body(response), "encodedId") != NULL);
    fitbit_response_free(response);
}

static void look_at_it(int round)
{
    char *token, *scope, *user_id;
    FitbitRateLimit limit;
    SUCCEED(fitbit_token(client, &token));
    SUCCEED(fitbit_token_field(client, "scope", &scope));
    SUCCEED(fitbit_user_id(client, &user_id));
    SUCCEED(fitbit_set_header(client, "Accept-Language", round % 2 ? "de_DE" : NULL));
    (void)fitbit_rate_limit(client, &limit);
    SUCCEED(fitbit_save(client));
    fitbit_string_free(token);
    fitbit_string_free(scope);
    fitbit_string_free(user_id);
}

static void *end_it(void *handle)
{
    fitbit_abort(handle);
    return NULL;
}

/* A handle of its own, whose call another thread ends. */
static void end_a_handle(int round)
{
    FitbitClient *mine;
    FitbitResponse *response = NULL;
    FitbitError *error;
    pthread_t other;
    SUCCEED(fitbit_dup(client, &mine));
    SUCCEED(fitbit_set_timeout_ms(mine, 60000));
    SUCCEED(fitbit_set_rate_limit_wait(mine, 1));
    CHECK(pthread_create(&other, NULL, end_it, mine) == 0);
    error = round % 2 ? fitbit_refresh(mine) : fitbit_get(mine, "/1/user/-/profile.json", &response);
    CHECK(error == NULL || fitbit_error_code(error) == FITBIT_ERROR_CANCELLED);
    CHECK(pthread_join(other, NULL) == 0);
    fitbit_error_free(error);
    fitbit_response_free(response);
    fitbit_free(mine);
}

static void *one(void *number)
{
    int me = *(int *)number;
    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS; round++) {
        switch ((me + round) % 4) {
        case 0: ask_for_something(); break;
        case 1: look_at_it(round); break;
        case 2: end_a_handle(round); break;
        default: SUCCEED(fitbit_refresh(client)); break;
        }
    }
    return NULL;
}

/* Another person's whole life, and the end of the app, while the others are at work. */
static void *come_and_go(void *unused)
{
    FitbitClient *other;
    FitbitResponse *response;
    SUCCEED(fitbit_from_token(app, others_token, save_nowhere, NULL, &other));
    pthread_barrier_wait(&start);
    fitbit_app_free(app);
    SUCCEED(fitbit_get(other, "/1/user/-/profile.json", &response));
    fitbit_free(other);
    fitbit_response_free(response);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS], guest;
    int numbers[THREADS], lines = 0;
    CHECK(argc == 4);
    begin();
    others_token = argv[3];
    CHECK(pthread_barrier_init(&start, NULL, THREADS + 1) == 0);
    app = app_at(argv[1]);
    SUCCEED(fitbit_app_set_logger(app, FITBIT_LOG_TRACE, log_line, &lines));
    SUCCEED(fitbit_from_token(app, argv[2], save, NULL, &client));
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, one, &numbers[i]) == 0);
    }
    CHECK(pthread_create(&guest, NULL, come_and_go, NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(pthread_join(guest, NULL) == 0);
    fitbit_free(client);
    CHECK(lines > THREADS);
    pthread_barrier_destroy(&start);
    puts("all at once");
    return 0;
}
