/* A client is made of a saved token, and freed: client */
#include "memory.h"
#include <fitbit.h>

static FitbitApp *app;
static const char *saved;

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    return token_json[0] == '{';
}

static void come_and_go(void *unused)
{
    FitbitClient *client;
    (void)unused;
    require(fitbit_from_token(app, saved, save, NULL, &client) == NULL, "no client");
    fitbit_free(client);
}

int main(void)
{
    saved = token(1);
    require(fitbit_app_new(FITBIT_PROVIDER_FITBIT, CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, &app) ==
                NULL, "no app");
    return drive(come_and_go, NULL);
}
