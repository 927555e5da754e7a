/* Memory of idle clients, one for each person, all of one app: memory COUNT */
#include "memory.h"
#include <fitbit.h>

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    return token_json[0] == '{';
}

static void check(FitbitError *error)
{
    if (error != NULL)
        require(0, fitbit_error_message(error));
}

int main(int argc, char **argv)
{
    size_t count, warm, i;
    FitbitApp *app;
    FitbitClient **clients;
    struct memory before, after;
    char *text;

    require(argc == 2, "COUNT");
    count = strtoul(argv[1], NULL, 10);
    warm = count < WARM ? 1 : WARM;
    clients = calloc(count + warm, sizeof *clients);
    require(clients != NULL, "no memory");
    memset(clients, 1, (count + warm) * sizeof *clients); /* its pages are there before the first look */
    check(fitbit_app_new(FITBIT_PROVIDER_FITBIT, CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, &app));
    for (i = count; i < count + warm; i++)
        check(fitbit_from_token(app, token(i), save, NULL, &clients[i]));
    before = memory();
    for (i = 0; i < count; i++)
        check(fitbit_from_token(app, token(i), save, &clients[i], &clients[i]));
    after = memory();
    check(fitbit_token_field(clients[count / 2], "access_token", &text));
    require(strcmp(text, access_token(count / 2)) == 0, "a client has another one's token");
    fitbit_string_free(text);
    report(count, before, after);
    for (i = 0; i < count + warm; i++)
        fitbit_free(clients[i]);
    fitbit_app_free(app);
    free(clients);
    return 0;
}
