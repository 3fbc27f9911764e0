/* The control socket's client, against a daemon that the test plays. */
#include "ask.h"
#include "client.h"
#include "message.h"
#include "output.h"
#include "unit/played_daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct sl_client *open_client(void)
{
    struct sl_client *client = NULL;
    assert_int_equal(sl_client_open(NULL, &client, NULL), 0);
    return client;
}

static void test_answers(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
        {"\"do\":\"status\"", "{\"id\": @, \"ok\": true, \"x\": 5}\n"},
        {"\"do\":\"person\"", "{\"id\": @, \"ok\": false, \"error\": \"not-found\"}\n"},
        /* An answer that was given up on, and two events, come before the one that is waited for.
         */
        {"\"do\":\"late\"",
         "{\"id\": 1, \"ok\": true, \"x\": 6}\n{\"event\": \"a\"}\n"
         "{\"event\": \"b\"}\n{\"id\": @, \"ok\": true, \"x\": 7}\n{\"event\": \"c\"}\n"},
    };
    for (int slow = 0; slow < 2; slow++) {
        sl_played.one_byte_at_a_time = slow == 1;
        SL_PLAY(script);
        struct sl_client *client = open_client();
        json_t *answer = NULL;
        assert_int_equal(sl_client_call(client, "status", NULL, &answer), 0);
        assert_int_equal(json_integer_value(json_object_get(answer, "x")), 5);
        json_decref(answer);
        json_t *fields = json_pack("{ss}", "name", "bob");
        assert_int_equal(sl_client_call(client, "person", fields, &answer), -EREMOTEIO);
        assert_string_equal(sl_ask_text(answer, "error"), "not-found");
        assert_non_null(strstr(sl_played.requests[1], "\"name\":\"bob\""));
        json_decref(answer);
        assert_int_equal(sl_client_call(client, "late", NULL, &answer), 0);
        assert_int_equal(json_integer_value(json_object_get(answer, "x")), 7);
        json_decref(answer);
        for (const char *name = "abc"; *name != '\0'; name++) {
            json_t *event = NULL;
            while ((event = sl_client_event(client)) == NULL)
                assert_true(sl_client_wait(client, 1000) == 0);
            assert_int_equal(sl_ask_text(event, "event")[0], *name);
            json_decref(event);
        }
        assert_null(sl_client_event(client));
        sl_client_free(client);
        sl_played_end();
    }
}

/* An event that comes with the end of the connection is not lost. */
static void test_last_words(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
        {"\"do\":\"subscribe\"", "{\"id\": @, \"ok\": true}\n~{\"event\": \"a\"}\n"},
    };
    SL_PLAY(script);
    struct sl_client *client = open_client();
    json_t *answer = NULL;
    assert_int_equal(sl_client_call(client, "subscribe", NULL, &answer), 0);
    json_decref(answer);
    usleep(100000);
    assert_int_equal(sl_client_wait(client, 1000), 0);
    json_decref(sl_client_event(client));
    assert_int_equal(sl_client_wait(client, 1000), -EPIPE);
    sl_client_free(client);
    sl_played_end();
}

static void expect_failure(const char *answer_text, int expected)
{
    const struct sl_exchange script[] = {{"\"do\":\"x\"", answer_text}};
    SL_PLAY(script);
    struct sl_client *client = open_client();
    json_t *answer = NULL;
    assert_int_equal(sl_client_call(client, "x", NULL, &answer), expected);
    assert_null(answer);
    sl_client_free(client);
    sl_played_end();
}

static void test_bad_answers(void **state)
{
    (void)state;
    expect_failure("", -EPIPE);
    expect_failure("{\"id\": @, \"ok\": tr", -EPIPE);
    expect_failure("HTTP/1.1 400 Bad Request\n", -EPROTO);
    expect_failure("[1, 2]\n", -EPROTO);
    expect_failure("{\"id\": 1, \"id\": 1}\n", -EPROTO);
    expect_failure("\n", -EPROTO);
}

static void test_requests_have_a_bound(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {{"\"do\":\"y\"", "{\"id\": @, \"ok\": true}\n"}};
    SL_PLAY(script);
    struct sl_client *client = open_client();
    json_t *answer = NULL;
    char *text = calloc(1, 70001);
    memset(text, 'x', 70000);
    assert_int_equal(sl_client_call(client, "x", json_pack("{ss}", "text", text), &answer),
                     -EMSGSIZE);
    assert_int_equal(sl_client_call(client, "y", NULL, &answer), 0);
    json_decref(answer);
    free(text);
    sl_client_free(client);
    sl_played_end();
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct sl_client *client = NULL;
    char *path = NULL, long_path[200];
    assert_int_equal(sl_client_open("/tmp/starling-no-such", &client, &path), -ENOENT);
    assert_string_equal(path, "/tmp/starling-no-such");
    free(path);
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_equal(sl_client_open(long_path, &client, NULL), -ENAMETOOLONG);
    unsetenv("STARLING_SOCKET");
    setenv("XDG_RUNTIME_DIR", "/tmp/starling-no-such", 1);
    assert_int_equal(sl_client_open(NULL, &client, &path), -ENOENT);
    assert_string_equal(path, "/run/starling/control.sock");
    free(path);
    assert_null(client);
}

/* Where two people share a nick, in whatever case, both are shown with their code. */
static void test_namesakes(void **state)
{
    (void)state;
    struct sl_people *people = sl_people_new();
    json_t *first = json_pack("{ss ss ss}", "nick", "ana", "code", "aaaa-aaaa", "key", "01");
    json_t *second = json_pack("{ss ss ss sb}", "nick", "Ana", "code", "bbbb-bbbb", "key", "02",
                               "verified", true);
    static const char *const expected[] = {"ana", "Ana.bbbb-bbbb \u2713", "ana.aaaa-aaaa"};
    json_t *const order[] = {first, second, first};
    for (size_t i = 0; i < SL_ARRAY_LEN(order); i++) {
        char *label = sl_people_label(people, order[i]);
        assert_string_equal(label, expected[i]);
        free(label);
    }
    json_object_set_new(first, "nick", json_string("zo\033[1me\u200b"));
    char *label = sl_people_label(people, first);
    assert_string_equal(label, "zo␛[1me<U+200B>");
    free(label);
    assert_string_equal(sl_people_nick(people, 0), "ana");
    assert_null(sl_people_nick(people, 3));
    json_decref(first);
    json_decref(second);
    sl_people_free(people);
}

int main(void)
{
    sl_output_setup();
    sl_client_init();
    setenv("TZ", "UTC", 1);
    json_object_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),      cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_bad_answers),  cmocka_unit_test(test_requests_have_a_bound),
        cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_namesakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
