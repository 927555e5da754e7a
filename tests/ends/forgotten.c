/*
 * Apps whose calls end while a name is looked up for ever. When they are freed, nothing of them is left.
 *
 *     forgotten TOKEN
 */

#include "nowhere.h"

#include "measure.h"

#define APPS 100

static void ask_in_vain(const char *token)
{
    FitbitClient *client;
    FitbitResponse *response;
    FitbitApp *app = app_at("https://nowhere.example");
    SUCCEED(fitbit_app_set_timeout_ms(app, 20));
    SUCCEED(fitbit_from_token(app, token, NULL, NULL, &client));
    FAIL(fitbit_get(client, "/1/user/-/profile.json", &response), FITBIT_ERROR_TIMEOUT);
    fitbit_free(client);
    fitbit_app_free(app);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    begin();
    /* What the library opens once. The look-up's thread has begun when the first call is over, or soon. */
    for (int i = 0; i < 3 || atomic_load(&looking) == 0; i++) {
        ask_in_vain(argv[1]);
    }
    int descriptors = descriptors_now(), threads = threads_now();
    for (int i = 0; i < APPS; i++) {
        ask_in_vain(argv[1]);
    }
    printf("%d more descriptors, %d more threads\n", descriptors_now() - descriptors,
           threads_now() - threads);
    /* The look-up would keep a return from main() waiting for nobody, but its thread is not joined. */
    fflush(stdout);
    _exit(0);
}
