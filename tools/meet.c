/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs by which cities meet and part: invite, join, follow, unfollow, block, unblock. Each says in a
 * sentence what holds now. */
#include "call.h"

#include "base/text.h"

#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_TRIES 20 /* times 100 ms, for the name of a city that was met just now */

struct who {
    struct iu_buf city, handle, name; /* as they came */
};

static const struct iu_cell *cell_of(const struct iu_row *row, const char *name)
{
    for (size_t i = 0; i < row->cell_count; i++)
        if (iu_bytes_equal(row->cells[i].name, iu_bytes_str(name)))
            return &row->cells[i];
    return NULL;
}

static void who_fini(struct who *who)
{
    iu_buf_fini(&who->city);
    iu_buf_fini(&who->handle);
    iu_buf_fini(&who->name);
}

/* Copies, for a row lives until the next exchange. False if this row names no city. */
static bool who_of(const struct iu_row *row, struct who *out)
{
    const struct iu_cell *city = cell_of(row, "city"), *handle = cell_of(row, "handle"),
                         *name = cell_of(row, "name");
    if (!city || !handle || !name)
        return false;
    who_fini(out);
    iu_buf_put_bytes(&out->city, city->text);
    iu_buf_put_bytes(&out->handle, handle->text);
    iu_buf_put_bytes(&out->name, name->text);
    return true;
}

static bool has_name(const struct who *who)
{
    return !iu_bytes_equal(iu_buf_view(&who->name), iu_buf_view(&who->handle));
}

/* %n: "Lyon (lyon)", or the handle alone where no name is known; %h: the handle. */
static void say(const char *words, const struct who *who)
{
    struct iu_buf line = IU_BUF_INIT;
    for (const char *c = words; *c; c++) {
        if (*c != '%') {
            iu_buf_put_u8(&line, (uint8_t)*c);
            continue;
        }
        bool whole = *++c == 'n' && has_name(who);
        if (whole)
            iu_text_show(&line, iu_buf_view(&who->name), 255);
        iu_buf_put_str(&line, whole ? " (" : "");
        iu_text_show(&line, iu_buf_view(&who->handle), 80);
        iu_buf_put_str(&line, whole ? ")" : "");
    }
    printf("%s\n", iu_buf_cstr(&line));
    iu_buf_fini(&line);
}

/* --- invite --- */

/* Two modules a character, upper and lower half. */
static void print_qr(const char *text)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    for (int y = -2; code && y < code->width + 2; y += 2) {
        for (int x = -2; x < code->width + 2; x++) {
            bool up =
                x >= 0 && y >= 0 && x < code->width && y < code->width && code->data[y * code->width + x] & 1;
            bool low = x >= 0 && y + 1 >= 0 && x < code->width && y + 1 < code->width &&
                       code->data[(y + 1) * code->width + x] & 1;
            fputs(up && low ? " " : up ? "▄" : low ? "▀" : "█", stdout);
        }
        putchar('\n');
    }
    QRcode_free(code);
}

/* "7d", "12h", "90m" in seconds; 0 if it is none of these. */
static uint64_t duration(const char *text)
{
    uint64_t value;
    size_t len = strlen(text);
    if (len < 2 || iu_decimal_get(iu_bytes_of(text, len - 1), &value) != IU_OK || value > 100000)
        return 0;
    return value * (text[len - 1] == 'd'   ? 86400
                    : text[len - 1] == 'h' ? 3600
                    : text[len - 1] == 'm' ? 60
                                           : 0);
}

static const struct column invite_columns[] = {
    {"ID", "id"},      {"TO", "to"},     {"STATE", "state"}, {"EXPIRES", "expires"},
    {"USED BY", "by"}, {"USED", "used"}, {NULL, NULL},
};

/* What is shown of an answer that holds no new invite. */
static int show_others(struct call *call, const struct iu_answered *answer)
{
    struct command table = *call->command;
    const struct iu_cell *count = answer_cell(answer, "revoked"), *to = answer_cell(answer, "to");
    if (answer->code.len || call->json)
        return show_answer(call, answer);
    if (count && to) {
        struct iu_buf name = IU_BUF_INIT;
        iu_text_show(&name, to->text, 255);
        printf("%llu %s for %s revoked.\n", (unsigned long long)count->number,
               count->number == 1 ? "invite" : "invites", iu_buf_cstr(&name));
        iu_buf_fini(&name);
        return (int)answer->exit;
    }
    table.rows = "invites";
    table.columns = invite_columns;
    call->command = &table;
    show_person(call, answer);
    return (int)answer->exit;
}

int run_invite(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    char seconds[24];
    int code;
    const char *expires = call_flag(call, "expires", 0);
    snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)(expires ? duration(expires) : 7 * 86400));
    if (!strcmp(seconds, "0"))
        return show_own_error(call, IU_E_USAGE, "--expires takes a time like 90m, 12h or 7d",
                              "interurban invite --help");
    call_request(call, &request);
    request.args[request.arg_count++] = (struct iu_arg){iu_bytes_str("expires"), iu_bytes_str(seconds)};
    if (!call_exchange(call, &request, &answer, &code))
        return code;
    const struct iu_cell *invite = answer_cell(&answer, "invite");
    if (answer.exit || call->json || !invite)
        return invite ? show_answer(call, &answer) : show_others(call, &answer);
    struct iu_buf line = IU_BUF_INIT;
    iu_buf_put_bytes(&line, invite->text);
    printf("%s\n", iu_buf_cstr(&line));
    if (call_has(call, "qr"))
        print_qr(iu_buf_cstr(&line));
    fprintf(stderr, "For one city, once. There: interurban join %.12s…\n", iu_buf_cstr(&line));
    iu_buf_fini(&line);
    return IU_EXIT_DONE;
}

/* --- join --- */

/* A name comes with the city's charter, a moment after it was met: it is waited for a little. */
static void learn_name(struct call *call, struct who *who)
{
    struct iu_answered answer;
    struct iu_buf city = IU_BUF_INIT;
    int code;
    iu_buf_put_bytes(&city, iu_buf_view(&who->city));
    for (int i = 0; i < NAME_TRIES && !has_name(who); i++) {
        struct iu_request request = {.verb = iu_bytes_str("peers"), .arg_count = 1};
        struct timespec pause = {0, 100000000};
        request.args[0] = (struct iu_arg){iu_bytes_str("city"), iu_buf_view(&city)};
        if (!call_exchange(call, &request, &answer, &code) || answer.exit)
            break;
        for (size_t k = 0; k < answer.row_count; k++)
            (void)who_of(&answer.rows[k], who);
        if (!has_name(who))
            nanosleep(&pause, NULL);
    }
    iu_buf_fini(&city);
}

int run_join(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    struct who who = {IU_BUF_INIT, IU_BUF_INIT, IU_BUF_INIT};
    int code;
    call->grace_s = GRACE_S;
    call_request(call, &request);
    if (!call_exchange(call, &request, &answer, &code))
        return code;
    if (answer.exit || !answer.row_count || !who_of(&answer.rows[0], &who))
        return show_answer(call, &answer);
    learn_name(call, &who);
    if (call->json)
        show_json_line(json_pack("{s:i,s:s,s:s,s:s}", "schema", 1, "city", iu_buf_cstr(&who.city), "handle",
                                 iu_buf_cstr(&who.handle), "name", iu_buf_cstr(&who.name)));
    else
        say("This node and %n follow each other now. How far it is: interurban why %h", &who);
    who_fini(&who);
    return IU_EXIT_DONE;
}

/* --- follow, unfollow, block, unblock --- */

static const char *sentence(const struct call *call)
{
    static const char *const words[][2] = {
        {"follow", "%n is followed now: its record is fetched and kept. How far it is: interurban why %h"},
        {"unfollow", "%n is no longer followed: nothing new of it is fetched. What is held stays."},
        {"block", "%n is blocked now: nothing of it is accepted, whoever brings it. Take it back with: "
                  "interurban unblock %h"},
        {"unblock", "%n is no longer blocked. To keep its record again: interurban follow %h"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(call->command->name, words[i][0]))
            return call_has(call, "headers")
                       ? "%n is followed now: headers of its entries are kept, and no bodies."
                   : call_has(call, "quota")
                       ? "%n is followed, and its quota is set. How far it is: interurban why %h"
                       : words[i][1];
    return "%n";
}

int run_city(struct call *call)
{
    struct iu_request request;
    struct iu_answered answer;
    struct who who = {IU_BUF_INIT, IU_BUF_INIT, IU_BUF_INIT};
    int code;
    call_request(call, &request);
    if (!call_exchange(call, &request, &answer, &code))
        return code;
    if (answer.exit || call->json || !call->arg_count || !answer.row_count || !who_of(&answer.rows[0], &who))
        return show_answer(call, &answer);
    say(sentence(call), &who);
    who_fini(&who);
    return IU_EXIT_DONE;
}
