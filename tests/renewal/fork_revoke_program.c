/*
 * A program whose token callback forks. The child revokes the login inside the callback, and then sends a
 * request. It says what both came to. The parent waits for it.
 *
 * usage: fork_revoke_program PROVIDER TOKEN_ENDPOINT API CLIENT_ID CLIENT_SECRET TOKEN_JSON PATH
 */
#define _POSIX_C_SOURCE 200809L
#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FitbitClient *client;
static pid_t child = -1;

static void say(const char *what, FitbitError *error)
{
    printf("%s %s\n", what, error ? fitbit_error_code_name(fitbit_error_code(error)) : "succeeded");
    fflush(stdout);
    fitbit_error_free(error);
}

static void stop_if(FitbitError *error)
{
    if (error) {
        fprintf(stderr, "%s\n", fitbit_error_message(error));
        exit(1);
    }
}

static int on_token(const char *token_json, void *user_data)
{
    (void)token_json;
    (void)user_data;
    if (child == -1 && (child = fork()) == 0)
        say("revocation", fitbit_revoke(client));
    return 1;
}

int main(int argc, char **argv)
{
    FitbitApp *app;
    FitbitResponse *response = NULL;
    char uri[1024], line[16];
    if (argc != 8)
        return 2;
    /* The test says "fork" when it is ready. */
    if (!fgets(line, sizeof line, stdin))
        return 2;
    stop_if(fitbit_app_new((FitbitProvider)atoi(argv[1]), argv[4], argv[5], NULL, &app));
    stop_if(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2]));
    stop_if(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[3]));
    snprintf(uri, sizeof uri, "%.*s/revoke", (int)(strrchr(argv[2], '/') - argv[2]), argv[2]);
    stop_if(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_REVOKE, uri));
    stop_if(fitbit_from_token(app, argv[6], on_token, NULL, &client));
    stop_if(fitbit_refresh(client));
    if (child == 0) {
        say("request", fitbit_get(client, argv[7], &response));
        return 0;
    }
    waitpid(child, NULL, 0);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
