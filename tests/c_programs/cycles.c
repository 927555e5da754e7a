/*
 * Makes and frees everything again and again, and prints what stayed behind in this process:
 * bytes of resident memory, open files, threads.
 *
 *     cycles <provider's address> <a token> <cycles> <1: with a request in each>
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

static void cycle(const char *server, const char *token, int with_request)
{
    char *uri, *session;
    FitbitClient *client, *none;
    FitbitResponse *response;
    FitbitApp *app = app_at(server);
    SUCCEED(fitbit_app_set_scopes(app, "profile sleep"));
    SUCCEED(fitbit_app_set_header(app, "Accept-Language", "en_GB"));
    SUCCEED(fitbit_step_one(app, NULL, &uri, &session));
    SUCCEED(fitbit_from_token(app, token, save, NULL, &client));
    FAIL(fitbit_from_token(app, "{}", save, NULL, &none), FITBIT_ERROR_INVALID_ARGUMENT);
    if (with_request) {
        SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
        fitbit_response_free(response);
    }
    fitbit_string_free(uri);
    fitbit_string_free(session);
    fitbit_free(client);
    fitbit_app_free(app);
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    begin();
    int cycles = atoi(argv[3]), with_request = atoi(argv[4]);
    /* What is made once, and what the allocator keeps, is there after a while. */
    for (int i = 0; i < cycles / 10; i++) {
        cycle(argv[1], argv[2], with_request);
    }
    long memory = resident(), files = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    for (int i = 0; i < cycles; i++) {
        cycle(argv[1], argv[2], with_request);
    }
    printf("%ld\n%ld\n%ld\n", resident() - memory, entries("/proc/self/fd") - files,
           entries("/proc/self/task") - threads);
    return 0;
}
