/* The control socket's client, and the commands on top of it, against a daemon that the test plays.
 */
#include "ask.h"
#include "client.h"
#include "commands.h"
#include "message.h"
#include "output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- The daemon's side ---- */

/* One exchange: the request that has to come (a word of it), and the bytes that answer it. '@'
 * stands for the id of the request, '~' for a pause. */
struct exchange {
    const char *expected;
    const char *answer;
};

static struct {
    char path[64];
    int listener;
    pthread_t thread;
    const struct exchange *script;
    size_t count, done;
    char requests[16][512];
    bool one_byte_at_a_time;
} fake;

static void send_bytes(int fd, const char *bytes, size_t len)
{
    size_t step = fake.one_byte_at_a_time ? 1 : len;
    for (size_t i = 0; i < len; i += step)
        if (send(fd, bytes + i, step, MSG_NOSIGNAL) < 0)
            return;
}

static void send_answer(int fd, const char *request, const char *answer)
{
    char id[16] = "0", out[8192];
    const char *at = strstr(request, "\"id\":");
    if (at != NULL)
        snprintf(id, sizeof(id), "%.*s", (int)strspn(at + 5, "0123456789"), at + 5);
    size_t len = 0;
    for (const char *c = answer; *c != '\0'; c++) {
        if (*c == '~') {
            send_bytes(fd, out, len);
            usleep(10000);
            len = 0;
            continue;
        }
        len +=
            (size_t)snprintf(out + len, sizeof(out) - len, "%s", *c == '@' ? id : (char[]){*c, 0});
    }
    send_bytes(fd, out, len);
}

static void *play(void *arg)
{
    (void)arg;
    int fd = accept(fake.listener, NULL, NULL);
    FILE *in = fdopen(fd, "r");
    while (in != NULL && fake.done < fake.count &&
           fgets(fake.requests[fake.done], sizeof(fake.requests[0]), in) != NULL) {
        const struct exchange *exchange = &fake.script[fake.done];
        const char *request = fake.requests[fake.done++];
        if (strstr(request, exchange->expected) == NULL)
            break;
        send_answer(fd, request, exchange->answer);
    }
    if (in != NULL)
        fclose(in);
    return NULL;
}

static void begin(const struct exchange *script, size_t count)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    fake.script = script;
    fake.count = count;
    fake.done = 0;
    memset(fake.requests, 0, sizeof(fake.requests));
    strcpy(fake.path, "/tmp/starling-client-XXXXXX");
    assert_non_null(mkdtemp(fake.path));
    strcat(fake.path, "/s");
    strcpy(address.sun_path, fake.path);
    fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fake.listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fake.listener, 4), 0);
    assert_int_equal(setenv("STARLING_SOCKET", fake.path, 1), 0);
    assert_int_equal(pthread_create(&fake.thread, NULL, play, NULL), 0);
}

/* All of the script was played. */
static void end(void)
{
    shutdown(fake.listener, SHUT_RDWR);
    pthread_join(fake.thread, NULL);
    close(fake.listener);
    unlink(fake.path);
    *strrchr(fake.path, '/') = '\0';
    rmdir(fake.path);
    fake.one_byte_at_a_time = false;
    assert_int_equal(fake.done, fake.count);
}

#define BEGIN(script) begin((script), SL_ARRAY_LEN(script))

static struct sl_client *open_client(void)
{
    struct sl_client *client = NULL;
    assert_int_equal(sl_client_open(NULL, &client, NULL), 0);
    return client;
}

/* ---- The client ---- */

static void test_answers(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"status\"", "{\"id\": @, \"ok\": true, \"x\": 5}\n"},
        {"\"do\":\"person\"", "{\"id\": @, \"ok\": false, \"error\": \"not-found\"}\n"},
        /* An answer that was given up on, and two events, come before the one that is waited for.
         */
        {"\"do\":\"late\"",
         "{\"id\": 1, \"ok\": true, \"x\": 6}\n{\"event\": \"a\"}\n"
         "{\"event\": \"b\"}\n{\"id\": @, \"ok\": true, \"x\": 7}\n{\"event\": \"c\"}\n"},
    };
    for (int slow = 0; slow < 2; slow++) {
        fake.one_byte_at_a_time = slow == 1;
        BEGIN(script);
        struct sl_client *client = open_client();
        json_t *answer = NULL;
        assert_int_equal(sl_client_call(client, "status", NULL, &answer), 0);
        assert_int_equal(json_integer_value(json_object_get(answer, "x")), 5);
        json_decref(answer);
        json_t *fields = json_pack("{ss}", "name", "bob");
        assert_int_equal(sl_client_call(client, "person", fields, &answer), -EREMOTEIO);
        assert_string_equal(sl_ask_text(answer, "error"), "not-found");
        assert_non_null(strstr(fake.requests[1], "\"name\":\"bob\""));
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
        end();
    }
}

/* An event that comes with the end of the connection is not lost. */
static void test_last_words(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"subscribe\"", "{\"id\": @, \"ok\": true}\n~{\"event\": \"a\"}\n"},
    };
    BEGIN(script);
    struct sl_client *client = open_client();
    json_t *answer = NULL;
    assert_int_equal(sl_client_call(client, "subscribe", NULL, &answer), 0);
    json_decref(answer);
    usleep(100000);
    assert_int_equal(sl_client_wait(client, 1000), 0);
    json_decref(sl_client_event(client));
    assert_int_equal(sl_client_wait(client, 1000), -EPIPE);
    sl_client_free(client);
    end();
}

static void expect_failure(const char *answer_text, int expected)
{
    const struct exchange script[] = {{"\"do\":\"x\"", answer_text}};
    BEGIN(script);
    struct sl_client *client = open_client();
    json_t *answer = NULL;
    assert_int_equal(sl_client_call(client, "x", NULL, &answer), expected);
    assert_null(answer);
    sl_client_free(client);
    end();
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
    static const struct exchange script[] = {{"\"do\":\"y\"", "{\"id\": @, \"ok\": true}\n"}};
    BEGIN(script);
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
    end();
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

/* ---- The commands ---- */

static char said[16384]; /* standard output and error of the last command */

/* The words of `line` are parted by '|'. */
static int run(const char *line)
{
    static struct sl_command all[12];
    const struct sl_command *const commands[] = {
        &sl_cmd_status,   &sl_cmd_neighbours, &sl_cmd_inbox, &sl_cmd_send,   &sl_cmd_people,
        &sl_cmd_channels, &sl_cmd_persona,    &sl_cmd_chat,  &sl_cmd_radios, &sl_cmd_doctor};
    for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++)
        all[i] = *commands[i];
    const struct sl_command root = {.name = "starling", .summary = "x", .parts = all};
    char copy[512], *argv[16];
    int argc = 0;
    snprintf(copy, sizeof(copy), "starling|%s", line);
    for (char *word = strtok(copy, "|"); word != NULL; word = strtok(NULL, "|"))
        argv[argc++] = word;
    argv[argc] = NULL;
    FILE *file = tmpfile();
    fflush(stdout);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    int code = sl_args_run(&root, argc, argv);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    rewind(file);
    said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
    fclose(file);
    return code;
}

static void expect_said(const char *text)
{
    if (strstr(said, text) == NULL)
        fail_msg("'%s' is not in: %s", text, said);
}

#define PERSONAS                                                                                   \
    "{\"id\": @, \"ok\": true, \"personas\": [{\"persona\": 3, \"nick\": \"ana\", \"code\": "      \
    "\"k7mq-2hdc\", \"key\": \"aa\", \"kept\": false, \"unread\": 1}]}\n"
#define BOB                                                                                        \
    "{\"nick\": \"bob\", \"code\": \"bbbb-cccc\", \"key\": \"bb\", \"verified\": true, "           \
    "\"local\": "                                                                                  \
    "false, \"writable\": true, \"silent_for\": 200}"
#define ANA                                                                                        \
    "{\"nick\": \"ana\", \"code\": \"k7mq-2hdc\", \"key\": \"aa\", \"verified\": false, "          \
    "\"local\": "                                                                                  \
    "true, \"writable\": true, \"silent_for\": 0}"
#define MESSAGE(number, channel, with, from, outgoing, state, unread, text)                        \
    "{\"number\": " #number ", \"id\": \"00\", \"persona\": 3, \"channel\": " channel              \
    ", \"with\": " with ", \"from\": " from ", \"outgoing\": " outgoing ", \"state\": \"" state    \
    "\", \"durable\": true, \"unread\": " unread ", \"created\": 1, \"age\": 5, \"text\": \"" text \
    "\"}"

static void test_inbox(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"personas\"", PERSONAS},
        {"\"do\":\"history\"",
         "{\"id\": @, \"ok\": true, \"next\": 4, \"messages\": [" MESSAGE(
             1, "\"general\"", "null", BOB, "false", "received", "false",
             "old") ", " MESSAGE(2, "\"general\"", "null", BOB, "false", "received", "true",
                                 "new\\n14:00 ana: fake") "]}\n"},
        {"\"from\":4",
         "{\"id\": @, \"ok\": true, \"next\": null, \"messages\": [" MESSAGE(
             4, "null", BOB, BOB, "false", "received", "true", "psst \\u001b[2J") "]}\n"},
        {"\"do\":\"read\"", "{\"id\": @, \"ok\": true}\n"},
        {"\"do\":\"read\"", "{\"id\": @, \"ok\": true}\n"},
    };
    BEGIN(script);
    assert_int_equal(run("inbox"), 0);
    end();
    expect_said(" #general bob ✓: new\n      14:00 ana: fake\n");
    expect_said(" bob ✓ → ana: psst ␛[2J\n");
    assert_null(strstr(said, "old"));
    assert_null(strchr(said, '\033'));
    assert_non_null(strstr(fake.requests[3], "\"number\":2"));
    assert_non_null(strstr(fake.requests[3], "\"channel\":\"general\""));
    assert_non_null(strstr(fake.requests[4], "\"with\":\"bb\""));
    assert_non_null(strstr(fake.requests[4], "\"number\":4"));
}

static void test_inbox_peek_json(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"personas\"", PERSONAS},
        {"\"do\":\"history\"",
         "{\"id\": @, \"ok\": true, \"next\": null, \"messages\": [" MESSAGE(
             1, "\"general\"", "null", BOB, "false", "received", "false", "old") "]}\n"},
    };
    BEGIN(script);
    assert_int_equal(run("inbox|--all|--peek|--json|--as|ana"), 0);
    end();
    json_t *json = json_loads(said, 0, NULL);
    json_t *message = json_array_get(json_object_get(json, "messages"), 0);
    assert_string_equal(sl_ask_text(message, "text"), "old");
    assert_null(json_object_get(json, "ok"));
    json_decref(json);
}

static void test_send_waits_for_a_state(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"subscribe\"", "{\"id\": @, \"ok\": true}\n"},
        {"\"do\":\"send\"",
         "{\"id\": @, \"ok\": true, \"message\": " MESSAGE(
             7, "null", BOB, ANA, "true", "queued", "false",
             "hi") "}\n"
                   "{\"event\": \"state\", \"message\": " MESSAGE(
                       6, "null", BOB, ANA, "true", "read", "false",
                       "x") "}\n"
                            "{\"event\": \"state\", \"message\": " MESSAGE(
                                7, "null", BOB, ANA, "true", "relayed", "false",
                                "hi") "}\n"
                                      "{\"event\": \"state\", \"message\": " MESSAGE(
                                          7, "null", BOB, ANA, "true", "delivered", "false",
                                          "hi") "}\n"},
    };
    BEGIN(script);
    assert_int_equal(run("send|bob|--wait|delivered|--timeout|5|hi|there"), 0);
    end();
    assert_string_equal(said, "delivered\n");
    assert_non_null(strstr(fake.requests[1], "\"to\":\"bob\""));
    assert_non_null(strstr(fake.requests[1], "\"text\":\"hi there\""));
}

static void test_send_shows_no_state_that_was_not_earned(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"subscribe\"", "{\"id\": @, \"ok\": true}\n"},
        {"\"do\":\"send\"", "{\"id\": @, \"ok\": true, \"message\": " MESSAGE(
                                7, "null", BOB, ANA, "true", "queued", "false", "hi") "}\n"},
        {"no more", ""},
    };
    begin(script, 3);
    assert_int_equal(run("send|bob|--wait|read|--timeout|0|hi"), SL_EXIT_FAILURE);
    fake.done++; /* the third never comes: it keeps the connection open */
    end();
    expect_said("not read within 0 s: it is queued");
    expect_said("queued\n");
}

static void test_send_wrong_use(void **state)
{
    (void)state;
    assert_int_equal(run("send"), SL_EXIT_USAGE);
    expect_said("unless it is quoted");
    assert_int_equal(run("send|bob"), SL_EXIT_USAGE);
    assert_int_equal(run("send|bob|hi|--wait|soon"), SL_EXIT_USAGE);
    assert_int_equal(run("send|bob|hi|--timeout|soon"), SL_EXIT_USAGE);
    assert_int_equal(run("send|#general|hi|--wait|read"), SL_EXIT_USAGE);
    expect_said("relayed at most");
    assert_int_equal(run("send|bob|\xff"), SL_EXIT_USAGE);
    expect_said("not UTF-8");
}

static void test_errors_say_what_to_do(void **state)
{
    (void)state;
    static const struct exchange no_persona[] = {
        {"\"do\":\"send\"",
         "{\"id\": @, \"ok\": false, \"error\": \"no-persona\", \"text\": \"t\"}\n"},
        {"\"do\":\"personas\"", "{\"id\": @, \"ok\": true, \"personas\": []}\n"},
    };
    BEGIN(no_persona);
    assert_int_equal(run("send|bob|hi"), SL_EXIT_FAILURE);
    end();
    expect_said("starling persona create NICK");
    static const struct exchange not_unique[] = {
        {"\"do\":\"send\"",
         "{\"id\": @, \"ok\": false, \"error\": \"not-unique\", \"text\": \"several\", "
         "\"candidates\": [" BOB ", " BOB "]}\n"},
    };
    BEGIN(not_unique);
    assert_int_equal(run("send|bob|hi"), SL_EXIT_FAILURE);
    end();
    expect_said("several");
    expect_said("bob.bbbb-cccc");
    static const struct exchange no_channel[] = {
        {"\"do\":\"channel.leave\"", "{\"id\": @, \"ok\": false, \"error\": \"not-found\", "
                                     "\"text\": \"not in it\\u001b[2J\"}\n"},
        {"\"do\":\"channels\"", "{\"id\": @, \"ok\": true, \"channels\": [{\"name\": \"medics\", "
                                "\"private\": false, \"unread\": 0}]}\n"},
    };
    BEGIN(no_channel);
    assert_int_equal(run("channels|leave|#medcis"), SL_EXIT_FAILURE);
    end();
    expect_said("Did you mean medics?");
    expect_said("␛[2J");
    assert_int_equal(run("status|--socket|/tmp/starling-no-such"), SL_EXIT_FAILURE);
    expect_said("starlingd is not running");
}

static void test_people_verify(void **state)
{
    (void)state;
    static const struct exchange agrees[] = {
        {"\"do\":\"person\"", "{\"id\": @, \"ok\": true, \"person\": " BOB
                              ", \"auth_code\": \"1234 5678 9012 3456 78\"}\n"},
        {"\"do\":\"person.verify\"", "{\"id\": @, \"ok\": true, \"person\": " BOB "}\n"},
    };
    BEGIN(agrees);
    assert_int_equal(run("people|verify|bob|--code|123456789012345678"), 0);
    end();
    /* The key that was looked at, not the name, which somebody else may have taken meanwhile. */
    assert_non_null(strstr(fake.requests[1], "\"name\":\"bb\""));
    assert_non_null(strstr(fake.requests[1], "\"verified\":true"));
    static const struct exchange differs[] = {
        {"\"do\":\"person\"", "{\"id\": @, \"ok\": true, \"person\": " BOB
                              ", \"auth_code\": \"1234 5678 9012 3456 78\"}\n"},
    };
    static const char *const wrong[] = {"123456789012345679", "12345678901234567", "1", "x",
                                        "1234567890123456789"};
    for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
        char line[64];
        snprintf(line, sizeof(line), "people|verify|bob|--code|%s", wrong[i]);
        BEGIN(differs);
        assert_int_equal(run(line), SL_EXIT_FAILURE);
        end();
        expect_said("do not trust this key");
    }
}

static void test_status_in_words(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"status\"",
         "{\"id\": @, \"ok\": true, \"node\": {\"name\": \"lamp\", \"origin\": \"00\", "
         "\"version\": \"1\", "
         "\"uptime\": 7500, \"certificate\": {\"not_after\": 1800000000, \"expired\": true, "
         "\"revoked\": "
         "false}}, \"network\": \"square\", \"clock\": {\"source\": \"ntp\", \"unix\": "
         "1800000000}, "
         "\"store\": {\"count\": 1204, \"bytes\": 3250586, \"bytes_max\": 67108864, \"error\": "
         "null}, "
         "\"neighbours\": 3, \"handshakes\": 0, \"heard\": 4, \"origins\": 9, \"counters\": {}, "
         "\"refused\": {\"revoked\": 2, \"foreign\": 0}, \"bearers\": [\"udp eth0\"], "
         "\"warnings\": "
         "[\"make a new bundle\"]}\n"},
        {"\"do\":\"neighbours\"", "{\"id\": @, \"ok\": true, \"neighbours\": [{\"state\": \"up\", "
                                  "\"in_sync\": true}, {\"state\": "
                                  "\"up\", \"in_sync\": true}, {\"state\": \"up\", \"in_sync\": "
                                  "false}, {\"state\": \"heard\", "
                                  "\"in_sync\": true}], \"refused\": {}}\n"},
    };
    BEGIN(script);
    assert_int_equal(run("status"), 0);
    end();
    expect_said("lamp of network square, up 2 h 5 min");
    expect_said("valid until 2027-01-15: expired");
    expect_said("3, in step with 2 of them; 9 nodes known");
    expect_said("from NTP");
    expect_said("1,204 messages, 3.1 of 64 MiB");
    expect_said("2 refused: certificate revoked");
    expect_said("! make a new bundle");
    assert_null(strstr(said, "another network"));
}

static void test_neighbours_table(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"neighbours\"",
         "{\"id\": @, \"ok\": true, \"neighbours\": ["
         "{\"name\": null, \"origin\": null, \"bearer\": \"udp eth0\", \"address\": \"fe80::1\", "
         "\"state\": \"heard\", \"up_for\": 0, \"silent_for\": 40, \"loss\": 0.0, \"stored\": 0, "
         "\"in_sync\": false, \"refusal\": \"expired\"},"
         "{\"name\": \"B\", \"origin\": \"00\", \"bearer\": \"udp eth0\", \"address\": "
         "\"fe80::2\", "
         "\"state\": \"up\", \"up_for\": 3700, \"silent_for\": 1, \"loss\": 0.125, \"stored\": "
         "1500, \"signal\": -61, \"rate\": 5500, "
         "\"in_sync\": false, \"refusal\": null}], \"refused\": {\"expired\": 12}}\n"},
    };
    BEGIN(script);
    assert_int_equal(run("neighbours"), 0);
    end();
    expect_said("B     udp eth0 fe80::2  up");
    expect_said("1 h 1 min");
    expect_said("12.5 %  -61 dBm, 5.5 Mbit/s  no, holds 1,500");
    expect_said("?     udp eth0 fe80::1  refused: certificate expired");
    expect_said("12 refused: certificate expired");
    assert_true(strstr(said, "fe80::2") < strstr(said, "fe80::1"));
}

#define RADIOS                                                                                     \
    "{\"id\": @, \"ok\": true, \"radios\": [{\"kind\": \"wifi\", \"name\": \"phy0\", "             \
    "\"interface\": "                                                                              \
    "\"wlan0\", \"state\": \"soft-blocked\", \"used\": false, \"trouble\": true, \"mode\": null, " \
    "\"can\": [\"ad hoc\", \"client\"], \"country\": \"00\", \"why\": \"blocked by rfkill; "       \
    "'rfkill "                                                                                     \
    "unblock wlan' as root lets it go\"}]}\n"

static void test_radios_in_words(void **state)
{
    (void)state;
    static const struct exchange script[] = {{"\"do\":\"radios\"", RADIOS}};
    BEGIN(script);
    assert_int_equal(run("radios"), 0);
    end();
    expect_said("wifi wlan0: soft-blocked");
    expect_said("blocked by rfkill; 'rfkill unblock wlan' as root lets it go");
    expect_said("ad hoc, client");
    expect_said("not set: what is allowed everywhere");
}

static void test_the_doctor_names_cause_and_cure(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"status\"",
         "{\"id\": @, \"ok\": true, \"node\": {\"name\": \"A\", \"version\": \"1\", "
         "\"certificate\": "
         "{\"not_after\": 1000000000, \"expired\": true, \"revoked\": false}}, \"clock\": "
         "{\"source\": "
         "\"unset\", \"unix\": null}, \"store\": {\"error\": \"No space left on device\"}, "
         "\"neighbours\": 0, \"heard\": 2, \"bearers\": [\"udp peers\"], \"refused\": "
         "{\"expired\": "
         "3}}\n"},
        {"\"do\":\"neighbours\"", "{\"id\": @, \"ok\": true, \"neighbours\": []}\n"},
        {"\"do\":\"radios\"", RADIOS},
    };
    BEGIN(script);
    assert_int_equal(run("doctor"), 1);
    end();
    expect_said("[ok] starlingd 1 runs");
    expect_said("[--] the clock is not set");
    expect_said("[!!] this node's certificate has expired on 2001-09-09");
    expect_said("-> ask the organiser for a new bundle");
    expect_said("messages are kept in memory only: No space left on device");
    expect_said("[!!] Wi-Fi wlan0 is not used: blocked by rfkill; 'rfkill unblock wlan' as root");
    expect_said("links to them were refused: certificate expired");
}

/* As somebody runs it first of all: nothing is there to ask. */
static void test_the_doctor_without_starlingd(void **state)
{
    (void)state;
    assert_int_equal(run("doctor|--socket|/nonexistent/control.sock"), 1);
    expect_said("[!!] starlingd does not run: nobody answers at /nonexistent/control.sock");
    expect_said("'systemctl start starlingd' as root");
    assert_int_equal(run("doctor|--json|--socket|/nonexistent/control.sock"), 1);
    json_t *answer = json_loads(said, 0, NULL);
    assert_non_null(answer);
    assert_true(json_is_false(json_object_get(answer, "good")));
    json_t *first = json_array_get(json_object_get(answer, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "level")), "bad");
    assert_true(json_is_string(json_object_get(first, "cure")));
    json_decref(answer);
}

/* A persona's passphrase comes from a file that nobody else can read. */
static void test_passphrase_files(void **state)
{
    (void)state;
    char path[] = "/tmp/starling-pass-XXXXXX", line[128];
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "correct horse\nsecond line\n", 26), 26);
    snprintf(line, sizeof(line), "persona|create|ana|--keep|--passphrase-file|%s", path);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(run(line), SL_EXIT_FAILURE);
    expect_said("chmod 600");
    assert_int_equal(fchmod(fd, 0600), 0);
    static const struct exchange script[] = {
        {"\"do\":\"persona.create\"", "{\"id\": @, \"ok\": true, \"persona\": {\"persona\": 1, "
                                      "\"nick\": \"ana\", \"code\": \"c\", "
                                      "\"kept\": true, \"unread\": 0}}\n"},
    };
    BEGIN(script);
    assert_int_equal(run(line), 0);
    end();
    assert_non_null(strstr(fake.requests[0], "\"passphrase\":\"correct horse\""));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(run(line), SL_EXIT_FAILURE);
    close(fd);
    unlink(path);
    assert_int_equal(run(line), SL_EXIT_FAILURE);
    assert_int_equal(run("persona|create|ana|--keep|--passphrase-file|/dev/null"), SL_EXIT_FAILURE);
    expect_said("not a plain file");
}

/* Locking wipes a persona from memory: only one that is kept can come back. */
static void test_only_a_kept_persona_is_locked(void **state)
{
    (void)state;
    static const struct exchange in_memory[] = {
        {"\"do\":\"personas\"",
         "{\"id\": @, \"ok\": true, \"personas\": [{\"persona\": 1, \"nick\": \"ana\", "
         "\"kept\": false}]}\n"},
    };
    BEGIN(in_memory);
    assert_int_equal(run("persona|lock|ana"), SL_EXIT_FAILURE);
    end();
    expect_said("persona forget ana");
    static const struct exchange kept[] = {
        {"\"do\":\"personas\"",
         "{\"id\": @, \"ok\": true, \"personas\": [{\"persona\": 1, \"nick\": \"ana\", "
         "\"kept\": true}]}\n"},
        {"\"do\":\"persona.lock\"", "{\"id\": @, \"ok\": true}\n"},
    };
    BEGIN(kept);
    assert_int_equal(run("persona|lock|ana"), 0);
    end();
    expect_said("ana is locked.");
}

/* As run(), with that on standard input. */
static int run_typing(const char *words, const char *typed)
{
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(write(pipe_ends[1], typed, strlen(typed)), strlen(typed));
    close(pipe_ends[1]);
    int in = dup(STDIN_FILENO);
    dup2(pipe_ends[0], STDIN_FILENO);
    int code = run(words);
    dup2(in, STDIN_FILENO);
    close(in);
    close(pipe_ends[0]);
    return code;
}

/* Chat through a pipe: lines are sent, what comes is printed, a command is a command. */
static void test_chat_through_a_pipe(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"personas\"", PERSONAS},
        {"\"do\":\"subscribe\"", "{\"id\": @, \"ok\": true}\n"},
        {"\"do\":\"people\"", "{\"id\": @, \"ok\": true, \"people\": [" BOB "], \"next\": null}\n"},
        {"\"do\":\"channel.join\"",
         "{\"id\": @, \"ok\": false, \"error\": \"exists\", \"text\": \"t\"}\n"},
        {"\"do\":\"channels\"", "{\"id\": @, \"ok\": true, \"channels\": []}\n"},
        {"\"do\":\"history\"", "{\"id\": @, \"ok\": true, \"next\": null, \"messages\": []}\n"},
        {"\"text\":\"hello\"", "{\"event\": \"message\", \"message\": " MESSAGE(
                                   7, "\"general\"", "null", BOB, "false", "received", "true",
                                   "hi ana") "}\n"
                                             "{\"id\": @, \"ok\": true, \"message\": " MESSAGE(
                                                 8, "\"general\"", "null", ANA, "true", "queued",
                                                 "false", "hello") "}\n"},
        {"\"do\":\"read\"", "{\"id\": @, \"ok\": true}\n"},
        /* Events that are missing are looked up. */
        {"\"text\":\"/slash\"",
         "{\"event\": \"lost\", \"count\": 1}\n{\"id\": @, \"ok\": true, \"message\": " MESSAGE(
             10, "\"general\"", "null", ANA, "true", "queued", "false", "/slash") "}\n"},
        {"\"from\":9", "{\"id\": @, \"ok\": true, \"next\": null, \"messages\": [" MESSAGE(
                           9, "null", BOB, BOB, "false", "received", "true",
                           "missed") ", " MESSAGE(10, "\"general\"", "null", ANA, "true", "queued",
                                                  "false", "/slash") "]}\n"},
    };
    BEGIN(script);
    assert_int_equal(run_typing("chat", "hello\n\n   \n/hlep\n/join BOB\n//slash"), 0);
    end();
    expect_said("bob ✓: hi ana\n");
    expect_said("bob ✓ → ana: missed\n");
    expect_said("no command /hlep. Did you mean /help?");
    expect_said("BOB is a person: /msg BOB goes there");
    assert_non_null(strstr(fake.requests[7], "\"number\":7"));
    assert_null(strchr(said, '\033'));
}

/* With --json only JSON is on standard output: each message, one's own too, and each new state. */
static void test_chat_json(void **state)
{
    (void)state;
    static const struct exchange script[] = {
        {"\"do\":\"personas\"", PERSONAS},
        {"\"do\":\"subscribe\"", "{\"id\": @, \"ok\": true}\n"},
        {"\"do\":\"people\"", "{\"id\": @, \"ok\": true, \"people\": [" BOB "], \"next\": null}\n"},
        {"\"do\":\"channel.join\"", "{\"id\": @, \"ok\": true}\n"},
        {"\"do\":\"channels\"", "{\"id\": @, \"ok\": true, \"channels\": []}\n"},
        {"\"do\":\"history\"", "{\"id\": @, \"ok\": true, \"next\": null, \"messages\": []}\n"},
        {"\"text\":\"hello\"",
         "{\"id\": @, \"ok\": true, \"message\": " MESSAGE(8, "\"general\"", "null", ANA, "true",
                                                           "queued", "false", "hello") "}\n"},
        {"\"text\":\"bye\"",
         "{\"event\": \"state\", \"message\": " MESSAGE(
             8, "\"general\"", "null", ANA, "true", "relayed", "false",
             "hello") "}\n"
                      "{\"id\": @, \"ok\": true, \"message\": " MESSAGE(
                          9, "\"general\"", "null", ANA, "true", "queued", "false", "bye") "}\n"},
    };
    BEGIN(script);
    assert_int_equal(run_typing("chat|--json", "hello\nbye"), 0);
    end();
    expect_said("\"state\":\"queued\"");
    expect_said("\"state\":\"relayed\"");
    assert_null(strstr(said, "-- relayed"));
}

int main(void)
{
    sl_output_setup();
    sl_client_init();
    setenv("TZ", "UTC", 1);
    json_object_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_bad_answers),
        cmocka_unit_test(test_requests_have_a_bound),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_namesakes),
        cmocka_unit_test(test_inbox),
        cmocka_unit_test(test_inbox_peek_json),
        cmocka_unit_test(test_send_waits_for_a_state),
        cmocka_unit_test(test_send_shows_no_state_that_was_not_earned),
        cmocka_unit_test(test_send_wrong_use),
        cmocka_unit_test(test_errors_say_what_to_do),
        cmocka_unit_test(test_people_verify),
        cmocka_unit_test(test_status_in_words),
        cmocka_unit_test(test_neighbours_table),
        cmocka_unit_test(test_radios_in_words),
        cmocka_unit_test(test_the_doctor_names_cause_and_cure),
        cmocka_unit_test(test_the_doctor_without_starlingd),
        cmocka_unit_test(test_passphrase_files),
        cmocka_unit_test(test_only_a_kept_persona_is_locked),
        cmocka_unit_test(test_chat_through_a_pipe),
        cmocka_unit_test(test_chat_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
