/*
 * Moves the users of a program from Fitbit to Google Health, one consent after the other, while the
 * program goes on for those who have not come yet.  cc migrate.c -lfitbit
 *
 *     migrate FOLDER
 *
 * The folder is the user table: NAME.fitbit.json or NAME.google.json holds the login of the user NAME,
 * a token file of the library's: private, replaced as a whole, shared with the program that serves
 * these users meanwhile. Settings are those of services.h.
 *
 * Every login is tried. Where Fitbit has been switched off (FITBIT_ERROR_PROVIDER_RETIRED), or the
 * login has ended, the person is asked for their consent at Google. The row moves when it is certain
 * that the same person said yes: first the new file is written, then the old one removed. Whoever
 * says no, or closes the window, stays where they are and is asked next time. It can be ended at any
 * moment and run as often as you like: a row is moved whole, or not at all.
 */
#define _POSIX_C_SOURCE 200809L
#include "json.h"
#include "services.h"
#include <dirent.h>
#include <unistd.h>

enum { FITBIT, GOOGLE };

static FitbitApp *apps[2];

/* Says what went wrong with a row, which stays as it is. */
static int stays(const char *name, FitbitError *error)
{
    printf("%s stays: %s: %s\n", name, fitbit_error_code_name(fitbit_error_code(error)),
           fitbit_error_message(error));
    fitbit_error_free(error);
    return 0;
}

/* "FOLDER/NAME.fitbit.json", in the array that is passed. */
static const char *row(const char *folder, const char *name, int service, char path[4096])
{
    if (snprintf(path, 4096, "%s/%s.%s.json", folder, name, SERVICES[service].name) >= 4096)
        fail(name, "the path is too long");
    return path;
}

/* The length of NAME in the file name of this service's row; 0: it is something else. */
static size_t name_len(const char *file, int service)
{
    const char *suffix = service == FITBIT ? ".fitbit.json" : ".google.json";
    size_t len = strlen(file);

    return len > 12 && strcmp(file + len - 12, suffix) == 0 ? len - 12 : 0;
}

static int is_row(const struct dirent *file)
{
    return name_len(file->d_name, FITBIT) > 0 || name_len(file->d_name, GOOGLE) > 0;
}

/* Whether this login works: any request will do. */
static FitbitError *try_out(FitbitClient *client, int service)
{
    FitbitResponse *answer;
    FitbitError *error = fitbit_get(client, service == FITBIT ? "/1/user/-/profile.json"
                                                              : "/v4/users/me/identity", &answer);

    fitbit_response_free(answer);
    return error;
}

/* Whether the Google login is that of the person with this id. Google knows the id that Fitbit had
 * for them as legacyUserId, and its own as healthUserId: the latter is what fitbit_user_id gives. */
static FitbitError *is_of(FitbitClient *client, const char *field, const char *id, int *same)
{
    FitbitResponse *identity;
    FitbitError *error = fitbit_get(client, "/v4/users/me/identity", &identity);

    *same = 0;
    if (error == NULL) {
        const char *object = json_object(fitbit_response_body(identity));
        size_t len;
        const char *text = json_text(json_member(object, field), &len);

        *same = text != NULL && len == strlen(id) && memcmp(text, id, len) == 0;
    }
    fitbit_response_free(identity);
    return error;
}

/* Asks for a consent, and writes the new login into `path` if the right person gave it. */
static int consent(const char *name, const char *field, const char *id, const char *path)
{
    FitbitClient *client;
    FitbitError *error;
    char *user_id = NULL;
    int same;

    printf("%s (%s) has to log in at Google.\n", name, id);
    error = ask_for_consent(apps[GOOGLE], &client);
    if (fitbit_error_code(error) == FITBIT_ERROR_ACCESS_DENIED) {
        fitbit_error_free(error);
        printf("%s said no, and is asked again next time.\n", name);
        return 0;
    }
    if (error == NULL)
        error = is_of(client, field, id, &same);
    if (error == NULL && !same) {
        /* Their token is dropped, not revoked: that would end every login that this person has with
         * this program, and they may well be another of its users. */
        fitbit_free(client);
        printf("%s stays: somebody else logged in.\n", name);
        return 0;
    }
    if (error == NULL)
        error = fitbit_user_id(client, &user_id); /* from here on it stands in the token too */
    if (error == NULL)
        error = fitbit_set_token_file(client, path);
    if (error == NULL)
        printf("%s is moved: %s is now %s.\n", name, id, user_id);
    fitbit_string_free(user_id);
    fitbit_free(client);
    return error == NULL ? 1 : stays(name, error);
}

/* Tries what a row holds, and asks for a new consent where that has come to its end. */
static int serve(const char *folder, const char *name, int service)
{
    char old[4096], new[4096], *id = NULL;
    FitbitClient *client;
    FitbitError *error;
    FitbitErrorCode code;
    int served = 0;

    error = fitbit_from_file(apps[service], row(folder, name, service, old), &client);
    if (error == NULL)
        error = fitbit_user_id(client, &id); /* Fitbit's is in the token */
    if (error != NULL) {
        fitbit_free(client);
        return stays(name, error);
    }
    error = try_out(client, service);
    code = fitbit_error_code(error);
    fitbit_free(client);
    if (error == NULL) {
        printf("%s: %s of %s works.\n", name, id, SERVICES[service].name);
        served = 1;
    } else if (code == FITBIT_ERROR_PROVIDER_RETIRED || code == FITBIT_ERROR_REAUTHORIZE) {
        fitbit_error_free(error);
        served = consent(name, service == FITBIT ? "legacyUserId" : "healthUserId", id,
                         row(folder, name, GOOGLE, new));
        if (served && service == FITBIT)
            unlink(old);
    } else {
        stays(name, error); /* no network, a limit: it is no reason to ask anybody */
    }
    fitbit_string_free(id);
    return served;
}

int main(int count, char **arguments)
{
    struct dirent **files;
    int i, rows, users = 0, served = 0;

    if (count != 2)
        fail("Usage", "migrate FOLDER");
    apps[FITBIT] = new_app(&SERVICES[FITBIT]);
    apps[GOOGLE] = new_app(&SERVICES[GOOGLE]);
    rows = scandir(arguments[1], &files, is_row, alphasort);
    if (rows < 0)
        fail(arguments[1], "it is no folder that can be read");
    for (i = 0; i < rows; i++) {
        char *name = files[i]->d_name, path[4096];
        int service = name_len(name, FITBIT) > 0 ? FITBIT : GOOGLE;

        name[name_len(name, service)] = '\0';
        if (service == FITBIT && access(row(arguments[1], name, GOOGLE, path), F_OK) == 0) {
            unlink(row(arguments[1], name, FITBIT, path)); /* it has moved, but for this */
            continue;
        }
        users++;
        served += serve(arguments[1], name, service);
    }
    printf("%d of %d users have a login that works.\n", served, users);

    for (i = 0; i < rows; i++)
        free(files[i]);
    free(files);
    fitbit_app_free(apps[FITBIT]);
    fitbit_app_free(apps[GOOGLE]);
    return served == users ? EXIT_SUCCESS : EXIT_FAILURE;
}
