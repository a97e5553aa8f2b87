/* SPDX-License-Identifier: Apache-2.0 */
/* interurband: the node. */
#include "node/node.h"
#include "node/offline.h"
#include "node/os.h"

#include "base/text.h"

#include <getopt.h>
#include <string.h>

static const char usage[] =
    "interurband [--home DIR] [--config FILE] [--alone] [--json]\n"
    "  --home DIR     everything of the node lies below DIR (else /var/lib, /run and /etc/interurban)\n"
    "  --config FILE  the configuration (DIR/interurban.conf)\n"
    "  --alone        sign without asking the peers that held this city's record last: only if no newer copy "
    "exists\n"
    "  --json         facts in JSON, one object a line\n"
    "  --check        look at files, modes, configuration, disk and ports, say what is wrong, and start "
    "nothing\n"
    "  -p             print the configuration with its defaults and the meaning of each key\n"
    "  --version, --help\n";

static int refuse_word(const char *why, const char *word)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, iu_bytes_str(word), 400);
    fprintf(stderr, "interurband: %s: %s\n%s", why, iu_buf_cstr(&safe), usage);
    iu_buf_fini(&safe);
    return IU_EXIT_USAGE;
}

struct given {
    struct node_options node;
    bool check;
    const char *answer; /* a verb of the command line, for a node that does not run */
};

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct given *out)
{
    static const struct option options[] = {{"home", required_argument, NULL, 'H'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"alone", no_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"answer", required_argument, NULL, 'A'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int got;
    opterr = 0; /* it would print the word as it is */
    while ((got = getopt_long(argc, argv, ":ph", options, NULL)) != -1)
        switch (got) {
        case 'H':
            out->node.home = optarg;
            break;
        case 'c':
            out->node.config = optarg;
            break;
        case 'a':
            out->node.alone = true;
            break;
        case 'j':
            out->node.json = true;
            break;
        case 'k':
            out->check = true;
            break;
        case 'A':
            out->answer = optarg;
            break;
        case 'p':
            config_print(stdout);
            return IU_EXIT_DONE;
        case 'v':
            printf("interurband %s\n", IU_VERSION);
            return IU_EXIT_DONE;
        case 'h':
            fputs(usage, stdout);
            return IU_EXIT_DONE;
        default:
            return refuse_word(got == ':' ? "this option needs a value" : "unknown option", argv[optind - 1]);
        }
    if (optind == argc)
        return -1;
    return refuse_word("unexpected argument", argv[optind]);
}

int main(int argc, char **argv)
{
    static struct node node; /* stays reachable when a refused start just exits */
    struct given given = {0};
    int code = parse(argc, argv, &given);
    if (code >= 0)
        return code;
    if (given.check)
        return offline_check(given.node.home, given.node.config);
    if (given.answer)
        return offline_answer(given.node.home, given.node.config, given.answer);
    os_begin();
    if (!node_open(&node, &given.node, &code))
        return code;
    code = node_run(&node);
    node_close(&node);
    return code;
}
