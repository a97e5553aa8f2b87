/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the golden vectors of proto/vectors: bytes in hex inside JSON. */
#ifndef IU_TESTS_GOLDEN_H
#define IU_TESTS_GOLDEN_H

#include "base/bytes.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The parsed file; json_decref it. */
static inline json_t *golden_open(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/proto/vectors/%s", IU_SOURCE_DIR, name);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

/* Appends a whole file of proto/vectors. */
static inline void golden_file(const char *name, struct iu_buf *out)
{
    char path[512];
    snprintf(path, sizeof path, "%s/proto/vectors/%s", IU_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (int c = getc(file); c != EOF; c = getc(file))
        iu_buf_put_u8(out, (uint8_t)c);
    fclose(file);
}

static inline uint64_t golden_u64(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

static inline const char *golden_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

/* Appends the bytes of a hex string. */
static inline void golden_unhex(const char *text, struct iu_buf *out)
{
    assert_non_null(text);
    for (; *text; text += 2) {
        const char pair[3] = {text[0], text[1], 0};
        char *end;
        iu_buf_put_u8(out, (uint8_t)strtoul(pair, &end, 16));
        assert_ptr_equal(end, pair + 2);
    }
}

static inline void golden_bytes(const json_t *object, const char *name, struct iu_buf *out)
{
    golden_unhex(golden_text(object, name), out);
}

static inline void golden_hash(const char *text, struct iu_hash *out)
{
    struct iu_buf bytes = IU_BUF_INIT;
    golden_unhex(text, &bytes);
    assert_int_equal(bytes.len, IU_HASH_LEN);
    memcpy(out->b, bytes.data, IU_HASH_LEN);
    iu_buf_fini(&bytes);
}

/* A list of hashes; returns how many. */
static inline size_t golden_hashes(const json_t *object, const char *name, struct iu_hash *out, size_t max)
{
    const json_t *list = json_object_get(object, name);
    size_t count = json_array_size(list);
    assert_true(json_is_array(list) && count <= max);
    for (size_t i = 0; i < count; i++)
        golden_hash(json_string_value(json_array_get(list, i)), &out[i]);
    return count;
}

/* `bytes` are exactly those of the field. */
static inline void golden_equal(const json_t *object, const char *name, struct iu_bytes bytes)
{
    struct iu_buf want = IU_BUF_INIT;
    golden_bytes(object, name, &want);
    assert_int_equal(bytes.len, want.len);
    if (want.len)
        assert_memory_equal(bytes.data, want.data, want.len);
    iu_buf_fini(&want);
}

#endif
