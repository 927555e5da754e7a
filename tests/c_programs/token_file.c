/*
 * A token in a file, from C: a file that is there, one that is not, clients in many threads on
 * one file, a login that moves from a callback into a file, and a file that cannot be written when
 * its client is freed.
 *
 *     token_file <provider's address> <token that lasts> <folder of its own>
 */

#include "program.h"

#define PROFILE "/1/user/-/profile.json"
#define THREADS 8

static char path[4096], folder[4096];
static pthread_barrier_t start;
static FitbitApp *app;
static int offered;

static int never_save(const char *token_json, void *user_data)
{
    CHECK(token_json[0] == '{' && user_data == NULL);
    offered++;
    return 0;
}

static void get_the_profile(FitbitClient *client)
{
    FitbitResponse *response;
    SUCCEED(fitbit_get(client, PROFILE, &response));
    fitbit_response_free(response);
}

/* The file is private, and holds exactly this client's token. */
static void check_file(const FitbitClient *client)
{
    struct stat status;
    char *token, text[8192];
    CHECK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    SUCCEED(fitbit_token(client, &token));
    CHECK(strcmp(token, text) == 0);
    fitbit_string_free(token);
}

static void without_a_file(void)
{
    FitbitClient *client;
    FAIL(fitbit_from_file(app, path, &client), FITBIT_ERROR_REAUTHORIZE);
    CHECK(client == NULL);
    FAIL(fitbit_from_file(app, folder, &client), FITBIT_ERROR_STORE);
    CHECK(client == NULL);
    CHECK(access(path, F_OK) != 0);
}

/* From then on the callback is not called any more. One renewal before, one after. */
static void from_a_callback_into_a_file(const char *token)
{
    FitbitClient *client;
    char nowhere[sizeof folder + 16];
    SUCCEED(fitbit_from_token(app, token, never_save, NULL, &client));
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    CHECK(offered == 1);
    snprintf(nowhere, sizeof nowhere, "%s/none/token", folder);
    FAIL(fitbit_set_token_file(client, nowhere), FITBIT_ERROR_STORE);
    FAIL(fitbit_set_token_file(client, folder), FITBIT_ERROR_STORE);
    /* The client has kept its token and its callback. */
    FAIL(fitbit_save(client), FITBIT_ERROR_STORE);
    CHECK(offered == 2);
    SUCCEED(fitbit_set_token_file(client, path));
    check_file(client);
    SUCCEED(fitbit_save(client));
    SUCCEED(fitbit_refresh(client));
    check_file(client);
    fitbit_free(client);
    CHECK(offered == 2);
}

static void *one(void *argument)
{
    FitbitClient *client = argument;
    pthread_barrier_wait(&start);
    get_the_profile(client);
    check_file(client);
    fitbit_free(client);
    return NULL;
}

/* Each thread has a client of its own; one of them renews. */
static void many_clients(void)
{
    pthread_t threads[THREADS];
    FitbitClient *clients[THREADS];
    CHECK(pthread_barrier_init(&start, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++) {
        SUCCEED(fitbit_from_file(app, path, &clients[i]));
    }
    have("let the access token expire");
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, one, clients[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    pthread_barrier_destroy(&start);
}

/* One renewal; then somebody takes the file away, and the login lives on in the client. */
static void a_file_that_vanishes(void)
{
    FitbitClient *client;
    SUCCEED(fitbit_from_file(app, path, &client));
    SUCCEED(fitbit_refresh(client));
    CHECK(unlink(path) == 0);
    /* None is spent for a login that somebody may have ended. */
    FAIL(fitbit_refresh(client), FITBIT_ERROR_STORE);
    get_the_profile(client);
    CHECK(access(path, F_OK) != 0);
    SUCCEED(fitbit_set_token_file(client, path));
    check_file(client);
    fitbit_free(client);
}

/* The path is found again, and the app is not needed any more. One renewal. */
static void in_another_folder(void)
{
    FitbitClient *client;
    CHECK(chdir(folder) == 0);
    SUCCEED(fitbit_from_file(app, "token", &client));
    fitbit_app_free(app);
    CHECK(chdir("/") == 0);
    SUCCEED(fitbit_refresh(client));
    check_file(client);
    fitbit_free(client);
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    begin();
    snprintf(folder, sizeof folder, "%s", argv[3]);
    CHECK(snprintf(path, sizeof path, "%s/token", argv[3]) < (int)sizeof path);
    umask(0);
    app = app_at(argv[1]);
    without_a_file();
    from_a_callback_into_a_file(argv[2]);
    many_clients();
    a_file_that_vanishes();
    in_another_folder();
    puts("kept");
    return 0;
}
