/*
 * One login, told line by line what to do: "refresh", or a path to GET. Answers each line with
 * the status, or with the error's name. The test sets its clock in between.
 *
 * usage: clock_program SERVER CLIENT_ID CLIENT_SECRET TOKEN_JSON
 */
#include <fitbit.h>
#include <stdio.h>
#include <string.h>

static int failed(FitbitError *error)
{
    if (!error)
        return 0;
    printf("%s\n", fitbit_error_code_name(fitbit_error_code(error)));
    fitbit_error_free(error);
    return 1;
}

int main(int argc, char **argv)
{
    char line[256], token_endpoint[256];
    FitbitApp *app = NULL;
    FitbitClient *client = NULL;
    if (argc != 5)
        return 2;
    snprintf(token_endpoint, sizeof token_endpoint, "%s/oauth2/token", argv[1]);
    if (failed(fitbit_app_new(FITBIT_PROVIDER_FITBIT, argv[2], argv[3], NULL, &app)) ||
        failed(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, token_endpoint)) ||
        failed(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1])) ||
        failed(fitbit_from_token(app, argv[4], NULL, NULL, &client)))
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        FitbitResponse *response = NULL;
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "refresh") == 0) {
            if (!failed(fitbit_refresh(client)))
                puts("renewed");
        } else if (!failed(fitbit_get(client, line, &response))) {
            printf("%d\n", fitbit_response_status(response));
            fitbit_response_free(response);
        }
        fflush(stdout);
    }
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
