/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    static const uint8_t zeros[40];
    struct iu_arena arena;
    uint8_t *pieces[1000];
    iu_arena_init(&arena, 100000);
    for (size_t i = 0; i < 1000; i++) {
        pieces[i] = iu_arena_take(&arena, i % 41, 1);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        assert_memory_equal(pieces[i], zeros, i % 41);
        memset(pieces[i], (int)(i % 251) + 1, i % 41);
    }
    for (size_t i = 0; i < 1000; i++)
        for (size_t at = 0; at < i % 41; at++)
            assert_int_equal(pieces[i][at], i % 251 + 1);
    iu_arena_fini(&arena);
}

static void the_cap_can_be_reached_and_not_passed(void **state)
{
    (void)state;
    struct iu_arena arena;
    iu_arena_init(&arena, 1000);
    assert_null(iu_arena_try(&arena, 1001));
    assert_null(iu_arena_try(&arena, SIZE_MAX));
    assert_int_equal(arena.used, 0);
    assert_non_null(iu_arena_try(&arena, 992));
    assert_null(iu_arena_try(&arena, 9));
    assert_non_null(iu_arena_try(&arena, 8));
    assert_null(iu_arena_try(&arena, 1));
    assert_null(iu_arena_try(&arena, 0x80000000));
    iu_arena_fini(&arena);
}

static void one_piece_may_be_as_large_as_the_cap(void **state)
{
    (void)state;
    struct iu_arena arena;
    iu_arena_init(&arena, 1000001);
    uint8_t *piece = iu_arena_try(&arena, 1000001);
    assert_non_null(piece);
    assert_int_equal(piece[1000000], 0);
    assert_null(iu_arena_try(&arena, 1));
    iu_arena_fini(&arena);
}

static void many_tiny_pieces_stay_below_the_cap_with_their_padding(void **state)
{
    (void)state;
    struct iu_arena arena;
    size_t count = 0;
    iu_arena_init(&arena, 16 * 100);
    while (iu_arena_try(&arena, 1))
        count++;
    assert_int_equal(count, 100);
    iu_arena_fini(&arena);
}

static void pieces_of_no_length_use_up_the_cap_too(void **state)
{
    (void)state;
    struct iu_arena arena;
    size_t count = 0;
    iu_arena_init(&arena, 16 * 100 - 1);
    while (iu_arena_try(&arena, 0))
        count++;
    assert_int_equal(count, 100);
    iu_arena_fini(&arena);
}

static void a_reset_arena_has_its_whole_cap_again_and_zeroed_memory(void **state)
{
    (void)state;
    static const uint8_t zeros[3000];
    struct iu_arena arena;
    iu_arena_init(&arena, 3000);
    for (int round = 0; round < 3; round++) {
        uint8_t *piece = iu_arena_take(&arena, 3, 1000);
        assert_memory_equal(piece, zeros, sizeof zeros);
        memset(piece, 0xff, sizeof zeros);
        assert_null(iu_arena_try(&arena, 16));
        iu_arena_reset(&arena);
    }
    iu_arena_fini(&arena);
}

static void an_unused_arena_is_reset_and_ended_without_memory(void **state)
{
    (void)state;
    struct iu_arena arena;
    iu_arena_init(&arena, 16);
    iu_arena_reset(&arena);
    assert_null(arena.blocks);
    iu_arena_fini(&arena);
    assert_non_null(iu_arena_take(&arena, 1, 16));
    iu_arena_fini(&arena);
    assert_null(arena.blocks);
}

/* Whether taking count × size from an arena of 64 bytes ends the program by abort(). */
static bool take_aborts(size_t count, size_t size)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct iu_arena arena;
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        iu_arena_init(&arena, 64);
        (void)iu_arena_take(&arena, count, size);
        iu_arena_fini(&arena);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void taking_more_than_the_cap_stops_the_program(void **state)
{
    (void)state;
    assert_false(take_aborts(4, 16));
    assert_false(take_aborts(4, 0));
    assert_true(take_aborts(5, 16));
    assert_true(take_aborts(SIZE_MAX / 2 + 2, 2)); /* the product is 2 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(the_cap_can_be_reached_and_not_passed),
        cmocka_unit_test(one_piece_may_be_as_large_as_the_cap),
        cmocka_unit_test(many_tiny_pieces_stay_below_the_cap_with_their_padding),
        cmocka_unit_test(pieces_of_no_length_use_up_the_cap_too),
        cmocka_unit_test(a_reset_arena_has_its_whole_cap_again_and_zeroed_memory),
        cmocka_unit_test(an_unused_arena_is_reset_and_ended_without_memory),
        cmocka_unit_test(taking_more_than_the_cap_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
