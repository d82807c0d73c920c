/* The server side of every measurement over HTTP: answers each DynamoDB request with prepared bytes.
 *
 * Usage: null_dynamodb PORT FOLDER. FOLDER has one file per operation, GetItem.http and so on, each a complete HTTP response;
 * UnknownOperation.http answers every other target. Port 0 lets the system choose. The server prints the port first. Then it
 * answers every line on standard input with the requests so far ("GetItem 12 PutItem 3"), and exits at the end of standard
 * input, so it never outlives the bench. It exists to measure clients: it stores nothing and checks nothing.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_ANSWERS = 64,
    MAX_EVENTS = 512,
    FIRST_BUFFER = 16 * 1024,
    MAX_REQUEST = 32 * 1024 * 1024,
};

struct answer {
    char operation[64];
    char *bytes;
    size_t length;
    unsigned long asked;
};

/* Bytes from `start` to `end` of `bytes` are still to be read or sent. */
struct buffer {
    char *bytes;
    size_t capacity, start, end;
};

struct connection {
    int socket;
    bool waits_to_send;
    struct buffer received, to_send;
};

static struct answer answers[MAX_ANSWERS];
static size_t answer_count;
static struct answer *unknown_operation;
static int epoll;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void *checked(void *memory) {
    if (memory == NULL) die("memory");
    return memory;
}

static void load_answer(const char *folder, const char *file, size_t operation_length) {
    if (answer_count == MAX_ANSWERS || operation_length >= sizeof answers[0].operation) {
        fprintf(stderr, "null_dynamodb: too many answers, or too long a name: %s\n", file);
        exit(1);
    }
    struct answer *answer = &answers[answer_count++];
    memcpy(answer->operation, file, operation_length);
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) die(path);
    long length = ftell(stream);
    if (length <= 0) die(path);
    rewind(stream);
    answer->length = (size_t)length;
    answer->bytes = checked(malloc(answer->length));
    if (fread(answer->bytes, 1, answer->length, stream) != answer->length) die(path);
    fclose(stream);
    if (strcmp(answer->operation, "UnknownOperation") == 0) unknown_operation = answer;
}

static void load_answers(const char *folder) {
    DIR *directory = opendir(folder);
    if (directory == NULL) die(folder);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot != NULL && strcmp(dot, ".http") == 0) load_answer(folder, entry->d_name, (size_t)(dot - entry->d_name));
    }
    closedir(directory);
    if (unknown_operation == NULL) {
        fprintf(stderr, "null_dynamodb: %s has no UnknownOperation.http\n", folder);
        exit(1);
    }
}

static void print_asked(void) {
    for (size_t i = 0; i < answer_count; i++) printf("%s %lu ", answers[i].operation, answers[i].asked);
    printf("\n");
    fflush(stdout);
}

/* Makes room for `more` bytes at the end, dropping what was consumed at the front first. */
static void reserve(struct buffer *buffer, size_t more) {
    if (buffer->capacity - buffer->end >= more) return;
    size_t used = buffer->end - buffer->start;
    if (buffer->start > 0) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, used);
        buffer->start = 0;
        buffer->end = used;
    }
    if (buffer->capacity - used >= more) return;
    buffer->capacity = (used + more) * 2;
    buffer->bytes = checked(realloc(buffer->bytes, buffer->capacity));
}

/* The value of a header and its length; NULL if the head, which ends at `end`, has no header with this name. */
static const char *header(const char *head, const char *end, const char *name, size_t *length) {
    size_t name_length = strlen(name);
    const char *line = head;
    while (line < end) {
        const char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (line_end == NULL) line_end = end;
        bool named = (size_t)(line_end - line) > name_length && line[name_length] == ':';
        if (named && strncasecmp(line, name, name_length) == 0) {
            const char *value = line + name_length + 1;
            while (value < line_end && *value == ' ') value++;
            *length = (size_t)(line_end - value);
            return value;
        }
        line = line_end + 2;
    }
    return NULL;
}

/* A header's value as a size, read by its length: the buffer is not terminated. */
static size_t size_in(const char *digits, size_t length) {
    size_t size = 0;
    for (size_t i = 0; i < length && digits[i] >= '0' && digits[i] <= '9' && size <= MAX_REQUEST; i++) {
        size = size * 10 + (size_t)(digits[i] - '0');
    }
    return size;
}

/* X-Amz-Target is "DynamoDB_20120810." and the operation. */
static struct answer *answer_to(const char *head, const char *end) {
    size_t length = 0;
    const char *target = header(head, end, "x-amz-target", &length);
    const char *dot = target == NULL ? NULL : memchr(target, '.', length);
    if (dot == NULL) return unknown_operation;
    const char *operation = dot + 1;
    size_t operation_length = length - (size_t)(operation - target);
    for (size_t i = 0; i < answer_count; i++) {
        const char *known = answers[i].operation;
        if (strlen(known) == operation_length && memcmp(known, operation, operation_length) == 0) return &answers[i];
    }
    return unknown_operation;
}

/* Queues an answer to every complete request; false if the client sends more than a request may have. */
static bool answer_requests(struct connection *connection) {
    struct buffer *received = &connection->received;
    while (received->end > received->start) {
        const char *head = received->bytes + received->start;
        size_t available = received->end - received->start;
        const char *end = memmem(head, available, "\r\n\r\n", 4);
        if (end == NULL) return available <= MAX_REQUEST;
        size_t digits = 0;
        const char *content_length = header(head, end, "content-length", &digits);
        size_t body = content_length == NULL ? 0 : size_in(content_length, digits);
        if (body > MAX_REQUEST) return false;
        size_t whole = (size_t)(end - head) + 4 + body;
        if (available < whole) return true;
        struct answer *answer = answer_to(head, end);
        answer->asked++;
        reserve(&connection->to_send, answer->length);
        memcpy(connection->to_send.bytes + connection->to_send.end, answer->bytes, answer->length);
        connection->to_send.end += answer->length;
        received->start += whole;
    }
    received->start = received->end = 0;
    return true;
}

static void watch(int descriptor, int change, uint32_t events, void *whose) {
    struct epoll_event event = {.events = events, .data.ptr = whose};
    if (epoll_ctl(epoll, change, descriptor, &event) != 0) die("epoll_ctl");
}

static void hang_up(struct connection *connection) {
    close(connection->socket);
    free(connection->received.bytes);
    free(connection->to_send.bytes);
    free(connection);
}

/* False if the client is gone. */
static bool send_queued(struct connection *connection) {
    struct buffer *queue = &connection->to_send;
    while (queue->start < queue->end) {
        ssize_t sent = send(connection->socket, queue->bytes + queue->start, queue->end - queue->start, 0);
        if (sent >= 0) {
            queue->start += (size_t)sent;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            return false;
        }
    }
    bool left = queue->start < queue->end;
    if (!left) queue->start = queue->end = 0;
    if (left != connection->waits_to_send) {
        watch(connection->socket, EPOLL_CTL_MOD, EPOLLIN | (left ? EPOLLOUT : 0), connection);
        connection->waits_to_send = left;
    }
    return true;
}

/* False if the client is gone. One read only: remaining bytes make the descriptor ready again. */
static bool receive(struct connection *connection) {
    struct buffer *received = &connection->received;
    reserve(received, FIRST_BUFFER);
    ssize_t length = recv(connection->socket, received->bytes + received->end, received->capacity - received->end, 0);
    if (length < 0) return errno == EAGAIN || errno == EINTR;
    if (length == 0) return false;
    received->end += (size_t)length;
    return answer_requests(connection);
}

static void accept_all(int listener) {
    int socket;
    while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *connection = checked(calloc(1, sizeof *connection));
        connection->socket = socket;
        watch(socket, EPOLL_CTL_ADD, EPOLLIN, connection);
    }
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) die("accept4");
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) die("socket");
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) != 0) die("bind");
    if (listen(listener, 4096) != 0) die("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) die("getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT FOLDER\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    load_answers(argv[2]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0) die("epoll_create1");
    int listener = listen_on(atoi(argv[1]));
    int commands = STDIN_FILENO;
    watch(listener, EPOLL_CTL_ADD, EPOLLIN, &listener);
    watch(commands, EPOLL_CTL_ADD, EPOLLIN, &commands);
    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int ready = epoll_wait(epoll, events, MAX_EVENTS, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &listener) {
                accept_all(listener);
                continue;
            }
            if (events[i].data.ptr == &commands) {
                char line[256];
                if (read(commands, line, sizeof line) <= 0) return 0;
                print_asked();
                continue;
            }
            struct connection *connection = events[i].data.ptr;
            bool alive = true;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) alive = receive(connection);
            if (alive) alive = send_queued(connection);
            if (!alive) hang_up(connection);
        }
    }
}
