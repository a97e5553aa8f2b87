/* SPDX-License-Identifier: Apache-2.0 */
/* status for a person: where the node stands in a few lines, what needs attention last, next to the prompt.
 */
#include "call.h"

#include "base/size.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define ROOM_LEAST 256000000 /* as doctor says */

static unsigned long long number(const struct iu_answered *answer, const char *name)
{
    const struct iu_cell *c = answer_cell(answer, name);
    return c ? (unsigned long long)c->number : 0;
}

static void put_text(const struct iu_answered *answer, const char *before, const char *name,
                     const char *after)
{
    show_text(before, answer_cell(answer, name), after);
}

/* Nothing else can be said while the store is upgraded. */
static bool show_upgrade(const struct iu_answered *answer)
{
    char used[IU_SIZE_WORDS], room[IU_SIZE_WORDS];
    if (!answer_cell(answer, "upgrade.newest"))
        return false;
    put_text(answer, "interurban ", "version", "");
    put_text(answer, ", started ", "started", "\n");
    put_text(answer, "  Id          ", "city", "\n");
    iu_size_put(used, number(answer, "store.used"));
    iu_size_put(room, number(answer, "store.free"));
    printf("  Store       %s, %s free on its disk\n", used, room);
    printf("  Upgrading   %llu of %llu entries, %llu %%\n", number(answer, "upgrade.done"),
           number(answer, "upgrade.entries"), number(answer, "upgrade.percent"));
    put_text(answer, "  ! Not ready: ", "signing.why", "\n");
    put_text(answer, "    Next: ", "signing.next", "\n");
    return true;
}

void show_status(const struct iu_answered *answer)
{
    if (show_upgrade(answer))
        return;
    static const char *const states[] = {"in step",   "fetching", "behind", "away",
                                         "never met", "refused",  "forked"};
    const struct iu_cell *allowed = answer_cell(answer, "signing.allowed"),
                         *full = answer_cell(answer, "store.full");
    char used[IU_SIZE_WORDS], room[IU_SIZE_WORDS];
    bool first = true;
    put_text(answer, "", "name", "");
    put_text(answer, " (", "domain", ")");
    put_text(answer, "   interurban ", "version", "");
    put_text(answer, ", up since ", "started", "\n");
    put_text(answer, "  Id          ", "city", "\n");
    if (answer_cell(answer, "head.size"))
        printf("  Your log    %llu %s, log %llu\n", number(answer, "head.size"),
               number(answer, "head.size") == 1 ? "entry" : "entries", number(answer, "head.log"));
    else
        printf("  Your log    no entry yet\n");
    printf("  Following   %llu %s", number(answer, "following"),
           number(answer, "following") == 1 ? "city" : "cities");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        char name[40];
        snprintf(name, sizeof name, "states.%s", states[i]);
        for (char *c = name; *c; c++)
            *c = *c == ' ' ? '_' : *c;
        if (number(answer, name)) {
            printf("%s%s %llu", first ? ": " : ", ", states[i], number(answer, name));
            first = false;
        }
    }
    printf("\n  Connected   %llu", number(answer, "sessions"));
    put_text(answer, ", listening on ", "listen", "");
    iu_size_put(used, number(answer, "store.used"));
    iu_size_put(room, number(answer, "store.free"));
    printf("\n  Store       %s, %s free on its disk\n", used, room);
    if (full && full->number)
        puts("  ! The disk is full: reading goes on, nothing new is accepted until there is room.");
    else if (number(answer, "store.free") < ROOM_LEAST)
        printf("  ! Little room: %s free. Make room on that disk before it is full.\n", room);
    if (allowed && !allowed->number) {
        put_text(answer, "  ! Ready to read; not signing: ", "signing.why", "\n");
        put_text(answer, "    Next: ", "signing.next", "\n");
    }
    if (number(answer, "over_quota"))
        printf("  ! %llu of them %s used up the quota here: interurban peers says which, interurban why CITY "
               "how to raise it\n",
               number(answer, "over_quota"), number(answer, "over_quota") == 1 ? "has" : "have");
    if (number(answer, "states.forked") || number(answer, "states.behind") ||
        number(answer, "states.refused"))
        printf("  ! Some cities need attention: interurban peers, then interurban why CITY\n");
}
