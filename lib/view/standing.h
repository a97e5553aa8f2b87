/* SPDX-License-Identifier: Apache-2.0 */
/* Standing: the state of each followed city, since when, what is missing, and why; from the store and from
 * the live links. The words of `status`, `peers` and `why`. */
#ifndef IU_VIEW_STANDING_H
#define IU_VIEW_STANDING_H

#include "base/facts.h"
#include "store/meta.h"
#include "view/names.h"
#include "view/quota.h"

/* A city's state is told from the reader's side, the worst first:
 *
 *   forked     a fork is proven, or its delegations are disputed: nothing new of it is accepted
 *   refused    it is blocked here, or it refuses this node and there is no other way to its news
 *   fetching   something is known to exist and not here, and a link is up that may bring it
 *   behind     the same, and nobody connected has it, or a quota forbids it
 *   in step    everything known is here, and a link is up by which news would come: to itself or to any other
 * city never met  followed, and nothing of it ever arrived away       no link is up by which news would come;
 * what was known is here
 *
 * What a silent city's newest head is cannot be known: `in step` means what is known, and `heard` when it
 * last spoke. */
enum iu_standing_state {
    IU_IN_STEP,
    IU_FETCHING,
    IU_BEHIND,
    IU_AWAY,
    IU_NEVER_MET,
    IU_REFUSED,
    IU_FORKED,
};
const char *iu_standing_name(enum iu_standing_state state); /* "in step" */

/* One live or lately ended link, as the conversation side knows it. Plain values. */
struct iu_link {
    struct iu_city city;
    bool up; /* admitted and alive */
    bool outbound;
    bool stopped;                      /* when up: it says that it does not sign until a person acts */
    uint64_t since_ms;                 /* up or down since */
    uint32_t code;                     /* when down: the Bye or Error code, 0: none (frame.h) */
    char reason[IU_FACT_TEXT_MAX + 1]; /* when down: why, safe to show ("connection refused") */
    char address[IU_ADDRESS_MAX + 1];
    uint64_t next_dial_ms; /* 0: none planned */
    uint32_t dial_attempts;
    uint64_t output_len; /* bytes queued */
    uint64_t bytes_in, bytes_out;
    uint64_t rtt_ms;
    uint64_t clock_ms;     /* when it last said what time it is there, 0: it did not since it was asked */
    int64_t clock_off_ms;  /* by how much its clock is ahead of ours */
};

/* Reason codes of `why`, stable; their words and next steps stand in standing.c. */
enum iu_because {
    IU_BECAUSE_IN_STEP = 1,
    IU_BECAUSE_FETCHING,
    IU_BECAUSE_NO_SOURCE,
    IU_BECAUSE_NEVER_CONNECTED,
    IU_BECAUSE_NO_ADDRESS,
    IU_BECAUSE_UNREACHABLE,
    IU_BECAUSE_CONNECTION_LOST,
    IU_BECAUSE_REFUSED_US,
    IU_BECAUSE_BLOCKED,
    IU_BECAUSE_FORKED,
    IU_BECAUSE_DISPUTED,
    IU_BECAUSE_OVER_QUOTA,
    IU_BECAUSE_SELF,
    IU_BECAUSE_UNKNOWN_CHAIN,
    IU_BECAUSE_MISSING_BODIES,
    IU_BECAUSE_CLONE,
    IU_BECAUSE_NOT_FOLLOWED,
};

struct iu_standing {
    struct iu_named who;
    enum iu_standing_state state;
    uint64_t since_ms; /* of this state, as well as it is known; 0: not known */
    uint64_t entries;  /* held, over its logs */
    uint64_t missing;  /* known to exist and not here */
    uint64_t heard_ms; /* last word from the city itself; 0: never */
    uint32_t reasons;  /* enum iu_reason bits; 0: not followed */
    uint32_t paths;    /* links that can bring its log */
    struct iu_quota quota;
    uint64_t quota_next; /* a quota that would do for all that is known of; 0: there is none to raise */
    bool connected;      /* one of them is to the city itself */
    enum iu_because because;
    const char *code; /* stable word: "unreachable" */
    char cause[512];  /* one sentence */
    char next[512];   /* what to do, one command or sentence; "nothing to do" when healthy */
};

/* What a standing depends on beyond the store. */
struct iu_present {
    const struct iu_link *links; /* all of them, at most one a city */
    size_t link_count;
    uint64_t now_ms;      /* the caller's clock */
    uint64_t quota_bytes; /* of a city without a quota of its own, 0: none */
};
void iu_standing(const struct iu_snap *snap, const struct iu_city *city, const struct iu_present *present,
                 struct iu_standing *out);
/* State and reason alone, for who counts very many cities: no names, no words, no times. */
void iu_standing_brief(const struct iu_snap *snap, const struct iu_follow *follow,
                       const struct iu_present *present, enum iu_standing_state *state,
                       enum iu_because *because);

#endif
