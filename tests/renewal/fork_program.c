/*
 * A program that forks while another of its threads is renewing. It says "saving" when its token
 * callback is entered, forks when it is told a line, and lets the callback return ("hold": only
 * then) when the child has ended. Child and parent say what their GET was answered; without a
 * path, they ask whose login it is.
 *
 * "pause": it says "first" and what a first GET was answered, and "pausing" when the thread waits
 * before it asks the provider again. It cancels the parent's calls after the fork.
 *
 * usage: fork_program PROVIDER TOKEN_ENDPOINT API CLIENT_ID CLIENT_SECRET TOKEN_JSON PATH [hold|pause]
 */
#define _POSIX_C_SOURCE 200809L
#include <fitbit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FitbitClient *client;
static const char *path;
static pid_t parent;
static int hold, pauses, released[2];

static int on_token(const char *token_json, void *user_data)
{
    char byte;
    (void)token_json;
    (void)user_data;
    if (getpid() != parent)
        return 1;
    puts("saving");
    fflush(stdout);
    return !hold || read(released[0], &byte, 1) == 1;
}

static void on_log(FitbitLogLevel level, const char *message, void *user_data)
{
    (void)level;
    (void)user_data;
    if (getpid() == parent && strstr(message, "before the provider is asked again")) {
        puts("pausing");
        fflush(stdout);
    }
}

static void *get(void *who)
{
    FitbitResponse *response = NULL;
    char *user_id = NULL;
    FitbitError *error =
        *path ? fitbit_get(client, path, &response) : fitbit_user_id(client, &user_id);
    if (error)
        printf("%s %s\n", (const char *)who, fitbit_error_code_name(fitbit_error_code(error)));
    else if (user_id)
        printf("%s %s\n", (const char *)who, user_id);
    else
        printf("%s %d\n", (const char *)who, fitbit_response_status(response));
    fflush(stdout);
    fitbit_string_free(user_id);
    fitbit_error_free(error);
    fitbit_response_free(response);
    return NULL;
}

int main(int argc, char **argv)
{
    char line[16];
    FitbitApp *app = NULL;
    pthread_t renewing;
    pid_t child;
    if (argc < 8 || pipe(released) != 0)
        return 2;
    parent = getpid();
    path = argv[7];
    hold = argc > 8 && strcmp(argv[8], "hold") == 0;
    pauses = argc > 8 && strcmp(argv[8], "pause") == 0;
    if (fitbit_app_new((FitbitProvider)atoi(argv[1]), argv[4], argv[5], NULL, &app) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2]) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[3]) ||
        (pauses && fitbit_app_set_logger(app, FITBIT_LOG_TRACE, on_log, NULL)) ||
        fitbit_from_token(app, argv[6], on_token, NULL, &client))
        return 1;
    if (pauses)
        get("first");
    if (pthread_create(&renewing, NULL, get, "parent") != 0)
        return 1;
    if (!fgets(line, sizeof line, stdin))
        return 1;
    child = fork();
    if (child == 0) {
        alarm(20); /* who is still waiting then, waits for a thread that this process does not have */
        get("child");
        _exit(0);
    }
    if (pauses)
        fitbit_app_cancel(app);
    waitpid(child, NULL, 0);
    if (write(released[1], "", 1) != 1)
        return 1;
    pthread_join(renewing, NULL);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
