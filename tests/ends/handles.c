/*
 * Makes many handles on one login or one application.
 *
 *     handles client|app SERVER TOKEN COUNT    each is freed before the next is made
 *     handles hold SERVER TOKEN COUNT          all at once: what they cost
 */

#include "measure.h"

int main(int argc, char **argv)
{
    FitbitClient *client;
    CHECK(argc == 5);
    begin();
    FitbitApp *app = app_at(argv[2]);
    SUCCEED(fitbit_from_token(app, argv[3], NULL, NULL, &client));
    SUCCEED(fitbit_set_header(client, "Accept-Language", "en_US"));
    int count = atoi(argv[4]);
    if (strcmp(argv[1], "hold") == 0) {
        FitbitClient **dups = calloc((size_t)count, sizeof *dups);
        FitbitApp **apps = calloc((size_t)count, sizeof *apps);
        int descriptors = descriptors_now(), threads = threads_now();
        for (int i = 0; i < count; i++) {
            SUCCEED(fitbit_dup(i == 0 ? client : dups[i - 1], &dups[i]));
            SUCCEED(fitbit_app_dup(i == 0 ? app : apps[i - 1], &apps[i]));
        }
        printf("descriptors %d\nthreads %d\n", descriptors_now() - descriptors,
               threads_now() - threads);
        for (int i = 0; i < count; i++) {
            fitbit_free(dups[i]);
            fitbit_app_free(apps[i]);
        }
        free(dups);
        free(apps);
    } else if (strcmp(argv[1], "client") == 0) {
        for (int i = 0; i < count; i++) {
            FitbitClient *dup;
            SUCCEED(fitbit_dup(client, &dup));
            fitbit_free(dup);
        }
    } else {
        for (int i = 0; i < count; i++) {
            FitbitApp *dup;
            SUCCEED(fitbit_app_dup(app, &dup));
            fitbit_app_free(dup);
        }
    }
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
