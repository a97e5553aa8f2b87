/* SPDX-License-Identifier: Apache-2.0 */
/* The drop folder: what `interurban outbox` knows of one file, the folder's own operations, and the words for
 * who put the file there.
 *
 *   DIR/NAME            put there by a clerk, with NAME.conf beside it or without
 *   DIR/published/…     NAME, its proof, NAME.conf and a receipt; below DIR/published/ENTRY/ where one of
 * these names is taken DIR/rejected/NAME   with NAME.txt: one sentence, and the error's code
 *   HOME/outbox/TOKEN   one record a file under way, private: what was asked of the node and what came of it
 *
 * A record is durable before the node is asked, and gone after the file has left the folder: a file is
 * published once, however often this program or the node is killed. The folder belongs to the node's user and
 * has the sticky bit, so that whoever may put files there can neither replace its two folders nor take
 * another's file. */
#ifndef TOOLS_OUTBOX_H
#define TOOLS_OUTBOX_H

#include "call.h"

#include "log/item.h"
#include "sign/hash.h"

#include <sys/stat.h>

#define OUTBOX_NAME_MAX 255
#define OUTBOX_OWNER_MAX 100 /* as ACTS_PERSON_MAX: what the node takes as a person's name */
#define OUTBOX_CONF ".conf"  /* behind a file's name: what is said of it */

/* The folders. */
struct outbox {
    struct call *call;
    const char *dir, *state; /* DIR, HOME/outbox */
    char *type, *lang;       /* the folder's defaults, "": none */
    int dir_fd, state_fd;
};

/* Which version of a file it is. */
struct stamp {
    uint64_t dev, ino, size, mtime_ns;
};
struct stamp stamp_of(const struct stat *st);
bool stamp_equal(const struct stamp *a, const struct stamp *b);

enum outbox_stage {
    STAGE_ASKED, /* the node was asked, or was about to be */
    STAGE_OUT,   /* published as `entry` */
};

struct record {
    char token[2 * IU_SALT_LEN + 1], since[48];
    enum outbox_stage stage;
    char name[OUTBOX_NAME_MAX + 1], owner[OUTBOX_OWNER_MAX + 1];
    struct stamp file, conf;     /* conf.ino 0: none */
    char entry[80], target[128]; /* target: where below published/, "": not yet chosen; "." */
};

/* --- outbox_record.c --- */

/* Keeps it, durably. False with errno. */
bool record_save(const struct outbox *outbox, const struct record *record);
void record_remove(const struct outbox *outbox, const struct record *record);
/* All records, at most `max`; damaged ones are told and left. */
size_t record_list(const struct outbox *outbox, struct record *out, size_t max);

/* --- outbox_detail.c: NAME.conf --- */

#define DETAILS_MAX 80
struct details {
    struct iu_arg args[DETAILS_MAX]; /* of publish; views into the texts */
    size_t count;
    char *texts[DETAILS_MAX]; /* owned */
};
/* Reads what is said of a file; an absent one (fd -1) says nothing. What is not said comes from the folder,
 * and the title from the file's name. False with `why`: one sentence for the clerk. The caller's to
 * details_fini in every case. */
bool details_read(const struct outbox *outbox, int fd, const char *name, struct details *out,
                  struct iu_buf *why);
void details_fini(struct details *details);

/* --- outbox_folder.c --- */

/* Opens DIR and HOME/outbox, makes what is missing, and looks at owners and modes. -1, or an exit code after
 * an error was printed. */
int folder_open(struct outbox *outbox);
void folder_close(struct outbox *outbox);
/* Names that are not meant to be published, or not yet: hidden, temporary, and what programs leave behind. */
bool folder_ignores(const char *name);
/* Why a name cannot be published, as a sentence; NULL if it can. */
const char *folder_name_fault(const char *name);
/* Moves a file, or whatever has that name, and its NAME.conf to rejected/, with the sentence beside it. */
void folder_reject(const struct outbox *outbox, const char *name, const char *sentence, const char *code);
/* Whose file it is, by name. */
void folder_owner(const struct stat *st, char out[OUTBOX_OWNER_MAX + 1]);
/* Writes the entry's files and the receipt to where the record says, and moves the originals away. False
 * after the reason was told: to be tried again. */
bool folder_publish(const struct outbox *outbox, struct record *record);

/* --- outbox_send.c --- */

enum sent { SENT_OUT, SENT_REFUSED, SENT_LATER };
/* Asks the node to publish the open file. SENT_OUT: record->entry. SENT_REFUSED: nothing was published and
 * the sentence and code say why. SENT_LATER: it is not known, or may succeed later; `sentence` says why, for
 * the administrator. */
enum sent outbox_send(const struct outbox *outbox, int fd, const struct details *details,
                      struct record *record, struct iu_buf *sentence, char code[16]);
/* What came of an earlier attempt. SENT_REFUSED: nothing, and nothing will. */
enum sent outbox_settle(const struct outbox *outbox, struct record *record);
/* The size of the own log, as `since` wants it. False after an error. */
bool outbox_since(const struct outbox *outbox, char out[48]);

#endif
