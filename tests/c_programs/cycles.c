/*
 * Makes and frees everything again and again, and prints what stayed behind in this process:
 * bytes of resident memory, open files, threads.
 *
 *     cycles <provider's address> <a token> <cycles> <1: with requests in each> <file of its own>
 */

#include "program.h"

#include <dirent.h>

static long resident(void)
{
    long all, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &pages) == 2);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static long entries(const char *folder)
{
    long count = 0;
    DIR *open = opendir(folder);
    CHECK(open != NULL);
    while (readdir(open) != NULL) {
        count++;
    }
    closedir(open);
    return count;
}

static int save(const char *token_json, void *user_data)
{
    return token_json != NULL && user_data == NULL;
}

/* Not committed: the token is unsaved when its client is freed, and the next one has another. */
static int roll_back(FitbitRenewal *renewal, void *user_data)
{
    const char *new;
    CHECK(user_data == NULL);
    SUCCEED(fitbit_renewal_run(renewal, NULL, &new));
    return 0;
}

/* Each cycle goes on with the token that the last one left in the file. */
static void requests(FitbitClient *client, FitbitApp *guarding, const char *path)
{
    FitbitResponse *response;
    FitbitClient *guarded, *home;
    char *token;
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    fitbit_response_free(response);
    SUCCEED(fitbit_from_file(guarding, path, &home));
    SUCCEED(fitbit_refresh(home));
    SUCCEED(fitbit_token(home, &token));
    fitbit_free(home);
    SUCCEED(fitbit_from_token(guarding, token, save, NULL, &guarded));
    fitbit_string_free(token);
    FAIL(fitbit_refresh(guarded), FITBIT_ERROR_STORE);
    SUCCEED(fitbit_token(guarded, &token));
    fitbit_free(guarded);
    SUCCEED(fitbit_from_token(guarding, token, save, NULL, &home));
    SUCCEED(fitbit_set_token_file(home, path));
    fitbit_free(home);
    fitbit_string_free(token);
}

static void cycle(const char *server, const char *token, const char *path, int with_request)
{
    char *uri, *session;
    FitbitClient *client, *filed, *none;
    FitbitApp *app = app_at(server);
    SUCCEED(fitbit_app_set_renewal_guard(app, roll_back));
    SUCCEED(fitbit_app_set_scopes(app, "profile sleep"));
    SUCCEED(fitbit_app_set_header(app, "Accept-Language", "en_GB"));
    SUCCEED(fitbit_step_one(app, NULL, &uri, &session));
    SUCCEED(fitbit_from_token(app, token, save, NULL, &client));
    FAIL(fitbit_from_token(app, "{}", save, NULL, &none), FITBIT_ERROR_INVALID_ARGUMENT);
    SUCCEED(fitbit_from_file(app, path, &filed));
    FAIL(fitbit_from_file(app, "/none", &none), FITBIT_ERROR_REAUTHORIZE);
    FAIL(fitbit_from_file(app, "/none/token", &none), FITBIT_ERROR_STORE);
    if (with_request) {
        requests(filed, app, path);
    }
    fitbit_string_free(uri);
    fitbit_string_free(session);
    fitbit_free(client);
    fitbit_free(filed);
    fitbit_app_free(app);
}

static void make_file(const char *server, const char *token, const char *path)
{
    FitbitClient *client;
    FitbitApp *app = app_at(server);
    SUCCEED(fitbit_from_token(app, token, NULL, NULL, &client));
    SUCCEED(fitbit_set_token_file(client, path));
    fitbit_free(client);
    fitbit_app_free(app);
}

int main(int argc, char **argv)
{
    CHECK(argc == 6);
    begin();
    make_file(argv[1], argv[2], argv[5]);
    int cycles = atoi(argv[3]), with_request = atoi(argv[4]);
    /* What is made once, and what the allocator keeps, is there after a while. */
    for (int i = 0; i < cycles / 10; i++) {
        cycle(argv[1], argv[2], argv[5], with_request);
    }
    long memory = resident(), files = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    for (int i = 0; i < cycles; i++) {
        cycle(argv[1], argv[2], argv[5], with_request);
    }
    printf("%ld\n%ld\n%ld\n", resident() - memory, entries("/proc/self/fd") - files,
           entries("/proc/self/task") - threads);
    return 0;
}
