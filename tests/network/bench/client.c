/* Makes calls through the library, and says of each when it began and ended:
 *     client CA-FILE SCRIPT...
 * Each script runs in a thread of its own. It is a list of words that are carried out in order:
 *     timeout=MS   proxy=URI   of the application, before the first call
 *     api=ORIGIN   where requests go
 *     token=ORIGIN where a token is renewed
 *     expired=1    the token that the client begins with has expired
 *     cancel=MS    after so many milliseconds the next call is ended by fitbit_app_cancel,
 *     abort=MS     by fitbit_abort,
 *     shutdown=MS  or by fitbit_app_shutdown
 *     get=PATH     a call
 * A line for each call: script, code, status, begun, asked to end, ended (nanoseconds), message.
 * The last line is the greatest number of look-up threads that ran at once. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <fitbit.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN(expires_at)                                                                      \
    "{\"access_token\":\"the-access-token\",\"refresh_token\":\"the-refresh-token\","            \
    "\"token_type\":\"Bearer\",\"user_id\":\"26FWFL\",\"expires_at\":" expires_at "}"

static const char *const GOOD_TOKEN = TOKEN("4102444800");
static const char *const EXPIRED_TOKEN = TOKEN("1700000000");

static const char *ca_file;
static atomic_int running;

struct script {
    int number;
    char *words;
};

enum way { BY_ITSELF, CANCEL, ABORT, SHUTDOWN };

struct ending {
    enum way way;
    FitbitApp *app;
    FitbitClient *client;
    int64_t at;
    int64_t asked;
    atomic_bool over;
};

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void check(FitbitError *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "%s\n", fitbit_error_message(error));
    exit(1);
}

static int saved(const char *token, void *user_data)
{
    (void)token;
    (void)user_data;
    return 1;
}

static FitbitApp *new_app(void)
{
    FitbitApp *app;

    check(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "23ABCD", "a-client-secret", "https://app.example/", &app));
    check(fitbit_app_set_ca_file(app, ca_file));
    return app;
}

static void set_token_endpoint(FitbitApp *app, const char *origin)
{
    char endpoint[512];

    snprintf(endpoint, sizeof endpoint, "%s/oauth2/token", origin);
    check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_TOKEN, endpoint));
}

static void *end_later(void *argument)
{
    struct ending *ending = argument;

    while (now() < ending->at && !atomic_load(&ending->over))
        pause_ms(1);
    if (atomic_load(&ending->over))
        return NULL;
    ending->asked = now();
    if (ending->way == CANCEL)
        fitbit_app_cancel(ending->app);
    else if (ending->way == ABORT)
        fitbit_abort(ending->client);
    else
        fitbit_app_shutdown(ending->app);
    return NULL;
}

static void get(int number, struct ending ending, const char *path, long end_ms)
{
    FitbitResponse *response = NULL;
    FitbitError *error;
    pthread_t thread;
    int64_t begun = now(), ended;

    ending.at = begun + end_ms * 1000000;
    if (ending.way != BY_ITSELF && pthread_create(&thread, NULL, end_later, &ending) != 0)
        abort();
    error = fitbit_get(ending.client, path, &response);
    ended = now();
    if (ending.way != BY_ITSELF) {
        atomic_store(&ending.over, true);
        pthread_join(thread, NULL);
    }
    printf("%d %s %d %" PRId64 " %" PRId64 " %" PRId64 " %s\n", number,
           error == NULL ? "FITBIT_OK" : fitbit_error_code_name(fitbit_error_code(error)),
           error == NULL ? fitbit_response_status(response) : fitbit_error_http_status(error), begun,
           ending.asked, ended, error == NULL ? "" : fitbit_error_message(error));
    fitbit_error_free(error);
    fitbit_response_free(response);
}

static void *run(void *argument)
{
    struct script *script = argument;
    FitbitApp *app = new_app();
    FitbitClient *client = NULL;
    const char *token = GOOD_TOKEN;
    enum way way = BY_ITSELF;
    long end_ms = 0;
    char *rest = NULL, *word;

    for (word = strtok_r(script->words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        if (value == NULL)
            abort();
        *value++ = '\0';
        if (strcmp(word, "timeout") == 0)
            check(fitbit_app_set_timeout_ms(app, (uint32_t)atol(value)));
        else if (strcmp(word, "proxy") == 0)
            check(fitbit_app_set_proxy(app, value));
        else if (strcmp(word, "api") == 0)
            check(fitbit_app_set_endpoint(app, FITBIT_ENDPOINT_API, value));
        else if (strcmp(word, "token") == 0)
            set_token_endpoint(app, value);
        else if (strcmp(word, "expired") == 0)
            token = EXPIRED_TOKEN;
        else if (strcmp(word, "cancel") == 0 || strcmp(word, "abort") == 0 ||
                 strcmp(word, "shutdown") == 0) {
            way = *word == 'c' ? CANCEL : *word == 'a' ? ABORT : SHUTDOWN;
            end_ms = atol(value);
        } else if (strcmp(word, "get") == 0) {
            struct ending ending = {0};

            if (client == NULL)
                check(fitbit_from_token(app, token, saved, NULL, &client));
            ending.way = way;
            ending.app = app;
            ending.client = client;
            get(script->number, ending, value, end_ms);
            way = BY_ITSELF;
        } else
            abort();
    }
    fitbit_free(client);
    fitbit_app_free(app);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static int look_up_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int found = 0;

    if (tasks == NULL)
        abort();
    while ((task = readdir(tasks)) != NULL) {
        char path[300], name[32] = "";
        FILE *file;

        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        file = fopen(path, "r");
        if (file == NULL)
            continue; /* it has just ended, or is "." */
        if (fgets(name, sizeof name, file) != NULL && strcmp(name, "fitbit-look-up\n") == 0)
            found++;
        fclose(file);
    }
    closedir(tasks);
    return found;
}

int main(int argc, char **argv)
{
    pthread_t threads[256];
    struct script scripts[256];
    int max_look_ups = 0, i;

    if (argc < 3 || argc > 256)
        return 2;
    ca_file = argv[1];
    atomic_store(&running, argc - 2);
    for (i = 2; i < argc; i++) {
        scripts[i].number = i - 2;
        scripts[i].words = argv[i];
        if (pthread_create(&threads[i], NULL, run, &scripts[i]) != 0)
            abort();
    }
    while (atomic_load(&running) > 0) {
        int found = look_up_threads();

        if (found > max_look_ups)
            max_look_ups = found;
        pause_ms(5);
    }
    for (i = 2; i < argc; i++)
        pthread_join(threads[i], NULL);
    printf("%d\n", max_look_ups);
    return 0;
}
