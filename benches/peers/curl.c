/* libcurl, its easy handle kept as its documentation says: curl OPERATION SERVER [CA_FILE]
 * OPERATION is exchange, refresh, or the path to GET. It sends what this library sends, with a
 * timeout as this library has one, and hands the answer's text to nobody: no JSON is read. With
 * FITBIT_BENCH_FRESH in the environment each request has a connection of its own. */
#include "driver.h"
#include <curl/curl.h>

struct body {
    char *bytes;
    size_t len;
};

static CURL *easy;

static size_t take(char *data, size_t size, size_t count, void *user)
{
    struct body *body = user;
    char *grown = realloc(body->bytes, body->len + size * count + 1);
    if (grown == NULL)
        return 0;
    memcpy(grown + body->len, data, size * count);
    body->bytes = grown;
    body->len += size * count;
    return size * count;
}

static void perform(void *unused)
{
    struct body body = {NULL, 0};
    long status;
    (void)unused;
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    require(curl_easy_perform(easy) == CURLE_OK, "no answer");
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    require(status == 200 && body.len >= 128, "a bad answer");
    free(body.bytes);
}

int main(int argc, char **argv)
{
    struct curl_slist *headers = NULL;
    char uri[256];

    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts(curl_version()) < 0;
    require(argc >= 3, "OPERATION SERVER [CA_FILE]");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    if (getenv("FITBIT_BENCH_FRESH") != NULL) {
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    }
    if (argc > 3) { /* and not the system's folder of certificates, which GnuTLS would read each time */
        curl_easy_setopt(easy, CURLOPT_CAINFO, argv[3]);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (argv[1][0] == '/') {
        snprintf(uri, sizeof uri, "%s%s", argv[2], argv[1]);
        headers = curl_slist_append(headers, "Authorization: Bearer " ACCESS_TOKEN);
    } else {
        snprintf(uri, sizeof uri, "%s/oauth2/token", argv[2]);
        headers = curl_slist_append(headers, "Accept: application/json");
        curl_easy_setopt(easy, CURLOPT_USERPWD, CLIENT_ID ":" CLIENT_SECRET);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         strcmp(argv[1], "refresh") == 0
                             ? "grant_type=refresh_token&refresh_token="
                               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                             : "grant_type=authorization_code&code=abcdef0123&code_verifier="
                               "0123456789abcdef0123456789abcdef0123456789a&redirect_uri="
                               "https%3A%2F%2Fapp.example%2Fcallback");
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_URL, uri);
    drive(perform, NULL);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
    return 0;
}
