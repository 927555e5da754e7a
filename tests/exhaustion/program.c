/*
 * A program with one login that does what it is told, a line at a time, and takes away from itself
 * what a test says: descriptors, memory, threads. It answers each line with one: what came of it,
 * or the error's name and message.
 *
 * usage: program TOKEN_ENDPOINT API CLIENT_ID CLIENT_SECRET TOKEN_JSON [CA_FILE]
 * PROVIDER, MAX_BODY and TIMEOUT_MS of the environment are the app's.
 */
#define _DEFAULT_SOURCE
#define _GNU_SOURCE /* setresuid */
#include <dirent.h>
#include <fcntl.h>
#include <fitbit.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static char **arguments;
static FitbitApp *app;
static FitbitClient *client;

static int on_token(const char *token_json, void *user_data)
{
    (void)token_json;
    (void)user_data;
    return 1;
}

static void must(FitbitError *error)
{
    if (error) {
        printf("%s %s\n", fitbit_error_code_name(fitbit_error_code(error)), fitbit_error_message(error));
        fflush(stdout);
        exit(1);
    }
}

static const char *of_environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static void open_login(FitbitApp **of, FitbitClient **opened)
{
    FitbitProvider provider = (FitbitProvider)atoi(of_environment("PROVIDER", "1"));
    must(fitbit_app_new(provider, arguments[3], arguments[4], "http://127.0.0.1:8080/callback", of));
    must(fitbit_app_set_endpoint(*of, FITBIT_ENDPOINT_TOKEN, arguments[1]));
    must(fitbit_app_set_endpoint(*of, FITBIT_ENDPOINT_REVOKE, arguments[1]));
    must(fitbit_app_set_endpoint(*of, FITBIT_ENDPOINT_API, arguments[2]));
    must(fitbit_app_set_timeout_ms(*of, (uint32_t)atol(of_environment("TIMEOUT_MS", "10000"))));
    must(fitbit_app_set_max_body(*of, (size_t)atol(of_environment("MAX_BODY", "268435456"))));
    if (arguments[6])
        must(fitbit_app_set_ca_file(*of, arguments[6]));
    must(fitbit_from_token(*of, arguments[5], on_token, NULL, opened));
}

static void say_error(FitbitError *error)
{
    printf("%s %s", fitbit_error_code_name(fitbit_error_code(error)), fitbit_error_message(error));
    fitbit_error_free(error);
}

/* The status, the length, and how the body begins. */
static void get(FitbitClient *from, const char *path)
{
    int shown = 0;
    const char *body = NULL;
    FitbitResponse *response = NULL;
    FitbitError *error = fitbit_get(from, path, &response);
    if (error)
        say_error(error);
    else {
        body = fitbit_response_body(response);
        while (shown < 60 && body[shown] >= ' ' && body[shown] <= '~')
            shown++;
        printf("%d %lu %.*s", fitbit_response_status(response),
               (unsigned long)fitbit_response_body_len(response), shown, body);
    }
    fitbit_response_free(response);
}

/* What follows that page: its status, or that it was the last one. */
static void next(const char *path)
{
    FitbitResponse *page = NULL, *following = NULL;
    FitbitError *error = fitbit_get(client, path, &page);
    if (!error)
        error = fitbit_next_page(client, page, &following);
    if (error)
        say_error(error);
    else if (following)
        printf("%d", fitbit_response_status(following));
    else
        fputs("the last one", stdout);
    fitbit_response_free(following);
    fitbit_response_free(page);
}

static void done(FitbitError *error)
{
    if (error)
        say_error(error);
    else
        fputs("ok", stdout);
}

static void step(void)
{
    char *address = NULL, *session = NULL;
    FitbitError *error = fitbit_step_one(app, NULL, &address, &session);
    if (error)
        say_error(error);
    else
        fputs(address, stdout);
    fitbit_string_free(address);
    fitbit_string_free(session);
}

/* Made, used and freed, so often: an app and a client each time. */
static void cycles(int count, const char *path)
{
    for (int i = 0; i < count; i++) {
        FitbitApp *mine = NULL;
        FitbitClient *login = NULL;
        FitbitResponse *response = NULL;
        char *token = NULL;
        open_login(&mine, &login);
        must(fitbit_get(login, path, &response));
        must(fitbit_token(login, &token));
        fitbit_string_free(token);
        fitbit_response_free(response);
        fitbit_free(login);
        fitbit_app_free(mine);
    }
    fputs("ok", stdout);
}

static void descriptors(void)
{
    int count = -3; /* ".", "..", and the folder's own */
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    printf("%d", count);
}

/* In KiB: "VmRSS:", "VmSize:". */
static long memory(const char *what)
{
    char line[256];
    long found = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, what, strlen(what)) == 0)
            found = atol(line + strlen(what));
    if (status)
        fclose(status);
    return found;
}

static void limit(int what, rlim_t most)
{
    struct rlimit limits;
    getrlimit((__rlimit_resource_t)what, &limits);
    limits.rlim_cur = most < limits.rlim_max ? most : limits.rlim_max;
    setrlimit((__rlimit_resource_t)what, &limits);
}

/* From now on so many more can be opened. */
static void leave_descriptors(int count)
{
    int next = 0;
    for (; count >= 0; next++)
        if (fcntl(next, F_GETFD) == -1)
            count--;
    limit(RLIMIT_NOFILE, (rlim_t)next - 1);
}

static void *nothing(void *unused)
{
    return unused;
}

/* Whether one more thread can be started: so that a test knows that it has taken that away. */
static void thread(void)
{
    pthread_t one;
    int refused = pthread_create(&one, NULL, nothing, NULL);
    if (!refused)
        pthread_join(one, NULL);
    fputs(refused ? "refused" : "ok", stdout);
}

/* Root is above the limit of processes: it has to be somebody else meanwhile. */
static void no_threads(void)
{
    if (getuid() == 0 && setresuid(NOBODY, NOBODY, 0) != 0)
        exit(3);
    limit(RLIMIT_NPROC, 0);
    thread();
}

static void threads_again(void)
{
    limit(RLIMIT_NPROC, RLIM_INFINITY);
    if (getuid() == NOBODY && setresuid(0, 0, 0) != 0)
        exit(3);
    thread();
}

static void obey(char *line);

/* A child does the rest of the line and says so in the parent's place. */
static void in_a_child(char *line)
{
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        alarm(30);
        obey(line);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

/* Both at once: the child says its part first. */
static void with_a_child(char *line)
{
    pid_t child;
    int status = 0;
    int said[2];
    char heard[4096];
    ssize_t length;
    if (pipe(said) != 0)
        exit(3);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        alarm(30);
        dup2(said[1], 1);
        obey(line);
        fflush(stdout);
        _exit(0);
    }
    close(said[1]);
    obey(line);
    length = read(said[0], heard, sizeof heard - 1);
    heard[length > 0 ? length : 0] = 0;
    close(said[0]);
    printf(" | %s", heard);
    waitpid(child, &status, 0);
}

static volatile int crowded, wrong;

/* Whether the answer is to this path: the server says it back. */
static int asks(const char *path, FitbitError **error)
{
    FitbitResponse *response = NULL;
    int right;
    *error = fitbit_get(client, path, &response);
    right = *error || strncmp(fitbit_response_body(response), path, strlen(path)) == 0;
    fitbit_response_free(response);
    return right;
}

static void *asking(void *path)
{
    while (crowded) {
        FitbitError *error = NULL;
        if (!asks(path, &error))
            wrong++;
        fitbit_error_free(error);
    }
    return NULL;
}

/* Forks again and again while other threads ask: how many children were answered, how many waited for
 * a lock that a thread held which they do not have, and how often anybody got another one's answer. */
static void fork_in_a_crowd(int count)
{
    static char path[] = "/parent";
    pthread_t threads[4];
    int answered = 0, hung = 0;
    crowded = 1;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, asking, path) != 0)
            exit(3);
    for (int i = 0; i < count; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            FitbitError *error = NULL;
            alarm(3);
            _exit(asks("/child", &error) ? error != NULL : 2);
        }
        waitpid(child, &status, 0);
        answered += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        wrong += WIFEXITED(status) && WEXITSTATUS(status) == 2;
        hung += WIFSIGNALED(status);
    }
    crowded = 0;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%d %d %d", answered, hung, wrong);
}

/* As after a restart: another client, of the token that this one holds. */
static void again(void)
{
    char *token = NULL;
    must(fitbit_token(client, &token));
    fitbit_free(client);
    must(fitbit_from_token(app, token, on_token, NULL, &client));
    fitbit_string_free(token);
    fputs("ok", stdout);
}

static void obey(char *line)
{
    char *word = strchr(line, ' ');
    if (word)
        *word++ = 0;
    else
        word = line + strlen(line);
    if (strcmp(line, "get") == 0)
        get(client, word);
    else if (strcmp(line, "next") == 0)
        next(word);
    else if (strcmp(line, "refresh") == 0)
        done(fitbit_refresh(client));
    else if (strcmp(line, "again") == 0)
        again();
    else if (strcmp(line, "step") == 0)
        step();
    else if (strcmp(line, "cancel") == 0) {
        fitbit_app_cancel(app);
        fputs("ok", stdout);
    } else if (strcmp(line, "free") == 0) {
        fitbit_free(client);
        fitbit_app_free(app);
        fputs("ok", stdout);
    } else if (strcmp(line, "cycles") == 0) {
        char *path = strchr(word, ' ');
        cycles(atoi(word), path ? path + 1 : "/");
    } else if (strcmp(line, "crowd") == 0)
        fork_in_a_crowd(atoi(word));
    else if (strcmp(line, "descriptors") == 0)
        descriptors();
    else if (strcmp(line, "resident") == 0)
        printf("%ld", memory("VmRSS:"));
    else if (strcmp(line, "no_descriptors") == 0) {
        limit(RLIMIT_NOFILE, 0);
        fputs("ok", stdout);
    } else if (strcmp(line, "leave_descriptors") == 0) {
        leave_descriptors(atoi(word));
        fputs("ok", stdout);
    } else if (strcmp(line, "timeout") == 0)
        done(fitbit_set_timeout_ms(client, (uint32_t)atol(word)));
    else if (strcmp(line, "descriptors_again") == 0) {
        limit(RLIMIT_NOFILE, RLIM_INFINITY);
        fputs("ok", stdout);
    } else if (strcmp(line, "memory") == 0) { /* so many KiB beyond what there is */
        limit(RLIMIT_AS, (rlim_t)(memory("VmSize:") + atol(word)) << 10);
        fputs("ok", stdout);
    } else if (strcmp(line, "memory_again") == 0) {
        limit(RLIMIT_AS, RLIM_INFINITY);
        fputs("ok", stdout);
    } else if (strcmp(line, "no_threads") == 0)
        no_threads();
    else if (strcmp(line, "threads_again") == 0)
        threads_again();
    else if (strcmp(line, "child") == 0)
        in_a_child(word);
    else if (strcmp(line, "both") == 0)
        with_a_child(word);
    else
        exit(4);
}

int main(int argc, char **argv)
{
    char line[4096];
    if (argc < 6)
        return 2;
    arguments = argv;
    open_login(&app, &client);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        obey(line);
        putchar('\n');
        fflush(stdout);
    }
    return 0;
}
