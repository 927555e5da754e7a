/*
 * A daemon: descriptors 0, 1 and 2 are closed, and the program prints and reads all the time, as a
 * library in it may that does not know. It saves, opens and renews a login in a token file, and
 * reports on a descriptor that it made before: "ok", or what went wrong.
 *
 * usage: daemon SERVER CLIENT_ID CLIENT_SECRET PATH TOKEN CA_FILE
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <fitbit.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int report;
static atomic_int reading = 1, stopped, only_prints;

/*
 * What the library opens, reads and writes comes by here: a program's own functions are taken before
 * the C library's. Sockets are sent to and received from, and do not.
 */
static void note(const char *what, const char *path, int file)
{
    if (file >= 0 && file < 3 && strcmp(path, "/") != 0) {
        dprintf(report, "%s%s on descriptor %d\n", what, path, file);
        _exit(1);
    }
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    int file;
    va_start(more, flags);
    file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, va_arg(more, unsigned));
    va_end(more);
    note("opened ", path, file);
    return file;
}

ssize_t read(int file, void *into, size_t size)
{
    note("read", "", file);
    return syscall(SYS_read, file, into, size);
}

ssize_t write(int file, const void *from, size_t size)
{
    note("written", "", file);
    return syscall(SYS_write, file, from, size);
}

static void *print(void *nothing)
{
    static const char text[] = "a line of the daemon's own\n";
    char input[512];
    long ignored;
    while (!atomic_load(&stopped)) {
        ignored = syscall(SYS_write, 1, text, sizeof text - 1);
        ignored = syscall(SYS_write, 2, text, sizeof text - 1);
        if (atomic_load(&reading))
            ignored = syscall(SYS_read, 0, input, sizeof input);
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

/* While fitbit_login() listens: it gives up, for the browser "did not open". */
static int look_at_descriptors(const char *address, void *any_is_open)
{
    (void)address;
    for (int number = 0; number < 3; number++)
        if (fcntl(number, F_GETFD) != -1)
            *(int *)any_is_open = 1;
    return 0;
}

static void listen_for_a_browser(void)
{
    FitbitApp *app;
    FitbitClient *client;
    FitbitError *error;
    int any_is_open = 0;
    must(fitbit_app_new(FITBIT_PROVIDER_GOOGLE_HEALTH, "id", "secret", "http://127.0.0.1:0/", &app),
         "app");
    error = fitbit_login(app, 10000, look_at_descriptors, &any_is_open, NULL, NULL, &client);
    if (fitbit_error_code(error) != FITBIT_ERROR_AUTHORIZATION)
        must(error, "login");
    if (any_is_open) {
        dprintf(report, "listening: on a descriptor below 3\n");
        exit(1);
    }
    fitbit_error_free(error);
    fitbit_app_free(app);
}

static void trust(const char *ca_file)
{
    FitbitApp *app;
    must(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "id", NULL, NULL, &app), "app");
    must(fitbit_app_set_ca_file(app, ca_file), "CA file");
    fitbit_app_free(app);
}

int main(int argc, char **argv)
{
    FitbitApp *app;
    FitbitClient *client, *opened;
    pthread_t printing;
    char token_endpoint[256];
    if (argc != 7)
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
    listen_for_a_browser();
    if (pthread_create(&printing, NULL, print, NULL) != 0)
        return 3;
    for (int i = 0; i < 100; i++) {
        must(fitbit_set_token_file(client, argv[4]), "saving");
        must(fitbit_from_file(app, argv[4], &opened), "opening");
        fitbit_free(opened);
        trust(argv[6]);
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
