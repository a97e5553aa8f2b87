/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: parses by the command table, runs the command, exits with its code. */
#include "call.h"
#include "command.h"

#include "base/text.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(const struct command *command, const char *why, const char *what)
{
    struct iu_buf safe = IU_BUF_INIT;
    iu_text_show(&safe, iu_bytes_str(what), 400);
    fprintf(stderr, "interurban: %s: %s", why, iu_buf_cstr(&safe));
    iu_buf_fini(&safe);
    fprintf(stderr, " (%s)\n  See: interurban %s%s--help\n", iu_error_code(IU_E_USAGE),
            command ? command->name : "", command ? " " : "");
    return IU_EXIT_USAGE;
}

static const struct flag *flag_in(const struct flag *flags, const char *name, size_t len)
{
    for (; flags->name; flags++)
        if (strlen(flags->name) == len && !strncmp(flags->name, name, len))
            return flags;
    return NULL;
}

static bool number_ok(const char *text)
{
    uint64_t unused;
    return iu_decimal_get(iu_bytes_str(text), &unused) == IU_OK;
}

/* Takes one --flag [VALUE] at argv[at]. Returns how many words it took, 0 on an error that was printed. */
static int take_flag(struct call *call, int argc, char **argv, int at)
{
    const char *name = argv[at] + 2, *equals = strchr(name, '='), *value = "";
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct flag *flag = flag_in(global_flags, name, len);
    int taken = 1;
    if (!flag && call->command)
        flag = flag_in(call->command->flags, name, len);
    if (!flag)
        return usage(call->command, "unknown flag", argv[at]), 0;
    if (flag->kind == FLAG_SWITCH && equals)
        return usage(call->command, "this flag takes no value", argv[at]), 0;
    if (flag->kind != FLAG_SWITCH) {
        value = equals ? equals + 1 : at + 1 < argc ? argv[at + 1] : NULL;
        taken = equals ? 1 : 2;
        if (!value)
            return usage(call->command, "this flag needs a value", argv[at]), 0;
        if (flag->kind == FLAG_NUMBER && !number_ok(value))
            return usage(call->command, "this flag needs a whole number", argv[at]), 0;
    }
    if (!flag->repeats && call_has(call, flag->name))
        return usage(call->command, "this flag is given twice", argv[at]), 0;
    if (call->given_count == GIVEN_MAX)
        return usage(call->command, "too many flags, from here on", argv[at]), 0;
    call->given[call->given_count++] = (struct given){flag, value};
    return taken;
}

/* -h and `help` are --help. Takes one word. */
static int take_help(struct call *call)
{
    if (!call_has(call, "help") && call->given_count < GIVEN_MAX)
        call->given[call->given_count++] = (struct given){flag_in(global_flags, "help", 4), ""};
    return 1;
}

/* "CITY [N]" allows one or two. */
static void count_args(const char *args, size_t *least, size_t *most)
{
    *least = *most = 0;
    for (const char *c = args; *c; c++)
        if (c == args || c[-1] == ' ') {
            *least += *c != '[';
            *most += 1;
        }
}

/* Fills the call from argv. Returns an exit code, or -1 to go on. */
static int parse(struct call *call, int argc, char **argv)
{
    bool flags_end = false;
    for (int at = 1; at < argc;) {
        if (!flags_end && !strcmp(argv[at], "--")) {
            flags_end = true;
            at++;
        } else if (!flags_end && !strncmp(argv[at], "--", 2)) {
            int taken = take_flag(call, argc, argv, at);
            if (!taken)
                return IU_EXIT_USAGE;
            at += taken;
        } else if (!flags_end && !strcmp(argv[at], "-h")) {
            if (!call_has(call, "help") && call->given_count < GIVEN_MAX)
                call->given[call->given_count++] = (struct given){flag_in(global_flags, "help", 4), ""};
            at++;
        } else if (!call->command && !strcmp(argv[at], "help")) {
            at += take_help(call);
        } else if (!call->command) {
            call->command = command_find(argv[at]);
            if (!call->command) {
                const char *near = command_near(argv[at]);
                if (near)
                    fprintf(stderr, "interurban: did you mean `%s`?\n", near);
                return usage(NULL, "unknown verb", argv[at]);
            }
            at++;
        } else {
            if (call->arg_count == sizeof call->args / sizeof *call->args)
                return usage(call->command, "too many arguments, from here on", argv[at]);
            call->args[call->arg_count++] = argv[at++];
        }
    }
    return -1;
}

static int check_args(const struct call *call)
{
    size_t least, most;
    count_args(call->command->args, &least, &most);
    if (!strcmp(call->command->name, "key"))
        most = 3;
    if (call->arg_count < least)
        return usage(call->command, "missing", call->command->args);
    if (call->arg_count > most)
        return usage(call->command, "unexpected argument", call->args[most]);
    return -1;
}

int main(int argc, char **argv)
{
    struct call call = {.fd = -1, .timeout_s = 10};
    signal(SIGPIPE, SIG_IGN);
    int code = parse(&call, argc, argv);
    if (code >= 0)
        return code;
    call.home = call_flag(&call, "home", 0);
    call.socket = call_flag(&call, "socket", 0);
    call.json = call_has(&call, "json");
    call.quiet = call_has(&call, "quiet");
    if (call_has(&call, "timeout"))
        call.timeout_s = strtoull(call_flag(&call, "timeout", 0), NULL, 10);
    if (call_has(&call, "version")) {
        printf("interurban %s\n", IU_VERSION);
        return 0;
    }
    if (call_has(&call, "help")) {
        if (call.command)
            help_one(call.command);
        else
            help_all();
        return IU_EXIT_DONE;
    }
    if (!call.command)
        return usage(NULL, "no verb is given; the node itself is another program", "interurband");
    code = check_args(&call);
    if (code < 0)
        code = call.command->run(&call);
    call_close(&call);
    if (fflush(stdout) != 0 && code == 0)
        code = IU_EXIT_FAILED;
    return code;
}
