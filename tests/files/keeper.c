/*
 * A program that keeps its login in a token file, and does what it is told, a line at a time. It
 * answers each line with one: "ok", or the error's name and message. Its requests say that they
 * are the keeper's.
 *
 * usage: keeper SERVER CLIENT_ID CLIENT_SECRET PATH
 */
#define _POSIX_C_SOURCE 200809L
#include <fitbit.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_CLIENTS 16

static FitbitApp *app;
static FitbitClient *clients[MOST_CLIENTS];
static size_t count;
static const char *path;

static FitbitError *get(FitbitClient *client)
{
    FitbitResponse *response = NULL;
    FitbitError *error = fitbit_get(client, "/1/user/-/profile.json", &response);
    fitbit_response_free(response);
    return error;
}

static void *storming(void *client)
{
    return get(client);
}

static void *refreshing(void *client)
{
    return fitbit_refresh(client);
}

/* All the clients' threads make one request each, at once. */
static FitbitError *storm(size_t threads)
{
    pthread_t running[MOST_CLIENTS];
    FitbitError *first = NULL;
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&running[i], NULL, storming, clients[i % count]) != 0)
            exit(3);
    for (size_t i = 0; i < threads; i++) {
        void *error = NULL;
        pthread_join(running[i], &error);
        if (first == NULL)
            first = error;
        else
            fitbit_error_free(error);
    }
    return first;
}

static FitbitError *open_clients(size_t wanted)
{
    FitbitError *error = NULL;
    for (count = 0; count < wanted && error == NULL; count++)
        error = fitbit_from_file(app, path, &clients[count]);
    return error;
}

/* What the shell's ulimit -f does, in bytes; and a write beyond it fails, and kills nobody. */
static void limit_files_to(const char *bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = *bytes ? (rlim_t)atoi(bytes) : limit.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* Renews until it is killed. With a timeout, calls may run out of time. */
static void renew_for_ever(const char *timeout_ms)
{
    FitbitError *error = NULL;
    if (*timeout_ms)
        error = fitbit_set_timeout_ms(clients[0], (uint32_t)atoi(timeout_ms));
    puts("ok");
    for (;;) {
        if (error == NULL)
            error = fitbit_refresh(clients[0]);
        if (error == NULL)
            error = get(clients[0]);
        if (error && *timeout_ms && fitbit_error_code(error) == FITBIT_ERROR_TIMEOUT) {
            fitbit_error_free(error);
            error = NULL;
        }
        if (error) {
            fprintf(stderr, "%s\n", fitbit_error_message(error));
            exit(4);
        }
    }
}

static pid_t child;

/* A child that has everything its parent has, and waits until it is killed, or renews ("renew"). */
static void fork_a_child(const char *purpose)
{
    child = fork();
    if (child == 0) {
        alarm(20);
        if (strcmp(purpose, "renew") == 0)
            _exit(fitbit_refresh(clients[0]) != NULL);
        fclose(stdout);
        fclose(stdin);
        for (;;)
            pause();
    }
}

/* Waits for the child that renews, which has to succeed. */
static void reap(void)
{
    int status;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        exit(5);
}

static FitbitError *obey(const char *command, const char *word)
{
    static pthread_t renewing;
    void *error = NULL;
    if (strcmp(command, "open") == 0)
        return open_clients((size_t)atoi(word));
    if (strcmp(command, "token") == 0) {
        count = 1;
        return fitbit_from_token(app, word, NULL, NULL, &clients[0]);
    }
    if (strcmp(command, "move") == 0)
        return fitbit_set_token_file(clients[0], path);
    if (strcmp(command, "get") == 0)
        return get(clients[0]);
    if (strcmp(command, "refresh") == 0)
        return fitbit_refresh(clients[0]);
    if (strcmp(command, "save") == 0)
        return fitbit_save(clients[0]);
    if (strcmp(command, "storm") == 0)
        return storm((size_t)atoi(word));
    if (strcmp(command, "umask") == 0)
        umask((mode_t)strtol(word, NULL, 8));
    else if (strcmp(command, "limit") == 0)
        limit_files_to(word);
    else if (strcmp(command, "chdir") == 0 && chdir(word) != 0)
        exit(3);
    else if (strcmp(command, "fork") == 0)
        fork_a_child(word);
    else if (strcmp(command, "reap") == 0)
        reap();
    else if (strcmp(command, "loop") == 0)
        renew_for_ever(word);
    else if (strcmp(command, "begin") == 0)
        pthread_create(&renewing, NULL, refreshing, clients[0]);
    else if (strcmp(command, "end") == 0)
        pthread_join(renewing, &error);
    return error;
}

int main(int argc, char **argv)
{
    static char line[65536];
    char token_endpoint[256];
    if (argc != 5)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    path = argv[4];
    snprintf(token_endpoint, sizeof token_endpoint, "%s/oauth2/token", argv[1]);
    if (fitbit_app_new(FITBIT_PROVIDER_FITBIT, argv[2], argv[3], NULL, &app) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, token_endpoint) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]) ||
        fitbit_app_set_header(app, "User-Agent", "keeper"))
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        char *word;
        FitbitError *error;
        line[strcspn(line, "\n")] = '\0';
        word = strchr(line, ' ');
        if (word)
            *word++ = '\0';
        error = obey(line, word ? word : "");
        if (error)
            printf("%s: %s\n", fitbit_error_code_name(fitbit_error_code(error)),
                   fitbit_error_message(error));
        else
            puts("ok");
        fitbit_error_free(error);
    }
    for (size_t i = 0; i < count; i++)
        fitbit_free(clients[i]);
    fitbit_app_free(app);
    return 0;
}
