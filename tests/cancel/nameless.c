/*
 * A request whose host's name is looked up for ever: this program has a resolver of its own.
 *
 *     nameless <a token>
 */

#include "../c_programs/program.h"

#include <netdb.h>
#include <sched.h>
#include <stdatomic.h>

static atomic_int looking;

/* The library's calls come here, as the program stands before the C library. */
int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    (void)node, (void)service, (void)hints, (void)found;
    atomic_store(&looking, 1);
    for (;;) {
        pause();
    }
}

static void *call(void *client)
{
    FitbitResponse *response;
    FAIL(fitbit_get(client, "/1/user/-/profile.json", &response), FITBIT_ERROR_CANCELLED);
    puts("cancelled");
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    FitbitApp *app;
    FitbitClient *client;
    CHECK(argc == 2);
    begin();
    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "id", NULL, NULL, &app));
    SUCCEED(fitbit_app_set_proxy(app, NULL));
    SUCCEED(fitbit_app_set_timeout_ms(app, PATIENCE_MS));
    SUCCEED(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, "https://nowhere.example"));
    SUCCEED(fitbit_from_token(app, argv[1], NULL, NULL, &client));
    CHECK(pthread_create(&thread, NULL, call, client) == 0);
    while (!atomic_load(&looking)) {
        sched_yield();
    }
    fitbit_app_cancel(app);
    CHECK(pthread_join(thread, NULL) == 0);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
