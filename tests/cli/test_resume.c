/*
 * test_resume.c - the line that continues an interrupted command.
 */
#include "support.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/resume.h"

static void assert_resumes(const char *const *words, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    resume_print((char *const *)(uintptr_t)words, to);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void test_resume(void **state)
{
    const char *const same[] = {"build/spur", "score", "my photos", "-o", "run", NULL};
    const char *const restart[] = {"spur", "score", "-", "--restart", "-f", "-fv", "-vq", NULL};
    const char *const words[] = {"spur", "score", "--", "-f", "--restart", NULL};
    const char *const values[] = {"spur", "score", "-ofile", "-j4", NULL};
    const char *const redo[] = {"spur",   "run",         "a",  "--redo", "features",
                                "--json", "--redo=eval", "-q", "--redo", NULL};
    (void)state;
    assert_resumes(redo, "spur run a --json -q --redo\n");
    assert_resumes(same, "build/spur score 'my photos' -o run\n");
    assert_resumes(restart, "spur score - -v -vq\n");
    assert_resumes(words, "spur score -- -f --restart\n");
    assert_resumes(values, "spur score -ofile -j4\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resume)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
