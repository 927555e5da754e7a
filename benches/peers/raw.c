/* The floor: raw OPERATION SERVER
 * The request's bytes are ready, the answer's are counted; OPERATION is address, exchange, refresh,
 * or the path to GET. With FITBIT_BENCH_FRESH in the environment each request has a connection of its
 * own. */
#define _DEFAULT_SOURCE
#include "driver.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in server;
static int fresh, line = -1;
static char request[2048], *buffer;
enum { ROOM = 2 * 1024 * 1024 };

static void dial(void)
{
    int yes = 1;
    line = socket(AF_INET, SOCK_STREAM, 0);
    require(connect(line, (struct sockaddr *)&server, sizeof server) == 0, "no connection");
    setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static void ask(void *unused)
{
    size_t len = 0, whole = 0, sent = strlen(request);
    (void)unused;
    if (line < 0)
        dial();
    require(send(line, request, sent, 0) == (ssize_t)sent, "not sent");
    while (whole == 0 || len < whole) {
        ssize_t got = recv(line, buffer + len, ROOM - 1 - len, 0);
        require(got > 0, "no answer");
        len += (size_t)got;
        if (whole == 0) {
            char *end, *field;
            buffer[len] = 0;
            if ((end = strstr(buffer, "\r\n\r\n")) == NULL)
                continue;
            field = strstr(buffer, "Content-Length: ");
            require(field != NULL && strncmp(buffer, "HTTP/1.1 200", 12) == 0, "a bad answer");
            whole = (size_t)(end + 4 - buffer) + (size_t)atol(field + 16);
        }
    }
    if (fresh) {
        close(line);
        line = -1;
    }
}

/* Two random texts of 43 characters in an address whose rest is ready; nothing is hashed. */
static void address(void *unused)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[86];
    char text[86 + 1], *uri;
    size_t i;
    (void)unused;
    require(getrandom(random, sizeof random, 0) == (ssize_t)sizeof random, "no randomness");
    for (i = 0; i < sizeof random; i++)
        text[i] = digits[random[i] & 63];
    text[86] = 0;
    uri = malloc(1024);
    require(uri != NULL && snprintf(uri, 1024, "%s&state=%.43s&code_challenge=%.43s", request, text,
                                    text + 43) > 0, "no memory");
    free(uri);
}

int main(int argc, char **argv)
{
    char *port;
    const char *body;

    require(argc >= 3, "OPERATION SERVER");
    if (strcmp(argv[1], "address") == 0) {
        snprintf(request, sizeof request,
                 "https://www.fitbit.com/oauth2/authorize?response_type=code&client_id=" CLIENT_ID
                 "&redirect_uri=https%%3A%%2F%%2Fapp.example%%2Fcallback&scope=" SCOPES
                 "&code_challenge_method=S256");
        return drive(address, NULL);
    }
    port = strrchr(argv[2], ':');
    require(port != NULL, "a server without a port");
    server.sin_family = AF_INET;
    server.sin_port = htons((unsigned short)atoi(port + 1));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fresh = getenv("FITBIT_BENCH_FRESH") != NULL;
    buffer = malloc(ROOM);
    if (argv[1][0] == '/') {
        snprintf(request, sizeof request,
                 "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
                 "User-Agent: " USER_AGENT "\r\nAuthorization: Bearer " ACCESS_TOKEN "\r\n\r\n",
                 argv[1], argv[2] + strlen("http://"));
        return drive(ask, NULL);
    }
    body = strcmp(argv[1], "refresh") == 0
               ? "grant_type=refresh_token&refresh_token="
                 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
               : "grant_type=authorization_code&code=abcdef0123&code_verifier="
                 "0123456789abcdef0123456789abcdef0123456789a&redirect_uri="
                 "https%3A%2F%2Fapp.example%2Fcallback";
    snprintf(request, sizeof request,
             "POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n"
             "Accept-Encoding: gzip\r\nUser-Agent: " USER_AGENT "\r\nAuthorization: Basic "
             "MjI5NDJDOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
             argv[2] + strlen("http://"), (int)strlen(body), body);
    return drive(ask, NULL);
}
