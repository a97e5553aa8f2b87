/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void every_error_has_its_name_and_words(void **state)
{
    (void)state;
    assert_int_equal(IU_OK, 0);
    assert_string_equal(iu_err_name(IU_OK), "IU_OK");
    assert_string_equal(iu_err_words(IU_OK), "ok");
    assert_string_equal(iu_err_name(IU_PEER_FORGED), "IU_PEER_FORGED");
    assert_string_equal(iu_err_words(IU_PEER_FORGED), "signature does not verify");
    assert_string_equal(iu_err_name(IU_HERE_DENIED), "IU_HERE_DENIED");
    assert_string_equal(iu_err_words(IU_HERE_DENIED), "not allowed");
}

static void a_number_that_is_no_error_still_has_words(void **state)
{
    (void)state;
    assert_string_equal(iu_err_words((enum iu_err)(IU_HERE_DENIED + 1)), "unknown error");
    assert_string_equal(iu_err_name((enum iu_err)(IU_HERE_DENIED + 1)), "unknown");
}

static void must_says_one_line_and_aborts_unless_its_condition_holds(void **state)
{
    (void)state;
    int fds[2];
    char said[200] = "";
    iu_must(1 + 1 == 2);
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        iu_must(1 + 1 == 3);
        _exit(0);
    }
    close(fds[1]);
    int status = 0;
    ssize_t len = 0, part;
    while ((part = read(fds[0], said + len, sizeof said - 1 - (size_t)len)) > 0)
        len += part;
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, "err_test.c:"));
    assert_non_null(strstr(said, "1 + 1 == 3\n"));
    assert_ptr_equal(strchr(said, '\n'), said + len - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_name_and_words),
        cmocka_unit_test(a_number_that_is_no_error_still_has_words),
        cmocka_unit_test(must_says_one_line_and_aborts_unless_its_condition_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
