/*
 * Paths that name no file, and one that would break a message's line: an error, and nothing is
 * written anywhere.
 *
 *     odd_paths <provider's address> <a token> <empty folder>
 */

#include "wrong.h"

#include <dirent.h>

static void check_line(FitbitError *error, FitbitErrorCode code)
{
    for (const char *at = fitbit_error_message(error); *at != '\0'; at++) {
        CHECK((unsigned char)*at >= ' ' && *at != 0x7f);
    }
    FAIL(error, code);
}

static void check_empty(const char *folder)
{
    int entries = 0;
    DIR *open = opendir(folder);
    CHECK(open != NULL);
    while (readdir(open) != NULL) {
        entries++;
    }
    closedir(open);
    CHECK(entries == 2); /* itself and its parent */
}

int main(int argc, char **argv)
{
    static const char *const no_files[] = {"", ".", "..", "/", "a/..", "./", "a/", "a/."};
    static const char line_break[] = "two\nlines\x1b[31m";
    FitbitClient *client, *new;
    CHECK(argc == 4);
    begin();
    FitbitApp *app = app_at(argv[1]);
    SUCCEED(fitbit_from_token(app, argv[2], NULL, NULL, &client));
    CHECK(chdir(argv[3]) == 0);
    for (size_t i = 0; i < sizeof no_files / sizeof no_files[0]; i++) {
        REFUSED_AND_CLEARED(new, fitbit_from_file, "path", no_files[i], app, no_files[i], &new);
        REFUSED(fitbit_set_token_file, "path", no_files[i], client, no_files[i]);
        check_empty(".");
    }
    CHECK(mkdir(line_break, 0700) == 0);
    check_line(fitbit_from_file(app, line_break, &new), FITBIT_ERROR_STORE);
    CHECK(rmdir(line_break) == 0);
    fitbit_free(client);
    fitbit_app_free(app);
    return 0;
}
