/*
 * Just enough JSON to look something up in an answer, for export.c and migrate.c. A value is a
 * pointer to where it begins in the text, NULL where there is none, and every function takes NULL.
 * The NUL behind the text ends every walk, whatever the text is. Names are compared as they are
 * written: one with an escape in it is not found. A larger program takes a JSON library.
 */
#ifndef EXAMPLE_JSON_H
#define EXAMPLE_JSON_H

#include <stdlib.h>
#include <string.h>

static inline const char *json_skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The colon, comma or bracket behind the name or value that begins here. */
static inline const char *json_behind(const char *at)
{
    int depth = 0, quoted = 0;

    for (; *at != '\0'; at++) {
        if (quoted && *at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && strchr("{[", *at) != NULL)
            depth++;
        else if (!quoted && depth == 0 && strchr("}],:", *at) != NULL)
            break;
        else if (!quoted && strchr("}]", *at) != NULL)
            depth--;
    }
    return at;
}

/* The object that a whole text is; NULL where it is none, or ends too early. */
static inline const char *json_object(const char *text)
{
    const char *object = text == NULL ? "" : json_skip_blanks(text), *at = object;

    if (*object != '{')
        return NULL;
    do
        at = json_behind(at + 1);
    while (*at == ',' || *at == ':');
    return *at == '}' ? object : NULL;
}

/* What an object has under this name. */
static inline const char *json_member(const char *object, const char *name)
{
    size_t len = strlen(name);
    const char *at = object == NULL || *object != '{' ? "" : json_skip_blanks(object + 1);

    while (*at == '"') {
        const char *colon = json_behind(at), *value = json_skip_blanks(colon + (*colon == ':'));

        if (*colon == ':' && strncmp(at + 1, name, len) == 0 && at[1 + len] == '"')
            return value;
        at = json_behind(value);
        at = json_skip_blanks(at + (*at == ','));
    }
    return NULL;
}

/* The first element of an array, and the one after an element. */
static inline const char *json_first(const char *array)
{
    const char *at = array == NULL || *array != '[' ? "" : json_skip_blanks(array + 1);

    return *at == '\0' || *at == ']' ? NULL : at;
}

static inline const char *json_next(const char *element)
{
    const char *at = json_behind(element);

    return *at == ',' ? json_skip_blanks(at + 1) : NULL;
}

/* The text of a string without its quotes, not NUL-terminated, and its length; NULL: it is none. */
static inline const char *json_text(const char *value, size_t *len)
{
    *len = 0;
    if (value == NULL || *value != '"')
        return NULL;
    while (value[1 + *len] != '"' && value[1 + *len] != '\\' && value[1 + *len] != '\0')
        ++*len;
    return value[1 + *len] == '"' ? value + 1 : NULL; /* ids and dates have no escapes */
}

/* A whole number from 0 on, bare or in quotes: Fitbit's series and Google's int64 are "4711". -1: it
 * is none. */
static inline long json_number(const char *value)
{
    if (value != NULL && *value == '"')
        value++;
    return value == NULL || *value < '0' || *value > '9' ? -1 : strtol(value, NULL, 10);
}

#endif
