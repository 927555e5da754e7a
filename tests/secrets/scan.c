/*
 * A whole life of a login, then everything is freed, and the process searches its own memory for what
 * it has held: each secret, in every page that can be read, also without its first bytes, which an
 * allocator writes over when a block is freed. The secrets come in and stay masked, so that this program
 * holds no copy of its own; it knows where they pass through it, and wipes that.
 *
 *     scan <provider's address> <planted: keeps a copy on purpose; clean: does not;
 *                                late: neither, and one call reads what another has begun to read>
 */

#include "../c_programs/program.h"

#include <stdint.h>

#define MASK 0x5a
#define MOST 16
/* What glibc writes over at the beginning of a freed block: two pointers. */
#define OVERWRITTEN 16

static unsigned char masked[MOST][4096];
static const char *names[MOST];
static size_t lengths[MOST];
static int count;

/* What the compiler does not leave out. */
static void wipe(void *memory, size_t size)
{
    volatile unsigned char *bytes = memory;
    while (size-- > 0) {
        *bytes++ = 0;
    }
}

static void remember(const char *name, const char *secret, size_t length)
{
    CHECK(count < MOST && length >= 2 * OVERWRITTEN && length < sizeof masked[0]);
    names[count] = name;
    lengths[count] = length;
    for (size_t i = 0; i < length; i++) {
        masked[count][i] = (unsigned char)secret[i] ^ MASK;
    }
    count++;
}

/* The text between two others in a text. */
static void remember_between(const char *name, const char *text, const char *before, const char *end)
{
    const char *begin = strstr(text, before);
    CHECK(begin != NULL);
    begin += strlen(before);
    remember(name, begin, strcspn(begin, end));
}

static void remember_field(const char *name, FitbitClient *client, const char *field)
{
    char *value;
    SUCCEED(fitbit_token_field(client, field, &value));
    remember(name, value, strlen(value));
    fitbit_string_free(value);
}

static int save(const char *token_json, void *user_data)
{
    (void)user_data;
    return token_json[0] == '{';
}

/* `id:secret` as an Authorization header has it. */
static void base64(char *encoded, const char *id, const char *secret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[64];
    size_t length = (size_t)snprintf(text, sizeof text, "%s:%s", id, secret);
    for (size_t i = 0; i < length; i += 3) {
        unsigned long bits = 0;
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (i + k < length ? (unsigned char)text[i + k] : 0);
        }
        for (size_t k = 0; k < 4; k++) {
            *encoded++ = i + k <= length ? digits[bits >> (18 - 6 * k) & 63] : '=';
        }
    }
    *encoded = 0;
    wipe(text, sizeof text);
}

/* More than can remain by chance. */
enum { PLANTED = 8 };

static void a_life(const char *server, const char *planted)
{
    static char secret[] = "\x6f\x3f\x68\x3c\x6d\x3f\x6d\x3b\x63\x6a\x39\x6b\x6e\x3e\x6b\x38"
                           "\x62\x3b\x6c\x3e\x69\x38\x6a\x3c\x6e\x39\x63\x3f\x6b\x3b\x68\x6d";
    char plain[sizeof secret] = {0}, both[64];
    static const char *const paths[] = {"/oauth2/authorize", "/oauth2/token", "/oauth2/revoke", ""};
    FitbitApp *app;
    FitbitClient *client;
    FitbitResponse *response;
    char *uri, *session;
    for (size_t i = 0; i + 1 < sizeof secret; i++) {
        plain[i] = (char)(secret[i] ^ MASK);
    }
    remember("client secret", plain, strlen(plain));
    base64(both, "22SRVR", plain);
    remember("id and secret in base64", both, strlen(both));
    wipe(both, sizeof both);
    SUCCEED(fitbit_app_new(FITBIT_PROVIDER_FITBIT, "22SRVR", plain, "http://127.0.0.1:8080/callback",
                           &app));
    wipe(plain, sizeof plain);
    for (int endpoint = 0; endpoint < 4; endpoint++) {
        char address[256];
        snprintf(address, sizeof address, "%s%s", server, paths[endpoint]);
        SUCCEED(fitbit_app_set_endpoint(app, (FitbitEndpoint)endpoint, address));
    }
    SUCCEED(fitbit_step_one(app, NULL, &uri, &session));
    remember_between("code verifier", session, "\"verifier\":\"", "\"");
    char *redirect_uri = ask("visit", uri);
    remember_between("authorization code", redirect_uri, "code=", "&#");
    SUCCEED(fitbit_step_two(app, session, redirect_uri, save, NULL, &client));
    wipe(redirect_uri, strlen(redirect_uri));
    free(redirect_uri);
    fitbit_string_free(uri);
    fitbit_string_free(session);

    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    fitbit_response_free(response);
    remember_field("first access token", client, "access_token");
    remember_field("first refresh token", client, "refresh_token");
    if (strcmp(planted, "late") == 0) {
        free(ask("slow", ""));
        SUCCEED(fitbit_set_timeout_ms(client, 350));
        FAIL(fitbit_refresh(client), FITBIT_ERROR_TIMEOUT);
        SUCCEED(fitbit_set_timeout_ms(client, 0));
    }
    SUCCEED(fitbit_refresh(client));
    SUCCEED(fitbit_get(client, "/1/user/-/profile.json", &response));
    fitbit_response_free(response);
    remember_field("access token", client, "access_token");
    remember_field("refresh token", client, "refresh_token");
    if (strcmp(planted, "planted") == 0) {
        for (int copies = 0; copies < PLANTED; copies++)
            SUCCEED(fitbit_token_field(client, "access_token", &uri)); /* and never freed */
    }
    fitbit_free(client);
    fitbit_app_free(app);
}

static unsigned char window[1 << 20];

/* Whether all of a secret but its beginning stands there. */
static int is_rest(const unsigned char *bytes, int one)
{
    size_t at = OVERWRITTEN;
    while (at < lengths[one] && (*bytes ^ MASK) == masked[one][at]) {
        bytes++;
        at++;
    }
    return at == lengths[one];
}

/* How often each secret stands in one mapping. The window itself is left out. */
static size_t search(int memory, uint64_t from, uint64_t to, const char *where, int found[MOST])
{
    const size_t overlap = sizeof masked[0];
    size_t read_in_all = 0, seen = 0;
    uint64_t own = (uint64_t)(uintptr_t)window;
    for (uint64_t at = from; at < to;) {
        if (at >= own && at < own + sizeof window) {
            at = own + sizeof window;
            continue;
        }
        size_t size = sizeof window;
        size = to - at < size ? (size_t)(to - at) : size;
        size = at < own && own - at < size ? (size_t)(own - at) : size;
        ssize_t got = pread(memory, window, size, (off_t)at);
        if (got <= 0) {
            break;
        }
        read_in_all += (size_t)got;
        for (int one = 0; one < count; one++) {
            size_t length = lengths[one] - OVERWRITTEN;
            /* A whole secret has a rest too, so each copy is counted once; and no copy twice that
             * lies where two windows overlap. */
            for (size_t i = seen > length ? seen - length + 1 : 0; i + length <= (size_t)got; i++) {
                if (is_rest(window + i, one)) {
                    found[one]++;
                    size_t before = i < 40 ? i : 40;
                    printf("found %s in %s after ", names[one], where);
                    for (size_t k = i - before; k < i; k++) {
                        putchar(window[k] >= ' ' && window[k] < 127 ? window[k] : '.');
                    }
                    putchar('\n');
                }
            }
        }
        seen = (size_t)got == size && at + size < to && size == sizeof window ? overlap : 0;
        at += (size_t)got - seen;
    }
    wipe(window, sizeof window);
    return read_in_all;
}

int main(int argc, char **argv)
{
    static char line[4096];
    int found[MOST] = {0};
    size_t bytes = 0;
    CHECK(argc == 3);
    begin();
    a_life(argv[1], argv[2]);
    /* The line of talk with the test has had the code in it: stdio's own buffer. */
    have("go on with something long enough to lie over what was said before, which was an address "
         "with a code in it; and so this line is as long as an address can become, and its answer is");
    int memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(memory >= 0 && maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long long from, to;
        char rights[8], where[256] = "anonymous memory";
        CHECK(sscanf(line, "%llx-%llx %7s %*s %*s %*s %255[^\n]", &from, &to, rights, where) >= 3);
        if (rights[0] == 'r' && strstr(where, "[v") == NULL) {
            bytes += search(memory, from, to, where, found);
        }
    }
    fclose(maps);
    close(memory);
    for (int one = 0; one < count; one++) {
        printf("= %s: %d\n", names[one], found[one]);
    }
    printf("searched %zu bytes\n", bytes);
    return 0;
}
