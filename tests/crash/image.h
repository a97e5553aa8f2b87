/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk may hold at one moment of a trace. The model:
 * - A file's bytes are durable when a sync of it that began after the write has returned, or when the write
 * itself returned and the file is O_DSYNC. Of the other writes any subset may be there, each torn at 512
 * bytes in any way; a sector is whole.
 * - Names are durable when a sync of their folder that began after the change has returned. Of the other
 * changes of one folder the first ones may be there, as a journal keeps them, independently of other folders.
 */
#ifndef TESTS_CRASH_IMAGE_H
#define TESTS_CRASH_IMAGE_H

#include "base/rand.h"
#include "crash/tape.h"

struct disk;

/* The files below `base` are durable. NULL after it printed why. */
struct disk *disk_open(const char *base);
void disk_close(struct disk *disk);
/* The next thing that happened. */
void disk_do(struct disk *disk, const struct tape_item *item);

/* Which of what is not durable is there. */
enum image_choice { IMAGE_NOTHING, IMAGE_ALL, IMAGE_RANDOM, IMAGE_CHOICES };

struct image {
    struct image_file {
        char *path; /* below the home */
        bool folder;
        uint8_t *bytes;
        size_t len, cap;
    } * files;
    size_t count, cap;
    uint64_t hash; /* of paths and bytes */
};
/* Fills `out`, whose memory is used again. */
void image_make(const struct disk *disk, enum image_choice choice, struct iu_rand *rand, struct image *out);
void image_fini(struct image *image);
/* Replaces what lies in `dir`. */
void image_write(const struct image *image, const char *dir);

#endif
