/* From this library's file to the first authorization address: load LIBRARY */
#include "load.h"
#include <fitbit.h>

static void first_address(void *path)
{
    FitbitError *(*app_new)(FitbitProvider, const char *, const char *, const char *, FitbitApp **);
    FitbitError *(*step_one)(FitbitApp *, const char *, char **, char **);
    FitbitApp *app;
    char *uri, *session;

    open_library(path);
    find("fitbit_app_new", &app_new, sizeof app_new);
    find("fitbit_step_one", &step_one, sizeof step_one);
    require(app_new(FITBIT_PROVIDER_FITBIT, CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, &app) == NULL &&
                step_one(app, NULL, &uri, &session) == NULL && strncmp(uri, "https://", 8) == 0,
            "no address");
}

int main(int argc, char **argv)
{
    require(argc == 2, "LIBRARY");
    return drive(first_address, argv[1]);
}
