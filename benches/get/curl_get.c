/* The same GET with libcurl, easy handle kept: curl_get URI TOKEN COUNT */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
    char authorization[4096];
    struct curl_slist *headers = NULL;
    CURL *curl;
    long i, count;

    if (argc != 4)
        return 2;
    count = atol(argv[3]);
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", argv[2]);
    headers = curl_slist_append(headers, authorization);
    curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "libfitbit/0.1.0");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    for (i = 0; i < count; i++) {
        struct body body = {NULL, 0};
        long status;
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
        if (curl_easy_perform(curl) != CURLE_OK || body.len == 0)
            return 1;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != 200)
            return 1;
        free(body.bytes);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return 0;
}
