/* SPDX-License-Identifier: Apache-2.0 */
/* --help, completions and the man page, all from the command table. */
#include "call.h"
#include "command.h"

#include <stdio.h>
#include <string.h>

static void print_flags(const struct flag *flags)
{
    for (; flags->name; flags++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", flags->name, flags->value ? " " : "",
                 flags->value ? flags->value : "");
        printf("  %-28s %s%s\n", left, flags->help, flags->repeats ? " (may repeat)" : "");
    }
}

void help_all(void)
{
    printf("interurban: publish, follow and check the public record of cities\n\n"
           "Usage: interurban [--home DIR] VERB [ARGUMENTS] [FLAGS]\n\n");
    for (size_t i = 0; i < command_count; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", commands[i].name, commands[i].args);
        printf("  %-22s %s\n", left, commands[i].summary);
    }
    printf("\nFlags of every verb:\n");
    print_flags(global_flags);
    printf("\nExit codes: 0 done, 1 failed, 2 usage, 3 node unreachable, 4 not found, 5 not allowed,\n"
           "6 verification failed, 7 unhealthy or behind, 8 timed out, 9 needs a person.\n"
           "More of one verb: interurban VERB --help\n");
}

void help_one(const struct command *command)
{
    printf("interurban %s%s%s: %s\n", command->name, *command->args ? " " : "", command->args,
           command->summary);
    if (*command->help)
        printf("\n%s\n", command->help);
    if (command->flags->name) {
        printf("\nFlags:\n");
        print_flags(command->flags);
    }
    printf("\nFlags of every verb:\n");
    print_flags(global_flags);
    printf("\nExample:\n  %s\n", command->example);
    if (*command->exits)
        printf("\nExit codes beyond 0 done, 1 failed, 2 usage, 3 unreachable: %s\n", command->exits);
}

static void print_words(const struct flag *flags)
{
    for (; flags->name; flags++)
        printf(" --%s", flags->name);
}

/* Whether an argument of the verb is a file. */
static bool takes_files(const struct command *command)
{
    return strstr(command->args, "FILE") || !strcmp(command->name, "key");
}

static void complete_bash(void)
{
    printf("# bash completion for interurban\n_interurban() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} verb= words= files= i\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        case ${COMP_WORDS[i]} in\n"
           "        --home|--socket|--timeout) ((i++)) ;;\n"
           "        -*) ;;\n"
           "        *) verb=${COMP_WORDS[i]}; break ;;\n"
           "        esac\n    done\n"
           "    local flags=\"");
    print_words(global_flags);
    printf("\"\n    case $verb in\n    '') COMPREPLY=($(compgen -W \"");
    for (size_t i = 0; i < command_count; i++)
        printf("%s ", commands[i].name);
    printf("$flags\" -- \"$word\")) ;;\n");
    for (size_t i = 0; i < command_count; i++) {
        printf("    %s) flags+=\"", commands[i].name);
        print_words(commands[i].flags);
        printf("\" words=\"%s\" files=%s ;;\n", command_words(commands[i].name),
               takes_files(&commands[i]) ? "yes" : "");
    }
    printf("    esac\n"
           "    [ -n \"$verb\" ] || return 0\n"
           "    case ${COMP_WORDS[COMP_CWORD-1]} in\n    --type) words=\"%s\" flags= files= ;;\n"
           "    --*-file|--root-key|--attach|--out|--home|--socket) words= flags= files=yes ;;\n    esac\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words $flags\" -- \"$word\"; [ -z \"$files\" ] || "
           "compgen -f -- "
           "\"$word\")\n"
           "}\ncomplete -o filenames -F _interurban interurban\n",
           command_words("--type"));
}

/* Single quotes end, an escaped one follows, and they begin again. */
static void print_quoted(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr("[]:", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void zsh_flags(const struct flag *flags)
{
    for (; flags->name; flags++) {
        printf(" '%s--%s%s[", flags->repeats ? "*" : "", flags->name, flags->value ? "=" : "");
        print_quoted(flags->help);
        printf("]%s'", !flags->value ? "" : flags->kind == FLAG_FILE ? ":file:_files" : ":value:");
    }
}

static void complete_zsh(void)
{
    printf("#compdef interurban\n_interurban() {\n    local -a verbs\n    local context state line "
           "curcontext=$curcontext\n    verbs=(\n");
    for (size_t i = 0; i < command_count; i++) {
        printf("        '%s:", commands[i].name);
        print_quoted(commands[i].summary);
        printf("'\n");
    }
    printf("    )\n    _arguments -C");
    zsh_flags(global_flags);
    printf(" '1:verb:->verb' '*::argument:->rest'\n    case $state in\n    verb) _describe verb verbs ;;\n   "
           " rest)\n"
           "        case $line[1] in\n");
    for (size_t i = 0; i < command_count; i++) {
        printf("        %s) _arguments", commands[i].name);
        zsh_flags(global_flags);
        zsh_flags(commands[i].flags);
        if (*command_words(commands[i].name))
            printf(" '1:word:(%s)'", command_words(commands[i].name));
        printf("%s ;;\n", takes_files(&commands[i]) ? " '*:argument:_files'" : " '*:argument:'");
    }
    printf("        esac ;;\n    esac\n}\n_interurban \"$@\"\n");
}

static void print_roff(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '-')
            printf("\\-");
        else if (*c == '\\')
            printf("\\e");
        else if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n'))
            printf("\\&%c", *c);
        else
            putchar(*c);
    }
    putchar('\n');
}

static void man_flags(const struct flag *flags)
{
    for (; flags->name; flags++) {
        printf(".TP\n\\fB\\-\\-%s\\fR%s%s\n", flags->name, flags->value ? " " : "",
               flags->value ? flags->value : "");
        if (flags->repeats)
            printf("(May repeat.)\n");
        print_roff(flags->help);
    }
}

void help_man(void)
{
    printf(".\\\" SPDX-License-Identifier: Apache-2.0\n.TH INTERURBAN 1 \"\" \"interurban %s\" \"User "
           "Commands\"\n",
           IU_VERSION);
    printf(".SH NAME\ninterurban \\- publish, follow and check the public record of cities\n"
           ".SH SYNOPSIS\n.B interurban\n[\\fB\\-\\-home\\fR DIR] VERB [ARGUMENTS] [FLAGS]\n"
           ".SH DESCRIPTION\nTalks to the node (interurband(8)) over its control socket. "
           "init and verify need no node. People get tables; with \\-\\-json every answer is one object with "
           "\"schema\":1, "
           "streams one object a line. What others wrote is shown so that a terminal does not act on it: "
           "characters that "
           "control it, turn text around or hide in it are shown as U+FFFD; \\-\\-json has them, escaped. "
           "Data goes to stdout, everything else to stderr.\n.SH VERBS\n");
    for (size_t i = 0; i < command_count; i++) {
        printf(".SS \"%s %s\"\n", commands[i].name, commands[i].args);
        print_roff(commands[i].summary);
        if (*commands[i].help) {
            printf(".PP\n");
            print_roff(commands[i].help);
        }
        man_flags(commands[i].flags);
        printf(".PP\nExample:\n.RS\n.EX\n");
        print_roff(commands[i].example);
        printf(".EE\n.RE\n");
        if (*commands[i].exits) {
            printf(".PP\nExit status beyond the usual:\n");
            print_roff(commands[i].exits);
        }
    }
    printf(".SH FLAGS OF EVERY VERB\n");
    man_flags(global_flags);
    printf(".SH EXIT STATUS\n0 done, 1 failed, 2 usage, 3 node unreachable, 4 not found, 5 not allowed, 6 "
           "verification failed, "
           "7 unhealthy or behind, 8 timed out, 9 needs a person.\n.SH SEE ALSO\ninterurband(8), "
           "interurban.conf(5)\n");
}

int help_completion(const char *shell)
{
    if (!strcmp(shell, "bash"))
        complete_bash();
    else if (!strcmp(shell, "zsh"))
        complete_zsh();
    else if (!strcmp(shell, "man"))
        help_man();
    else
        return IU_EXIT_USAGE;
    return IU_EXIT_DONE;
}

int run_completion(struct call *call)
{
    int code = help_completion(call->args[0]);
    if (code)
        code =
            show_own_error(call, IU_E_USAGE, "completions are made for bash and zsh; man prints the man page",
                           "interurban completion bash");
    return code;
}
