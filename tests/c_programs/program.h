/*
 * What the C programs of the tests share: checks that end the program, and a line of talk with
 * the test, which plays the person in front of the browser and everybody else outside.
 */

#ifndef PROGRAM_H
#define PROGRAM_H

#define _POSIX_C_SOURCE 200809L

#include <fitbit.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No call of these programs should come near it; valgrind makes everything 50 times slower. */
#define PATIENCE_MS 300000

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* The call has to succeed. */
#define SUCCEED(call) succeed((call), __FILE__, __LINE__)

/* The call has to fail, with this code. */
#define FAIL(call, code) fail((call), (code), __FILE__, __LINE__)

static inline void succeed(FitbitError *error, const char *file, int line)
{
    if (error != NULL) {
        fprintf(stderr, "%s:%d: %s\n", file, line, fitbit_error_message(error));
        exit(1);
    }
}

static inline void fail(FitbitError *error, FitbitErrorCode code, const char *file, int line)
{
    if (error == NULL || fitbit_error_code(error) != code) {
        fprintf(stderr, "%s:%d: %s, %s\n", file, line,
                fitbit_error_code_name(fitbit_error_code(error)), fitbit_error_message(error));
        exit(1);
    }
    fitbit_error_free(error);
}

/* A program that hangs dies. */
static inline void begin(void)
{
    alarm(600);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

/* Asks the test, and waits for its answer: one line, to be freed. */
static inline char *ask(const char *what, const char *about)
{
    char *line = NULL;
    size_t size = 0;
    printf("? %s %s\n", what, about);
    ssize_t len = getline(&line, &size, stdin);
    CHECK(len > 0);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* Asks the test to do something, and waits until it is done. */
static inline void have(const char *what)
{
    free(ask(what, ""));
}

/* The demo application, at the test's provider. */
static inline FitbitApp *app_at(const char *server)
{
    static const char *const paths[] = {"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", ""};
    FitbitApp *app;
    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "22SRVR", "5e2f7e7a90c14d1b8a6d3b0f4c9e1a27",
                           "http://127.0.0.1:8080/callback", &app));
    for (int endpoint = 0; endpoint < 4; endpoint++) {
        char uri[256];
        snprintf(uri, sizeof uri, "%s%s", server, paths[endpoint]);
        SUCCEED(fitbit_app_set_endpoint(app, (FitbitEndpoint)endpoint, uri));
    }
    SUCCEED(fitbit_app_set_timeout_ms(app, PATIENCE_MS));
    return app;
}

#endif
