/*
 * Logins of one application, told line by line what to do. It answers each line with one: a status or
 * "ok", or the error's name, or a number.
 *
 *   get N, refresh N, free N, token N    with the login of this number
 *   timeout N MS                         for the calls of this login
 *   abort_in N MS                        aborts a GET of another handle after so long
 *   child N, child_free N                a child process gets, or frees the login and its application
 *   callback_child N M                   the same as "refresh M", in whose callback a child gets with N
 *   sockets                              how many this process has open
 *
 * A token that begins with "/" is the path of a token file.
 *
 * usage: driver PROVIDER TOKEN_ENDPOINT API CLIENT_ID CLIENT_SECRET CA_FILE PATH TOKEN...
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fitbit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_LOGINS 64

static FitbitApp *app;
static FitbitClient *clients[MAX_LOGINS];
static const char *path;
static int in_callback = -1;

static void say(FitbitError *error)
{
    puts(error ? fitbit_error_code_name(fitbit_error_code(error)) : "ok");
    fitbit_error_free(error);
    fflush(stdout);
}

static FitbitError *get(FitbitClient *client)
{
    FitbitResponse *response = NULL;
    FitbitError *error = fitbit_get(client, path, &response);
    fitbit_response_free(response);
    return error;
}

/* What the child says is this line's, so that the parent says nothing. */
static void child(int number, int frees)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30); /* so that a child that waits for the parent's threads does not hang the test */
        if (frees) {
            fitbit_free(clients[number]);
            fitbit_app_free(app);
            say(NULL);
        } else {
            say(get(clients[number]));
        }
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        exit(3);
}

static int on_token(const char *token_json, void *user_data)
{
    (void)token_json;
    (void)user_data;
    if (in_callback >= 0) {
        int number = in_callback;
        in_callback = -1;
        child(number, 0);
    }
    return 1;
}

static void *get_on(void *client)
{
    return get(client);
}

static FitbitError *abort_in(FitbitClient *client, int milliseconds)
{
    FitbitClient *dup = NULL;
    pthread_t running;
    void *error = NULL;
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    if (fitbit_dup(client, &dup) != NULL || pthread_create(&running, NULL, get_on, dup) != 0)
        exit(3);
    nanosleep(&time, NULL);
    fitbit_abort(dup);
    pthread_join(running, &error);
    fitbit_free(dup);
    return error;
}

static int sockets(void)
{
    int count = 0;
    struct dirent *entry;
    DIR *folder = opendir("/proc/self/fd");
    while ((entry = readdir(folder)) != NULL) {
        struct stat status;
        int number = atoi(entry->d_name);
        count += number > 2 && fstat(number, &status) == 0 && S_ISSOCK(status.st_mode);
    }
    closedir(folder);
    return count;
}

static void token(FitbitClient *client)
{
    char *json = NULL;
    FitbitError *error = fitbit_token(client, &json);
    puts(error ? "no token" : json);
    fflush(stdout);
    fitbit_error_free(error);
    fitbit_string_free(json);
}

int main(int argc, char **argv)
{
    char line[256], word[32];
    int count = argc - 8, number, more;
    if (count < 1 || count > MAX_LOGINS)
        return 2;
    path = argv[7];
    if (fitbit_app_new((FitbitProvider)atoi(argv[1]), argv[4], argv[5], NULL, &app) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, argv[2]) ||
        fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, argv[3]) ||
        fitbit_app_set_timeout_ms(app, 60000) ||
        (*argv[6] && fitbit_app_set_ca_file(app, argv[6])))
        return 1;
    for (int i = 0; i < count; i++) {
        const char *text = argv[8 + i];
        FitbitError *error = *text == '/' ? fitbit_from_file(app, text, &clients[i])
                                          : fitbit_from_token(app, text, on_token, NULL, &clients[i]);
        if (error != NULL)
            return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        number = more = 0;
        if (sscanf(line, "%31s %d %d", word, &number, &more) < 1 || number < 0 || number >= count)
            return 2;
        FitbitClient *client = clients[number];
        if (strcmp(word, "get") == 0) {
            say(get(client));
        } else if (strcmp(word, "refresh") == 0) {
            say(fitbit_refresh(client));
        } else if (strcmp(word, "free") == 0) {
            fitbit_free(client);
            clients[number] = NULL;
            say(NULL);
        } else if (strcmp(word, "token") == 0) {
            token(client);
        } else if (strcmp(word, "timeout") == 0) {
            say(fitbit_set_timeout_ms(client, (uint32_t)more));
        } else if (strcmp(word, "abort_in") == 0) {
            say(abort_in(client, more));
        } else if (strcmp(word, "child") == 0 || strcmp(word, "child_free") == 0) {
            child(number, strcmp(word, "child_free") == 0);
        } else if (strcmp(word, "callback_child") == 0) {
            in_callback = number;
            say(fitbit_refresh(clients[more]));
        } else if (strcmp(word, "sockets") == 0) {
            printf("%d\n", sockets());
            fflush(stdout);
        } else {
            return 2;
        }
    }
    for (int i = 0; i < count; i++)
        fitbit_free(clients[i]);
    fitbit_app_free(app);
    return 0;
}
