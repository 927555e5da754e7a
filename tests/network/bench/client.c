/* Makes calls through the library, and says of each when it began and ended:
 *     client CA-FILE SCRIPT...
 * Each script runs in a thread of its own. It is a list of words that are carried out in order:
 *     provider=NAME  fitbit or google, before everything else
 *     timeout=MS     proxy=URI   of the application, before the first call
 *     api=ORIGIN     where requests go
 *     token=ORIGIN   where a token is renewed
 *     expires=S      the seconds that are left to the token of the next client
 *     doubt=1        it is not known whether its refresh token is used
 *     file=PATH      the next client keeps its token there
 *     saving=MS      how long the program takes to save a token
 *     another=1      the next call is another client's, of the same application
 *     open=1         the client is made now; otherwise the first call makes it
 *     with=N         the next call is made by so many other handles at the same time
 *     pause=MS       nothing happens for so long
 *     cancel=MS      after so many milliseconds the next call is ended by fitbit_app_cancel,
 *     abort=MS       by fitbit_abort,
 *     shutdown=MS    or by fitbit_app_shutdown
 *     get=PATH       post=PATH   refresh=1   a call
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
#include <sys/stat.h>
#include <time.h>

#define MAX_CLIENTS 16
#define MAX_HANDLES 16

static const char *ca_file;
static atomic_int running;

enum way { BY_ITSELF, CANCEL, ABORT, SHUTDOWN };
enum what { GET, POST, REFRESH };

struct script {
    int number;
    char *words;
    FitbitProvider provider;
    FitbitApp *app;
    FitbitClient *clients[MAX_CLIENTS]; /* the last one is the one that makes the calls */
    int count;
    int64_t expires_in;
    int in_doubt;
    const char *file;
    long saving_ms;
    int with;
    enum way way;
    long end_ms;
};

struct call {
    FitbitClient *client;
    enum what what;
    const char *path;
    int64_t begun, ended;
    FitbitError *error;
    FitbitResponse *response;
};

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
    const struct script *script = user_data;

    (void)token;
    pause_ms(script->saving_ms);
    return 1;
}

static void new_app(struct script *script)
{
    check(fitbit_app_new(script->provider, "23ABCD", "a-client-secret", "https://app.example/", &script->app));
    check(fitbit_app_set_ca_file(script->app, ca_file));
}

static void set_token_endpoint(struct script *script, const char *origin)
{
    char endpoint[512];
    const char *path = script->provider == FITBIT_PROVIDER_FITBIT ? "/oauth2/token" : "/token";

    snprintf(endpoint, sizeof endpoint, "%s%s", origin, path);
    check(fitbit_app_set_endpoint(script->app, FITBIT_ENDPOINT_TOKEN, endpoint));
}

/* Which token it begins with follows from its number. */
static void new_client(struct script *script)
{
    char token[512];
    FILE *file;

    if (script->count == MAX_CLIENTS)
        abort();
    snprintf(token, sizeof token,
             "{\"access_token\":\"old-%d\",\"refresh_token\":\"old-refresh-%d\","
             "\"token_type\":\"Bearer\",\"expires_at\":%" PRId64 "%s%s}",
             script->count, script->count, (int64_t)time(NULL) + script->expires_in,
             script->provider == FITBIT_PROVIDER_FITBIT ? ",\"user_id\":\"26FWFL\"" : "",
             script->in_doubt ? ",\"renewing_since\":1700000000" : "");
    if (script->file == NULL) {
        check(fitbit_from_token(script->app, token, saved, script, &script->clients[script->count++]));
        return;
    }
    file = fopen(script->file, "w");
    if (file == NULL || fputs(token, file) < 0 || fclose(file) != 0)
        abort();
    check(fitbit_from_file(script->app, script->file, &script->clients[script->count++]));
    script->file = NULL;
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

static void *make(void *argument)
{
    struct call *call = argument;

    call->begun = now();
    if (call->what == GET)
        call->error = fitbit_get(call->client, call->path, &call->response);
    else if (call->what == POST)
        call->error = fitbit_post(call->client, call->path, "a=form", &call->response);
    else
        call->error = fitbit_refresh(call->client);
    call->ended = now();
    return NULL;
}

static void report(const struct script *script, struct call *call, int64_t asked)
{
    FitbitError *error = call->error;

    printf("%d %s %d %" PRId64 " %" PRId64 " %" PRId64 " %s\n", script->number,
           error ? fitbit_error_code_name(fitbit_error_code(error)) : "FITBIT_OK",
           error ? fitbit_error_http_status(error) : fitbit_response_status(call->response),
           call->begun, asked, call->ended, error ? fitbit_error_message(error) : "");
    fitbit_error_free(error);
    fitbit_response_free(call->response);
}

/* By the client itself, and by the other handles that the script asks for. */
static void make_calls(struct script *script, enum what what, const char *path)
{
    FitbitClient *client = script->clients[script->count - 1];
    struct ending ending = {0};
    struct call calls[MAX_HANDLES + 1] = {{0}};
    pthread_t threads[MAX_HANDLES], thread;
    int i;

    if (script->with > MAX_HANDLES)
        abort();
    ending.way = script->way;
    ending.app = script->app;
    ending.client = client;
    ending.at = now() + script->end_ms * 1000000;
    if (ending.way != BY_ITSELF && pthread_create(&thread, NULL, end_later, &ending) != 0)
        abort();
    for (i = 0; i <= script->with; i++) {
        calls[i].client = client;
        calls[i].what = what;
        calls[i].path = path;
        if (i == 0)
            continue;
        check(fitbit_dup(client, &calls[i].client));
        if (pthread_create(&threads[i - 1], NULL, make, &calls[i]) != 0)
            abort();
    }
    make(&calls[0]);
    if (ending.way != BY_ITSELF) {
        atomic_store(&ending.over, true);
        pthread_join(thread, NULL);
    }
    for (i = 0; i <= script->with; i++) {
        if (i > 0) {
            pthread_join(threads[i - 1], NULL);
            fitbit_free(calls[i].client);
        }
        report(script, &calls[i], i == 0 ? ending.asked : 0);
    }
    script->with = 0;
    script->way = BY_ITSELF;
}

static int is(const char *word, const char *name)
{
    return strcmp(word, name) == 0;
}

static void carry_out(struct script *script, const char *word, const char *value)
{
    if (is(word, "provider")) {
        script->provider = is(value, "google") ? FITBIT_PROVIDER_GOOGLE_HEALTH : FITBIT_PROVIDER_FITBIT;
        fitbit_app_free(script->app);
        new_app(script);
    } else if (is(word, "timeout"))
        check(fitbit_app_set_timeout_ms(script->app, (uint32_t)atol(value)));
    else if (is(word, "proxy"))
        check(fitbit_app_set_proxy(script->app, value));
    else if (is(word, "api"))
        check(fitbit_app_set_endpoint(script->app, FITBIT_ENDPOINT_API, value));
    else if (is(word, "token"))
        set_token_endpoint(script, value);
    else if (is(word, "expires"))
        script->expires_in = atol(value);
    else if (is(word, "doubt"))
        script->in_doubt = 1;
    else if (is(word, "file"))
        script->file = value;
    else if (is(word, "saving"))
        script->saving_ms = atol(value);
    else if (is(word, "another") || is(word, "open"))
        new_client(script);
    else if (is(word, "with"))
        script->with = atoi(value);
    else if (is(word, "pause"))
        pause_ms(atol(value));
    else if (is(word, "cancel") || is(word, "abort") || is(word, "shutdown")) {
        script->way = *word == 'c' ? CANCEL : *word == 'a' ? ABORT : SHUTDOWN;
        script->end_ms = atol(value);
    } else if (is(word, "get") || is(word, "post") || is(word, "refresh")) {
        if (script->count == 0)
            new_client(script);
        make_calls(script, *word == 'g' ? GET : *word == 'p' ? POST : REFRESH, value);
    } else
        abort();
}

static void *run(void *argument)
{
    struct script *script = argument;
    char *rest = NULL, *word;
    int i;

    script->provider = FITBIT_PROVIDER_FITBIT;
    script->expires_in = 8 * 3600;
    new_app(script);
    for (word = strtok_r(script->words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        if (value == NULL)
            abort();
        *value++ = '\0';
        carry_out(script, word, value);
    }
    for (i = 0; i < script->count; i++)
        fitbit_free(script->clients[i]);
    fitbit_app_free(script->app);
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
    static struct script scripts[256];
    int max_look_ups = 0, i;

    if (argc < 3 || argc > 256)
        return 2;
    ca_file = argv[1];
    umask(077); /* as token files want it */
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
