/* SPDX-License-Identifier: Apache-2.0 */
/* interurban-web: the public pages of a node. */
#include "web/feed.h"
#include "web/http.h"
#include "web/http_listen.h"
#include "web/site.h"
#include "web/tell.h"

#include "base/text.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_MS 1000

static const char usage[] =
    "interurban-web [--socket FILE] [--state DIR] [--listen ADDRESS:PORT]\n"
    "  --socket FILE   view.sock of the node (/run/interurban/view.sock)\n"
    "  --state DIR     where the read model lies; made if it is missing (/var/lib/interurban-web)\n"
    "  --listen A:P    where the pages are served (127.0.0.1:8080); port 0: any; not needed with a socket of "
    "the service manager\n"
    "  --url URL       under which others reach the pages, as https://lyon.example: needed behind a proxy\n"
    "  --tls-cert FILE --tls-key FILE   serve HTTPS\n"
    "  --threads N     that answer requests (one a processor)\n"
    "  --port-file F   write the port to F when it is open\n"
    "  --rebuild       fill the read model afresh\n"
    "  --version, --help\n";

struct given {
    const char *socket, *state, *listen, *url, *certificate, *key, *port_file;
    unsigned threads;
    bool rebuild;
};

static int refuse(const char *why, const char *word)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, iu_bytes_str(word ? word : ""), 400);
    fprintf(stderr, "interurban-web: %s: %s\n%s", why, iu_buf_cstr(&safe), usage);
    iu_buf_fini(&safe);
    return IU_EXIT_USAGE;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct given *out)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},   {"state", required_argument, NULL, 'd'},
        {"listen", required_argument, NULL, 'l'},   {"url", required_argument, NULL, 'u'},
        {"tls-cert", required_argument, NULL, 'c'}, {"tls-key", required_argument, NULL, 'k'},
        {"threads", required_argument, NULL, 't'},  {"port-file", required_argument, NULL, 'p'},
        {"rebuild", no_argument, NULL, 'r'},        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0}};
    const char **texts[] = {
        ['s'] = &out->socket,      ['d'] = &out->state, ['l'] = &out->listen,   ['u'] = &out->url,
        ['c'] = &out->certificate, ['k'] = &out->key,   ['p'] = &out->port_file};
    int got;
    opterr = 0;
    while ((got = getopt_long(argc, argv, ":h", options, NULL)) != -1)
        switch (got) {
        case 't':
            out->threads = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            out->rebuild = true;
            break;
        case 'v':
            printf("interurban-web %s\n", IU_VERSION);
            return IU_EXIT_DONE;
        case 'h':
            fputs(usage, stdout);
            return IU_EXIT_DONE;
        case ':':
        case '?':
            return refuse(got == ':' ? "this option needs a value" : "unknown option", argv[optind - 1]);
        default:
            *texts[got] = optarg;
        }
    if (optind < argc)
        return refuse("unexpected argument", argv[optind]);
    if (!out->certificate != !out->key)
        return refuse("--tls-cert and --tls-key go together", "");
    if (out->threads > 256)
        return refuse("--threads", "at most 256");
    return -1;
}

static void begin(void)
{
    struct rlimit none = {0, 0};
    umask(0077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_CORE, &none);
}

static bool write_port(const char *path, unsigned port)
{
    char name[4200];
    snprintf(name, sizeof name, "%s.new", path);
    FILE *file = fopen(name, "we");
    bool good = file && fprintf(file, "%u\n", port) > 0;
    good = file && fclose(file) == 0 && good;
    return good && rename(name, path) == 0;
}

/* Until a signal, or the model fails. */
static int wait_for_end(struct feed *feed, const sigset_t *signals)
{
    struct pollfd fd = {.fd = signalfd(-1, signals, SFD_CLOEXEC), .events = POLLIN};
    iu_must(fd.fd >= 0);
    while (!feed_failed(feed) && poll(&fd, 1, CHECK_MS) <= 0)
        ;
    close(fd.fd);
    return feed_failed(feed) ? IU_EXIT_FAILED : IU_EXIT_DONE;
}

static int serve(const struct given *given, struct model *model, const sigset_t *signals)
{
    struct iu_buf why = IU_BUF_INIT;
    struct feed *feed = feed_open(model, given->socket);
    struct site *site = site_open(&(struct site_options){model, feed, given->socket, given->url});
    struct http_options options = {.listen = given->listen,
                                   .socket = http_listen_passed(),
                                   .certificate = given->certificate,
                                   .key = given->key,
                                   .threads = given->threads,
                                   .answer = site_answer,
                                   .version = site_version,
                                   .with = site};
    struct http *http = NULL;
    int code = IU_EXIT_FAILED;
    if (!http_open(&options, &http, &why)) {
        tell("alert", "not-started", "%s", iu_buf_cstr(&why));
    } else if (given->port_file && !write_port(given->port_file, http_port(http))) {
        tell("alert", "not-started", "%s cannot be written: %s", given->port_file, strerror(errno));
    } else {
        tell("info", "started", "serving %s on port %u", options.certificate ? "HTTPS" : "HTTP",
             http_port(http));
        tell_manager("READY=1");
        code = wait_for_end(feed, signals);
        tell_manager("STOPPING=1");
    }
    http_close(http);
    feed_close(feed);
    site_close(site);
    iu_buf_fini(&why);
    return code;
}

int main(int argc, char **argv)
{
    struct given given = {.socket = "/run/interurban/view.sock",
                          .state = "/var/lib/interurban-web",
                          .listen = "127.0.0.1:8080"};
    struct iu_buf why = IU_BUF_INIT;
    struct model *model;
    sigset_t signals;
    int code = parse(argc, argv, &given);
    if (code >= 0)
        return code;
    begin();
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* also of the threads to come */
    if (mkdir(given.state, 0700) != 0 && errno != EEXIST) {
        tell("alert", "not-started", "%s cannot be made: %s", given.state, strerror(errno));
        return IU_EXIT_FAILED;
    }
    if (!model_open(given.state, given.rebuild, &model, &why)) {
        tell("alert", "not-started", "the read model in %s cannot be opened: %s", given.state,
             iu_buf_cstr(&why));
        iu_buf_fini(&why);
        return IU_EXIT_FAILED;
    }
    code = serve(&given, model, &signals);
    model_close(model);
    if (code == IU_EXIT_DONE)
        tell("info", "stopped", "stopped cleanly");
    iu_buf_fini(&why);
    return code;
}
