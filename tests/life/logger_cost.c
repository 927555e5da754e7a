/* How often a GET allocates memory, with a logger of a level, or none: this program's malloc counts.
 *
 * logger_cost API TOKEN-JSON PATH LEVEL (0: no logger). It prints the allocations of 100 requests on a
 * connection that is open, and how many lines the logger was told. */
#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static unsigned long allocations, lines;

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    allocations++;
    return __libc_realloc(old, size);
}

static void count(FitbitLogLevel level, const char *message, void *user_data) {
    (void)level, (void)message, (void)user_data;
    lines++;
}

static void must(FitbitError *error) {
    if (error) {
        fprintf(stderr, "%s\n", fitbit_error_message(error));
        exit(1);
    }
}

static void get(FitbitClient *client, const char *path) {
    FitbitResponse *response;
    must(fitbit_get(client, path, &response));
    fitbit_response_free(response);
}

int main(int argc, char **argv) {
    FitbitApp *app;
    FitbitClient *client;
    unsigned long before;
    int level, nth;
    if (argc != 5) return 2;
    must(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "22SRVR", "secret", NULL, &app));
    must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]));
    level = atoi(argv[4]);
    if (level) must(fitbit_app_set_logger(app, (FitbitLogLevel)level, count, NULL));
    must(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    for (nth = 0; nth < 10; nth++) get(client, argv[3]);
    lines = 0;
    before = allocations;
    for (nth = 0; nth < 100; nth++) get(client, argv[3]);
    before = allocations - before;
    printf("%lu %lu\n", before, lines);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
