/*
 * A program that forks while another of its threads is renewing. It says "saving" when its token
 * callback is entered, forks when it is told a line, and lets the callback return ("hold": only
 * then) when the child has ended. Child and parent say what their GET was answered.
 *
 * usage: fork_program SERVER CLIENT_ID CLIENT_SECRET TOKEN_JSON [hold]
 */
#define _POSIX_C_SOURCE 200809L
#include <fitbit.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FitbitClient *client;
static pid_t parent;
static int hold, released[2];

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

static void *get(void *who)
{
    FitbitResponse *response = NULL;
    FitbitError *error = fitbit_get(client, "/1/user/-/profile.json", &response);
    if (error)
        printf("%s %s\n", (const char *)who, fitbit_error_code_name(fitbit_error_code(error)));
    else
        printf("%s %d\n", (const char *)who, fitbit_response_status(response));
    fflush(stdout);
    fitbit_error_free(error);
    fitbit_response_free(response);
    return NULL;
}

int main(int argc, char **argv)
{
    char line[16], token_endpoint[256];
    FitbitApp *app = NULL;
    pthread_t renewing;
    pid_t child;
    if (argc < 5 || pipe(released) != 0)
        return 2;
    parent = getpid();
    hold = argc > 5 && strcmp(argv[5], "hold") == 0;
    snprintf(token_endpoint, sizeof token_endpoint, "%s/oauth2/token", argv[1]);
    if (fitbit_app_new(FITBIT_PROVIDER_FITBIT, argv[2], argv[3], NULL, &app) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, token_endpoint) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]) ||
        fitbit_from_token(app, argv[4], on_token, NULL, &client) ||
        pthread_create(&renewing, NULL, get, "parent") != 0)
        return 1;
    if (!fgets(line, sizeof line, stdin))
        return 1;
    child = fork();
    if (child == 0) {
        alarm(20); /* who is still waiting then, waits for a thread that this process does not have */
        get("child");
        _exit(0);
    }
    waitpid(child, NULL, 0);
    if (write(released[1], "", 1) != 1)
        return 1;
    pthread_join(renewing, NULL);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
