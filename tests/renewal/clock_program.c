/*
 * One login, told line by line what to do: "refresh", or a path to GET. Answers each line with
 * the status, or with the error's name. The test sets its clock in between.
 *
 * usage: clock_program PROVIDER TOKEN_ENDPOINT API CLIENT_ID CLIENT_SECRET TOKEN_JSON
 */
#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>
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
    char line[256];
    FitbitApp *app = NULL;
    FitbitClient *client = NULL;
    if (argc != 7)
        return 2;
    if (failed(fitbit_app_new((FitbitProvider)atoi(argv[1]), argv[4], argv[5], NULL, &app)) ||
        failed(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2])) ||
        failed(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[3])) ||
        failed(fitbit_from_token(app, argv[6], NULL, NULL, &client)))
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
