/* The floor of many threads: raw_threads PATH SERVER THREADS each|users
 * The requests' bytes are ready, the answers' are counted; each thread has a kept connection, and
 * shares nothing. A user is a request for a token on a connection of its own, and a GET. */
#include "threads.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 16 * 1024 };

struct caller {
    int line;
    char buffer[ROOM];
};

static struct sockaddr_in server;
static char get_request[2048], token_request[2048];

static int dial(void)
{
    int yes = 1, line = socket(AF_INET, SOCK_STREAM, 0);
    require(connect(line, (struct sockaddr *)&server, sizeof server) == 0, "no connection");
    setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return line;
}

static void ask(int line, const char *request, char *buffer)
{
    size_t len = 0, whole = 0, sent = strlen(request);
    require(send(line, request, sent, 0) == (ssize_t)sent, "not sent");
    while (whole == 0 || len < whole) {
        ssize_t got = recv(line, buffer + len, ROOM - 1 - len, 0);
        char *end, *field;
        require(got > 0, "no answer");
        len += (size_t)got;
        buffer[len] = 0;
        if (whole != 0 || (end = strstr(buffer, "\r\n\r\n")) == NULL)
            continue;
        field = strstr(buffer, "Content-Length: ");
        require(field != NULL && strncmp(buffer, "HTTP/1.1 200", 12) == 0, "a bad answer");
        whole = (size_t)(end + 4 - buffer) + (size_t)atol(field + 16);
    }
}

static void get(void *state)
{
    struct caller *caller = state;
    if (caller->line < 0)
        caller->line = dial();
    ask(caller->line, get_request, caller->buffer);
}

static void come(void *state)
{
    struct caller *caller = state;
    int line = dial();
    ask(line, token_request, caller->buffer);
    close(line);
    get(caller);
}

int main(int argc, char **argv)
{
    void *states[MOST_THREADS];
    int i, threads;
    const char *host, *port;

    require(argc == 5, "PATH SERVER THREADS each|users");
    threads = threads_of(argv[3]);
    host = argv[2] + strlen("http://");
    port = strrchr(argv[2], ':');
    require(port != NULL, "a server without a port");
    server.sin_family = AF_INET;
    server.sin_port = htons((unsigned short)atoi(port + 1));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(get_request, sizeof get_request,
             "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
             "User-Agent: " USER_AGENT "\r\nAuthorization: Bearer " ACCESS_TOKEN "\r\n\r\n",
             argv[1], host);
    snprintf(token_request, sizeof token_request,
             "POST /oauth2/token HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n"
             "Accept-Encoding: gzip\r\nUser-Agent: " USER_AGENT "\r\nAuthorization: Basic "
             "MjI5NDJDOjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm\r\n"
             "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 102\r\n\r\n"
             "grant_type=refresh_token&refresh_token="
             "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
             host);
    for (i = 0; i < threads; i++) {
        struct caller *caller = malloc(sizeof *caller);
        require(caller != NULL, "no memory");
        caller->line = -1;
        states[i] = caller;
    }
    return drive_threads(threads, strcmp(argv[4], "users") == 0 ? come : get, states);
}
