/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can do at most, in the terms of the figures: hashes, signatures, synced writes. */
#include "bench.h"

#include "base/limits.h"
#include "sign/hash.h"
#include "sign/key.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 0.5

/* Leaf, node and commitment hashes of one entry with a 256-byte body. */
static double hash_rate(void)
{
    uint8_t header[160] = {1}, body[288] = {2};
    struct iu_hash hash = {{0}};
    uint64_t count = 0;
    double begin = bench_now();
    while (bench_now() - begin < SECONDS)
        for (int i = 0; i < 1000; i++, count++) {
            memcpy(header, &count, sizeof count);
            iu_leaf_hash(iu_bytes_of(header, sizeof header), (struct iu_bytes){0}, &hash);
            iu_node_hash(&hash, &hash, &hash);
            iu_sha256(iu_bytes_of(body, sizeof body), &hash);
        }
    return (double)count / (bench_now() - begin);
}

static double own_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_verify_rate(void)
{
    static const uint8_t seed[32] = {7};
    struct iu_key *key = iu_key_of_seed(seed);
    struct iu_public public;
    uint8_t signature[IU_SIGNATURE_LEN];
    uint64_t count = 0;
    struct iu_bytes message = iu_bytes_str("a head of a log");
    iu_key_public(key, &public);
    iu_key_sign(key, message, signature);
    double begin = own_cpu();
    for (; own_cpu() - begin < SECONDS; count++)
        iu_must(iu_verify(&public, message, signature));
    iu_key_close(key);
    return (double)count / (own_cpu() - begin);
}

double bench_sync_ms(const char *dir)
{
    static double took[200];
    uint8_t page[4096] = {3};
    char path[600];
    snprintf(path, sizeof path, "%s/sync", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        bench_fail("cannot write %s", path);
    for (size_t i = 0; i < 200; i++) {
        double begin = bench_now();
        if (pwrite(fd, page, sizeof page, (off_t)i * 4096) != sizeof page || fdatasync(fd) != 0)
            bench_fail("cannot sync %s", path);
        took[i] = (bench_now() - begin) * 1e3;
    }
    close(fd);
    unlink(path);
    return bench_median(took, 200);
}

void bench_limits(const char *dir)
{
    json_t *object = json_pack("{s:s,s:f,s:f,s:f}", "bench", "limits", "entries_hashed_per_s", hash_rate(),
                               "signatures_verified_per_s", bench_verify_rate(), "write_and_sync_p50_ms",
                               bench_sync_ms(dir));
    bench_print(object);
}
