/* libcurl from many threads, an easy handle for each, as its documentation says: they share nothing.
 * curl_threads PATH SERVER THREADS */
#include "threads.h"
#include <curl/curl.h>

struct body {
    char *bytes;
    size_t len;
};

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

static void get(void *easy)
{
    struct body body = {NULL, 0};
    long status;
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    require(curl_easy_perform(easy) == CURLE_OK, "no answer");
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    require(status == 200 && body.len >= 2048, "a bad answer");
    free(body.bytes);
}

int main(int argc, char **argv)
{
    struct curl_slist *headers;
    void *handles[MOST_THREADS];
    char uri[256];
    int i, threads;

    require(argc >= 4, "PATH SERVER THREADS");
    threads = threads_of(argv[3]);
    snprintf(uri, sizeof uri, "%s%s", argv[2], argv[1]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers = curl_slist_append(NULL, "Authorization: Bearer " ACCESS_TOKEN);
    for (i = 0; i < threads; i++) {
        handles[i] = curl_easy_init();
        curl_easy_setopt(handles[i], CURLOPT_ACCEPT_ENCODING, "gzip");
        curl_easy_setopt(handles[i], CURLOPT_USERAGENT, USER_AGENT);
        curl_easy_setopt(handles[i], CURLOPT_TIMEOUT_MS, 30000L);
        curl_easy_setopt(handles[i], CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(handles[i], CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(handles[i], CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(handles[i], CURLOPT_URL, uri);
    }
    drive_threads(threads, get, handles);
    for (i = 0; i < threads; i++)
        curl_easy_cleanup(handles[i]);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}
