/*
 * Ends a call while the process has no descriptor left: one that waits for the provider's rate limit, and
 * one that waits for a response on a kept connection.
 *
 *     crowded SERVER TOKEN
 */

#include "measure.h"

#include <errno.h>
#include <sys/resource.h>

#define LIMITED "/1/user/-/profile.json"
#define SILENT "/1.2/user/-/sleep/date/today.json"

struct call {
    FitbitClient *client;
    const char *path;
    FitbitErrorCode code;
    long long returned_us;
};

static void *make(void *data)
{
    struct call *call = data;
    FitbitResponse *response;
    FitbitError *error = fitbit_get(call->client, call->path, &response);
    call->returned_us = now_us();
    call->code = fitbit_error_code(error);
    fitbit_error_free(error);
    fitbit_response_free(response);
    return NULL;
}

static void end(struct call *call, pthread_t thread)
{
    long long ending = now_us();
    fitbit_abort(call->client);
    CHECK(pthread_join(thread, NULL) == 0);
    printf("%s %s\n", fitbit_error_code_name(call->code),
           call->returned_us - ending < 5000000 ? "soon" : "late");
    fitbit_free(call->client);
}

int main(int argc, char **argv)
{
    struct rlimit limit = {64, 64};
    struct call limited = {NULL, LIMITED, 0, 0}, silent = {NULL, SILENT, 0, 0};
    pthread_t threads[2];
    FitbitClient *client;
    CHECK(argc == 3);
    begin();
    FitbitApp *app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    SUCCEED(fitbit_dup(client, &limited.client));
    SUCCEED(fitbit_dup(client, &silent.client));
    SUCCEED(fitbit_set_rate_limit_wait(limited.client, 1000));
    CHECK(pthread_create(&threads[0], NULL, make, &limited) == 0);
    /* The provider has answered this one: its connection is kept. */
    sleep_ms(1000);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    CHECK(errno == EMFILE);
    CHECK(pthread_create(&threads[1], NULL, make, &silent) == 0);
    sleep_ms(500);
    end(&silent, threads[1]);
    end(&limited, threads[0]);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
