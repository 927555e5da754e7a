/*
 * Eight calls on eight threads, cancelled by the ninth as soon as they are under way; then one more.
 *
 *     cancelling <provider's address> <a token>
 */

#include "../c_programs/program.h"

#include <time.h>

#define PROFILE "/1/user/-/profile.json"
#define THREADS 8

static FitbitClient *client;

static void *call(void *result)
{
    FitbitResponse *response;
    FitbitError *error = fitbit_get(client, PROFILE, &response);
    *(FitbitErrorCode *)result = fitbit_error_code(error);
    fitbit_error_free(error);
    fitbit_response_free(response);
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct timespec pause = {2, 0};
    pthread_t threads[THREADS];
    FitbitErrorCode codes[THREADS], last;
    int cancelled = 0;
    CHECK(argc == 3);
    begin();
    FitbitApp *app = app_at(argv[1]);
    fitbit_app_cancel(NULL);
    fitbit_app_cancel(app);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, call, &codes[i]) == 0);
    }
    nanosleep(&pause, NULL);
    fitbit_app_cancel(app);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        cancelled += codes[i] == FITBIT_ERROR_CANCELLED;
    }
    call(&last);
    printf("%d cancelled, %d answered\n", cancelled, (int)last == 0);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
