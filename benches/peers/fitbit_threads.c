/* This library from many threads: fitbit_threads PATH SERVER THREADS one|each|users
 * They all GET as one person; or each as one of its own; or each operation is a person whose token
 * has expired, and who comes, is renewed, GETs and stays. All persons are of one app. */
#include "threads.h"
#include <fitbit.h>

static char *path;
static FitbitApp *app;

/* The persons that one thread has seen. */
struct users {
    FitbitClient **clients;
    size_t count, room;
    int thread;
};

static void check(FitbitError *error)
{
    if (error != NULL)
        require(0, fitbit_error_message(error));
}

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    return token_json[0] == '{';
}

static void get(void *client)
{
    FitbitResponse *response;
    check(fitbit_get(client, path, &response));
    require(fitbit_response_body_len(response) >= 2048, "a short body");
    fitbit_response_free(response);
}

static void come(void *state)
{
    struct users *users = state;
    FitbitClient **client;
    char token[1024];

    if (users->count == users->room) {
        users->room += 1024;
        users->clients = realloc(users->clients, users->room * sizeof *users->clients);
        require(users->clients != NULL, "no memory");
    }
    client = &users->clients[users->count++];
    snprintf(token, sizeof token,
             "{\"access_token\":\"" ACCESS_TOKEN "\",\"refresh_token\":\"%056zx%08x\",\"expires_at\":1}",
             users->count, (unsigned)users->thread);
    check(fitbit_from_token(app, token, save, NULL, client));
    get(*client);
}

int main(int argc, char **argv)
{
    static struct users users[MOST_THREADS];
    FitbitClient *client = NULL;
    void *states[MOST_THREADS];
    char uri[256];
    int i, threads;

    require(argc == 5, "PATH SERVER THREADS one|each|users");
    path = argv[1];
    threads = threads_of(argv[3]);
    check(fitbit_app_new(FITBIT_PROVIDER_FITBIT, CLIENT_ID, CLIENT_SECRET, CALLBACK_URI, &app));
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[2]));
    snprintf(uri, sizeof uri, "%s/oauth2/token", argv[2]);
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, uri));
    if (strcmp(argv[4], "users") == 0) {
        for (i = 0; i < threads; i++) {
            users[i].thread = i;
            states[i] = &users[i];
        }
        return drive_threads(threads, come, states);
    }
    for (i = 0; i < threads; i++) {
        if (client == NULL || strcmp(argv[4], "each") == 0)
            check(fitbit_from_token(app, "{\"access_token\":\"" ACCESS_TOKEN
                                         "\",\"refresh_token\":\"one\",\"expires_at\":4102444800}",
                                    save, NULL, &client));
        states[i] = client;
    }
    return drive_threads(threads, get, states);
}
