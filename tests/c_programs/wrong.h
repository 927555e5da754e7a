/*
 * What the programs of wrong use share: each call is looked at, and printed as
 *
 *     <function> <argument> <what was wrong with it>
 *
 * so that the test can hold the list against the header and see what was left out.
 */

#ifndef WRONG_H
#define WRONG_H

#include "program.h"

#include <ctype.h>

/* What out-pointers point to before a call: it must not be left there. */
static char garbage[] = "garbage";

static inline int is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Whether the message has the argument's name in it, as a word. */
static inline int names(const char *message, const char *argument)
{
    const char *at = message;
    size_t len = strlen(argument);
    while ((at = strstr(at, argument)) != NULL) {
        if ((at == message || !is_word(at[-1])) && !is_word(at[len])) {
            return 1;
        }
        at += len;
    }
    return 0;
}

static inline void refused(FitbitError *error, const char *function, const char *argument,
                           const char *wrong)
{
    const char *message = fitbit_error_message(error);
    if (fitbit_error_code(error) != FITBIT_ERROR_INVALID_ARGUMENT || !names(message, argument)) {
        fprintf(stderr, "%s, %s is %s: %s: %s\n", function, argument, wrong,
                fitbit_error_code_name(fitbit_error_code(error)), message);
        exit(1);
    }
    CHECK(fitbit_error_http_status(error) == 0);
    CHECK(fitbit_error_retry_after(error) == -1);
    CHECK(fitbit_error_body(error) == NULL && fitbit_error_provider_type(error) == NULL);
    fitbit_error_free(error);
    printf("%s %s %s\n", function, argument, wrong);
}

/* The call is refused because of this argument. */
#define REFUSED(function, argument, wrong, ...) \
    refused(function(__VA_ARGS__), #function, (argument), (wrong))

/* The same, and nothing is left in `out`. */
#define REFUSED_AND_CLEARED(out, function, argument, wrong, ...) \
    do { \
        (out) = (void *)garbage; \
        REFUSED(function, argument, wrong, __VA_ARGS__); \
        CHECK((out) == NULL); \
    } while (0)

/* The call succeeds: the header says that this argument may be so. */
#define ACCEPTED(function, argument, how, ...) \
    do { \
        SUCCEED(function(__VA_ARGS__)); \
        printf("%s %s %s\n", #function, (argument), (how)); \
    } while (0)

#endif
