/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor.c, which asks and looks at this machine, and doctor_net.c, which looks at everybody else,
 * share.
 */
#ifndef NODE_DOCTOR_INNER_H
#define NODE_DOCTOR_INNER_H

#include "node/doctor.h"
#include "node/node.h"
#include "node/peer.h"

#define DOCTOR_ASKERS_MAX 8

struct doctor {
    struct node *node;
    uv_timer_t timer; /* looks whether all have answered */
    uint64_t begun_ms, back_token;
    uint64_t askers[DOCTOR_ASKERS_MAX]; /* tokens of who waits for the answer */
    size_t asker_count;
    bool backed; /* the peer that was asked to dial back has answered, or nobody could be asked */
    enum iu_err back_err;
    char back_code[24], back_why[IU_FACT_TEXT_MAX + 1];
    struct look {                         /* who answers at an address of ours */
        char address[IU_ADDRESS_MAX + 1]; /* as in the configuration, which may be read again meanwhile */
        enum probe what;                  /* 0: not known yet */
        bool ours;
        char why[IU_FACT_TEXT_MAX + 1];
    } looks[IU_ADDRESSES_MAX];
    size_t look_count;
};

/* What is seen of the others, and by them; rows into the reply. */
void doctor_peers(const struct node *node, const struct iu_live *live, const struct iu_snap *snap,
                  struct iu_reply *reply);
void doctor_reach(const struct doctor *doctor, struct iu_reply *reply);
/* Whether all links that are up have said what time it is there. */
bool doctor_clocks_known(const struct iu_live *live);

#endif
