/* SPDX-License-Identifier: Apache-2.0 */
/* Gives every file of the named directories to the fuzz target, once: the corpus as a plain test. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    struct iu_buf buf = IU_BUF_INIT;
    uint8_t part[4096];
    size_t len;
    while ((len = fread(part, 1, sizeof part, file)) > 0) {
        iu_buf_put(&buf, part, len);
    }
    fclose(file);
    /* A copy of exactly its size, so that the sanitizers see a read beyond it. */
    uint8_t *exact = malloc(buf.len > 0 ? buf.len : 1);
    iu_must(exact != NULL);
    for (size_t i = 0; i < buf.len; i++) {
        exact[i] = buf.data[i];
    }
    (void)LLVMFuzzerTestOneInput(exact, buf.len);
    free(exact);
    iu_buf_fini(&buf);
}

static size_t replay_dir(const char *dir)
{
    DIR *open = opendir(dir);
    if (open == NULL) {
        perror(dir);
        exit(1);
    }
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(open)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
            replay_file(path);
            count++;
        }
    }
    closedir(open);
    return count;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        count += replay_dir(argv[i]);
    }
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}
