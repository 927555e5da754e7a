/*
 * A daemon: descriptors 0, 1 and 2 are closed, and the program prints and reads all the time, as a
 * library in it may that does not know. It saves, opens and renews a login in a token file, and
 * reports on a descriptor that it made before: "ok", or what went wrong.
 *
 * usage: daemon SERVER CLIENT_ID CLIENT_SECRET PATH TOKEN
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <fitbit.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int report;
static atomic_int reading = 1, stopped, only_prints;

static void *print(void *nothing)
{
    static const char text[] = "a line of the daemon's own\n";
    char input[512];
    ssize_t ignored;
    while (!atomic_load(&stopped)) {
        ignored = write(1, text, sizeof text - 1);
        ignored = write(2, text, sizeof text - 1);
        if (atomic_load(&reading))
            ignored = read(0, input, sizeof input);
        else
            atomic_store(&only_prints, 1);
    }
    (void)ignored;
    return nothing;
}

static void must(FitbitError *error, const char *what)
{
    if (error == NULL)
        return;
    dprintf(report, "%s: %s\n", what, fitbit_error_message(error));
    exit(1);
}

int main(int argc, char **argv)
{
    FitbitApp *app;
    FitbitClient *client, *opened;
    pthread_t printing;
    char token_endpoint[256];
    if (argc != 6)
        return 2;
    report = fcntl(1, F_DUPFD, 100);
    if (report < 0)
        return 3;
    close(0);
    close(1);
    close(2);
    snprintf(token_endpoint, sizeof token_endpoint, "%s/oauth2/token", argv[1]);
    must(fitbit_app_new(FITBIT_PROVIDER_FITBIT, argv[2], argv[3], NULL, &app), "app");
    must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, token_endpoint), "endpoint");
    must(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]), "endpoint");
    must(fitbit_from_token(app, argv[5], NULL, NULL, &client), "token");
    if (pthread_create(&printing, NULL, print, NULL) != 0)
        return 3;
    for (int i = 0; i < 100; i++) {
        must(fitbit_set_token_file(client, argv[4]), "saving");
        must(fitbit_from_file(app, argv[4], &opened), "opening");
        fitbit_free(opened);
    }
    /* The connection to the provider may be descriptor 0, and its bytes are not to be read away. */
    atomic_store(&reading, 0);
    while (!atomic_load(&only_prints))
        sched_yield();
    for (int i = 0; i < 20; i++)
        must(fitbit_refresh(client), "renewing");
    must(fitbit_from_file(app, argv[4], &opened), "opening");
    fitbit_free(opened);
    atomic_store(&stopped, 1);
    pthread_join(printing, NULL);
    fitbit_free(client);
    fitbit_app_free(app);
    dprintf(report, "ok\n");
    return 0;
}
