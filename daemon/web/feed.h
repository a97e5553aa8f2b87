/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the node: one thread asks view.sock for what comes after the model's cursor and writes it into the
 * model. Another epoch of the node's store begins the model again from nothing. Beside that it asks how the
 * node and the cities it follows are, for the page of that name. */
#ifndef WEB_FEED_H
#define WEB_FEED_H

#include "web/model.h"

#define FEED_CITIES_MAX 5000
#define FEED_STATE_MAX 24

/* How a followed city is, as the node last said. */
struct feed_city {
    struct iu_city city;
    char state[FEED_STATE_MAX]; /* "in step" */
    uint64_t entries, missing, paths;
    char heard[25]; /* RFC 3339, or "" */
};
/* What the node last said; a copy of it. */
struct feed_said {
    bool answers;   /* at the last try */
    bool in_step;   /* the model has all that it has */
    bool restarted; /* the model was begun again at least once */
    char name[256], domain[256], handle[64], version[32], why[200];
    char vkey[512];
    bool ready;
    uint64_t following;
    struct feed_city *cities; /* by id, ascending; freed by feed_said_fini */
    size_t city_count;
};

struct feed;
struct feed *feed_open(struct model *model, const char *view_sock);
/* Ends the thread; a transaction under way is finished. */
void feed_close(struct feed *feed);
void feed_said(struct feed *feed, struct feed_said *out);
void feed_said_fini(struct feed_said *said);
/* The row of one city; NULL if it is not followed. */
const struct feed_city *feed_said_of(const struct feed_said *said, const struct iu_city *city);
/* Grows when what the node says changes; any thread. */
uint64_t feed_version(struct feed *feed);
/* Whether the model failed for good, so that the process should end. */
bool feed_failed(struct feed *feed);

#endif
