/* Asks the control service of two real boards, as the tests of its requests and of its socket do.
 */
#ifndef SL_UNIT_CONTROL_ASKING_H
#define SL_UNIT_CONTROL_ASKING_H

#include <setjmp.h>
#include <stdarg.h>

#include "base/text.h"
#include "unit/control_fixture.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define ANA   1000 /* user ids on board 0 */
#define MEAN  1001
#define CAROL 1000 /* on board 1 */

static struct fixture fixture;
static char socket_path[64];

/* ---- Asking ---- */

/* The answer of that board, to be freed; the request may use ' for ". */
static inline json_t *ask_raw(int board, uint32_t uid, const char *request)
{
    char *answer = sl_control_answer(fixture.boards[board].control, uid, request, strlen(request),
                                     sl_fabric_now(fixture.fabric));
    assert_non_null(answer);
    json_t *object = json_loads(answer, 0, NULL);
    assert_non_null(object);
    free(answer);
    sl_fabric_touch(fixture.fabric, board);
    return object;
}

static inline json_t *ask(int board, uint32_t uid, const char *request)
{
    char line[1024];
    snprintf(line, sizeof(line), "%s", request);
    for (char *at = line; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    return ask_raw(board, uid, line);
}

static inline json_t *expect(int board, uint32_t uid, const char *request)
{
    json_t *answer = ask(board, uid, request);
    if (!json_is_true(json_object_get(answer, "ok")))
        print_error("%s: %s\n", request, json_string_value(json_object_get(answer, "text")));
    assert_true(json_is_true(json_object_get(answer, "ok")));
    return answer;
}

/* The request is granted; what it says is of no interest. */
static inline void grant(int board, uint32_t uid, const char *request)
{
    json_decref(expect(board, uid, request));
}

/* The request is refused with that word, and its text holds `part`. */
static inline void refuse(int board, uint32_t uid, const char *request, const char *word,
                          const char *part)
{
    json_t *answer = ask(board, uid, request);
    const char *text = json_string_value(json_object_get(answer, "text"));
    text = text ? text : "";
    assert_true(json_is_false(json_object_get(answer, "ok")));
    assert_string_equal(json_string_value(json_object_get(answer, "error")), word);
    if (!strstr(text, part))
        print_error("'%s' is not in '%s'\n", part, text);
    assert_non_null(strstr(text, part));
    json_decref(answer);
}

static inline const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static inline int64_t number_of(const json_t *object, const char *name)
{
    assert_true(json_is_integer(json_object_get(object, name)));
    return json_integer_value(json_object_get(object, name));
}

/* ---- Boards ---- */

static inline int set_up(void **state)
{
    (void)state;
    snprintf(socket_path, sizeof(socket_path), "/tmp/test_control.%d", (int)getpid());
    fixture_init(&fixture, socket_path);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return access(socket_path, F_OK) == 0 ? -1 : 0;
}

static inline bool know_each_other(struct sl_fabric *fabric, void *arg)
{
    (void)fabric;
    (void)arg;
    json_t *answers[] = {ask(0, ANA, "{'do':'person','name':'carol'}"),
                         ask(1, CAROL, "{'do':'person','name':'ana'}")};
    bool known = true;
    for (int i = 0; i < 2; i++) {
        known = known &&
                json_is_true(json_object_get(json_object_get(answers[i], "person"), "writable"));
        json_decref(answers[i]);
    }
    return known;
}

static inline void ana_and_carol(void)
{
    grant(0, ANA, "{'do':'persona.create','nick':'ana'}");
    grant(1, CAROL, "{'do':'persona.create','nick':'carol'}");
    assert_true(sl_fabric_run_until(fixture.fabric, know_each_other, NULL, 30 * SL_SECOND));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
