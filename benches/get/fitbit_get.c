/* The GET through this library: fitbit_get SERVER TOKEN COUNT PATH */
#include <fitbit.h>
#include <stdio.h>
#include <stdlib.h>

static void check(FitbitError *error)
{
    if (error != NULL) {
        fprintf(stderr, "%s\n", fitbit_error_message(error));
        exit(1);
    }
}

int main(int argc, char **argv)
{
    FitbitApp *app;
    FitbitClient *client;
    char token[4096];
    long i, count;

    if (argc != 5)
        return 2;
    count = atol(argv[3]);
    snprintf(token, sizeof token, "{\"access_token\":\"%s\"}", argv[2]);
    check(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "id", "secret", NULL, &app));
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[1]));
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[1]));
    check(fitbit_from_token(app, token, NULL, NULL, &client));
    for (i = 0; i < count; i++) {
        FitbitResponse *response;
        check(fitbit_get(client, argv[4], &response));
        if (fitbit_response_body_len(response) == 0)
            return 1;
        fitbit_response_free(response);
    }
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
