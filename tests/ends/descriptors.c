/*
 * A program that has closed standard input, output and error. While its calls run, nothing of the library
 * may be under one of these numbers.
 *
 *     descriptors SERVER TOKEN
 */

#include "measure.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define PATH "/1/user/-/profile.json"

static atomic_int over, looks, found;

/*
 * Whether a socket under a low number has a local port: it connects, is connected, or listens. A socket
 * that was made a moment ago, and is about to get a higher number, has none.
 */
static void *look(void *none)
{
    while (!atomic_load(&over)) {
        for (int low = 0; low < 3; low++) {
            struct sockaddr_in address;
            socklen_t len = sizeof address;
            if (getsockname(low, (struct sockaddr *)&address, &len) == 0 && address.sin_port != 0) {
                atomic_fetch_add(&found, 1);
            }
        }
        atomic_fetch_add(&looks, 1);
    }
    return none;
}

static void *ask_in_vain(void *client)
{
    FitbitResponse *response;
    FAIL(fitbit_get(client, "/1.2/user/-/sleep/date/today.json", &response), FITBIT_ERROR_TIMEOUT);
    return NULL;
}

int main(int argc, char **argv)
{
    FitbitClient *client;
    FitbitResponse *response;
    pthread_t looking, asking;
    int worked = 0, steady = 0;
    CHECK(argc == 3);
    begin();
    FILE *out = fdopen(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), "w");
    CHECK(out != NULL);
    for (int low = 0; low < 3; low++) {
        close(low);
    }
    FitbitApp *app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    CHECK(pthread_create(&looking, NULL, look, NULL) == 0);
    /* The server is slow, and does not answer the last one. */
    SUCCEED(fitbit_set_timeout_ms(client, 20000));
    for (int i = 0; i < 5; i++) {
        SUCCEED(fitbit_get(client, PATH, &response));
        fitbit_response_free(response);
        SUCCEED(fitbit_refresh(client));
        worked++;
    }
    SUCCEED(fitbit_set_timeout_ms(client, 2000));
    CHECK(pthread_create(&asking, NULL, ask_in_vain, client) == 0);
    sleep_ms(1000);
    for (int low = 0; low < 3; low++) {
        steady += fcntl(low, F_GETFD) >= 0;
    }
    CHECK(pthread_join(asking, NULL) == 0);
    atomic_store(&over, 1);
    CHECK(pthread_join(looking, NULL) == 0);
    fprintf(out, "%d worked, found %d, %d while a call waited, %s\n", worked, atomic_load(&found),
            steady, atomic_load(&looks) > 100 ? "looked often" : "did not look");
    fclose(out);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
