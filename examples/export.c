/*
 * Exports daily steps and sleep into a CSV file, from Fitbit or from Google Health: page by page,
 * through rate limits, and so that it can be ended at any moment.  cc export.c -lfitbit
 *
 *     export fitbit|google FILE.csv [DAYS [LAST_DAY]]        365 days up to yesterday
 *
 * Its settings are those of services.h. The login is kept in fitbit-token.json or google-token.json.
 *
 * Rows are gathered in FILE.csv.fitbit.part (or .google.part), a day each, in order. That file is the
 * checkpoint too: the same command, run again after Ctrl-C, an error or a kill, cuts off a row that is
 * not whole and goes on with the day after the last one. FILE.csv appears when it is complete.
 */
#define _POSIX_C_SOURCE 200809L
#include "json.h"
#include "services.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* Days that are asked for together: Google adds up to 90. An interruption costs at most the requests
 * for one such window. Nights on a page: Fitbit gives up to 100, Google 25. */
enum { WINDOW = 30, PAGE = 20 };

/* Some days on their way into the file. Days are counted from 1970-01-01; -1: there is no value. */
struct window {
    long first;
    int days;
    long steps[WINDOW], asleep[WINDOW];
};

static FitbitApp *app;
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    stopped = signal;
    fitbit_app_shutdown(app);
}

/* One line that is written over again and again, where somebody is watching. */
static void progress(const char *what, long done, long all)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%s: %ld of %ld    ", what, done, all);
}

/* ---- dates ---- */

static long day_of(long year, long month, long day)
{
    struct tm date = {0};

    date.tm_year = (int)year - 1900;
    date.tm_mon = (int)month - 1;
    date.tm_mday = (int)day;
    return (long)(mktime(&date) / 86400); /* in UTC, as main has it, every day has 86400 seconds */
}

static struct tm date_of(long day)
{
    time_t seconds = (time_t)day * 86400;

    return *gmtime(&seconds);
}

/* "2026-01-31", in the array that is passed. */
static const char *date_text(long day, char text[11])
{
    struct tm date = date_of(day);

    strftime(text, 11, "%Y-%m-%d", &date);
    return text;
}

static long read_date(const char *text) /* -1: it is none */
{
    int year, month, day;

    if (text == NULL || sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return -1;
    return day_of(year, month, day);
}

/* ---- requests ---- */

/* Sends a GET, or a POST where there is JSON; or, with a page in hand, asks for the page after it and
 * frees that one. The library waits out a short rate limit by itself; a long one is waited out here,
 * where Ctrl-C is heard. NULL: that was the last page, or it was stopped. */
static FitbitResponse *ask(FitbitClient *client, const char *path, const char *json,
                           FitbitResponse *page)
{
    FitbitResponse *answer = NULL;
    FitbitError *error = NULL;

    while (!stopped) {
        long second, wait;

        if (page != NULL)
            error = fitbit_next_page(client, page, &answer);
        else if (json == NULL)
            error = fitbit_get(client, path, &answer);
        else
            error = fitbit_request(client, "POST", path, "application/json", json, strlen(json),
                                   &answer);
        if (fitbit_error_code(error) != FITBIT_ERROR_RATE_LIMITED)
            break;
        wait = (long)fitbit_error_retry_after(error);
        wait = wait < 0 ? 60 : wait;
        fitbit_error_free(error);
        error = NULL;
        for (second = 0; second < wait && !stopped; second++) {
            progress("Too many requests, waiting for seconds", second, wait);
            sleep(1);
        }
    }
    fitbit_response_free(page);
    if (fitbit_error_code(error) == FITBIT_ERROR_CANCELLED) { /* by Ctrl-C */
        fitbit_error_free(error);
        error = NULL;
    }
    check(error); /* what is in the file stays: run it again */
    return answer;
}

/* A list in an answer. Fitbit always has it; Google leaves out one that is empty. */
static const char *list(const FitbitResponse *page, const char *name, int may_lack)
{
    const char *object = json_object(fitbit_response_body(page)), *value = json_member(object, name);

    if (object == NULL || json_member(object, "error") != NULL || (value == NULL && !may_lack))
        fail("An answer lacks", name);
    return json_first(value);
}

/* Adds to a day, if it is in the window: of several sleeps that end on one day, all count. */
static void add(struct window *window, long *values, long day, long value)
{
    long at = day - window->first;

    if (at >= 0 && at < window->days && value >= 0)
        values[at] = (values[at] < 0 ? 0 : values[at]) + value;
}

static long fitbit_date(const char *value)
{
    size_t len;

    return read_date(json_text(value, &len));
}

static void fetch_fitbit(FitbitClient *client, struct window *window)
{
    char path[160], from[11], until[11];
    const char *at;
    FitbitResponse *page;
    long day = 0, last = window->first + window->days - 1;

    snprintf(path, sizeof path, "/1/user/-/activities/steps/date/%s/%s.json",
             date_text(window->first, from), date_text(last, until));
    page = ask(client, path, NULL, NULL);
    for (at = page == NULL ? NULL : list(page, "activities-steps", 0); at; at = json_next(at))
        add(window, window->steps, fitbit_date(json_member(at, "dateTime")),
            json_number(json_member(at, "value")));
    fitbit_response_free(page);

    /* This list goes by when a sleep began, and has no end: what lies outside is not added. */
    snprintf(path, sizeof path, "/1.2/user/-/sleep/list.json?afterDate=%s&sort=asc&offset=0&limit=%d",
             date_text(window->first - 2, from), PAGE);
    for (page = ask(client, path, NULL, NULL); page != NULL; page = ask(client, NULL, NULL, page)) {
        for (at = list(page, "sleep", 0); at != NULL; at = json_next(at)) {
            day = fitbit_date(json_member(at, "dateOfSleep"));
            add(window, window->asleep, day, json_number(json_member(at, "minutesAsleep")));
        }
        if (day > last)
            break;
    }
    fitbit_response_free(page);
}

static long google_date(const char *civil_time)
{
    const char *date = json_member(civil_time, "date");

    return day_of(json_number(json_member(date, "year")), json_number(json_member(date, "month")),
                  json_number(json_member(date, "day")));
}

static void fetch_google(FitbitClient *client, struct window *window)
{
    char text[400], from[11], until[11];
    const char *at, *night;
    FitbitResponse *page;
    long after = window->first + window->days;
    struct tm start = date_of(window->first), end = date_of(after);

    snprintf(text, sizeof text,
             "{\"range\":{\"start\":{\"date\":{\"year\":%d,\"month\":%d,\"day\":%d}},"
             "\"end\":{\"date\":{\"year\":%d,\"month\":%d,\"day\":%d}}},\"windowSizeDays\":1}",
             start.tm_year + 1900, start.tm_mon + 1, start.tm_mday, end.tm_year + 1900,
             end.tm_mon + 1, end.tm_mday);
    page = ask(client, "/v4/users/me/dataTypes/steps/dataPoints:dailyRollUp", text, NULL);
    for (at = page == NULL ? NULL : list(page, "rollupDataPoints", 1); at; at = json_next(at))
        add(window, window->steps, google_date(json_member(at, "civilStartTime")),
            json_number(json_member(json_member(at, "steps"), "countSum")));
    fitbit_response_free(page);

    /* Reconciled: what a watch and a phone have both seen is one night. The library encodes what an
     * address may not hold. */
    snprintf(text, sizeof text,
             "/v4/users/me/dataTypes/sleep/dataPoints:reconcile?pageSize=%d&filter="
             "sleep.interval.civil_end_time >= \"%s\" AND sleep.interval.civil_end_time < \"%s\"",
             PAGE, date_text(window->first, from), date_text(after, until));
    for (page = ask(client, text, NULL, NULL); page != NULL; page = ask(client, NULL, NULL, page))
        for (at = list(page, "dataPoints", 1); at != NULL; at = json_next(at)) {
            night = json_member(at, "sleep");
            add(window, window->asleep,
                google_date(json_member(json_member(night, "interval"), "civilEndTime")),
                json_number(json_member(json_member(night, "summary"), "minutesAsleep")));
        }
}

/* ---- the file ---- */

/* Opens what earlier runs have gathered. `*next` becomes the first day that is missing; `*start` the
 * day that they began with, unless this run was told its days. */
static FILE *open_part(const char *path, int days, int told, long *start, long *next)
{
    static const char HEADER[] = "date,steps,minutes_asleep\n";
    struct flock lock = {0}; /* one export at a time; gone with the process */
    char line[128], date[11];
    long whole = 0;
    int file = open(path, O_RDWR | O_CREAT, 0600);
    FILE *part = file < 0 ? NULL : fdopen(file, "r+");

    lock.l_type = F_WRLCK;
    if (part == NULL || fcntl(file, F_SETLK, &lock) != 0)
        fail(path, strerror(errno));
    *next = *start;
    if (fgets(line, sizeof line, part) != NULL && strcmp(line, HEADER) == 0) {
        whole = ftell(part);
        while (*next < *start + days && fgets(line, sizeof line, part) != NULL) {
            if (*next == *start && !told && read_date(line) >= 0)
                *next = *start = read_date(line);
            if (strncmp(line, date_text(*next, date), 10) != 0 || strchr(line, '\n') == NULL)
                break;
            whole = ftell(part);
            ++*next;
        }
    }
    if (fseek(part, whole, SEEK_SET) != 0 || ftruncate(file, whole) != 0)
        fail(path, strerror(errno));
    if (whole == 0)
        fputs(HEADER, part);
    return part;
}

static void append(FILE *part, const struct window *window, const char *path)
{
    char date[11];
    int i;

    for (i = 0; i < window->days; i++) {
        fprintf(part, "%s,", date_text(window->first + i, date));
        if (window->steps[i] >= 0)
            fprintf(part, "%ld", window->steps[i]);
        putc(',', part);
        if (window->asleep[i] >= 0)
            fprintf(part, "%ld", window->asleep[i]);
        putc('\n', part);
    }
    if (fflush(part) != 0 || fsync(fileno(part)) != 0)
        fail(path, strerror(errno));
}

/* The login in the token file; where there is none, a person logs in. */
static FitbitClient *log_in(const char *token_file)
{
    FitbitClient *client;
    FitbitError *error = fitbit_from_file(app, token_file, &client);

    if (fitbit_error_code(error) == FITBIT_ERROR_REAUTHORIZE) {
        fitbit_error_free(error);
        check(ask_for_consent(app, &client));
        error = fitbit_set_token_file(client, token_file);
    }
    check(error);
    return client;
}

int main(int count, char **arguments)
{
    const struct service *service = SERVICES;
    struct sigaction action = {0};
    int i, days = count > 3 ? atoi(arguments[3]) : 365;
    time_t now = time(NULL);
    struct tm today = *localtime(&now); /* which is not over yet */
    struct window window;
    long start, last, next;
    char path[4096], date[11];
    FitbitClient *client;
    FILE *part;

    setenv("TZ", "UTC0", 1);
    last = day_of(today.tm_year + 1900L, today.tm_mon + 1L, today.tm_mday) - 1;
    if (count > 4)
        last = read_date(arguments[4]);
    service += count > 1 && strcmp(arguments[1], "google") == 0;
    if (count < 3 || strcmp(arguments[1], service->name) != 0 || days < 1 || last < days)
        fail("Usage", "export fitbit|google FILE.csv [DAYS [LAST_DAY]]");
    start = last - days + 1;
    snprintf(path, sizeof path, "%s.%s.part", arguments[2], service->name);
    part = open_part(path, days, count > 4, &start, &next);

    app = new_app(service);
    check(fitbit_app_set_rate_limit_wait(app, 3));
    client = log_in(service->provider == FITBIT_PROVIDER_FITBIT ? "fitbit-token.json"
                                                                : "google-token.json");
    action.sa_handler = stop;
    action.sa_flags = SA_RESETHAND; /* the second Ctrl-C ends it at once: that loses nothing either */
    sigaction(SIGINT, &action, NULL);
    while (next < start + days) {
        progress(date_text(next, date), next - start, days);
        window.first = next;
        window.days = start + days - next < WINDOW ? (int)(start + days - next) : WINDOW;
        for (i = 0; i < WINDOW; i++)
            window.steps[i] = window.asleep[i] = -1;
        (service->provider == FITBIT_PROVIDER_FITBIT ? fetch_fitbit : fetch_google)(client, &window);
        if (stopped) /* the window may lack a page */
            break;
        append(part, &window, path);
        next += window.days;
    }
    if (isatty(STDERR_FILENO))
        putc('\n', stderr);
    signal(SIGINT, SIG_IGN); /* its handler uses the app */
    fitbit_free(client);
    fitbit_app_free(app);
    if (fclose(part) != 0)
        fail(path, strerror(errno));
    if (next < start + days) {
        fprintf(stderr, "Stopped. Run it again to go on from %s.\n", date_text(next, date));
        return 128 + SIGINT;
    }
    if (rename(path, arguments[2]) != 0)
        fail(arguments[2], strerror(errno));
    printf("%d days are in %s.\n", days, arguments[2]);
    return EXIT_SUCCESS;
}
