/* Memory of libcurl's easy handles, one for each person, with that person's header:
 * curl_memory COUNT */
#include "memory.h"
#include <curl/curl.h>

static CURL *come(size_t person)
{
    char header[1024];
    CURL *easy = curl_easy_init();
    require(easy != NULL, "no handle");
    snprintf(header, sizeof header, "Authorization: Bearer %s", access_token(person));
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, curl_slist_append(NULL, header));
    return easy;
}

int main(int argc, char **argv)
{
    size_t count, i;
    struct memory before, after;

    require(argc == 2, "COUNT");
    count = strtoul(argv[1], NULL, 10);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (i = 0; i < (count < WARM ? 1 : WARM); i++)
        come(count + i);
    before = memory();
    for (i = 0; i < count; i++)
        come(i);
    after = memory();
    report(count, before, after);
    return 0;
}
