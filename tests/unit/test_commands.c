/* The commands on top of the control socket's client, against a daemon that the test plays. */
#include "ask.h"
#include "client.h"
#include "commands.h"
#include "output.h"
#include "unit/captured.h"
#include "unit/played_daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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
    char whole[512];
    snprintf(whole, sizeof(whole), "starling|%s", line);
    return sl_captured_run(&root, "|", whole, said, sizeof(said));
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
    static const struct sl_exchange script[] = {
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
    SL_PLAY(script);
    assert_int_equal(run("inbox"), 0);
    sl_played_end();
    expect_said(" #general bob ✓: new\n      14:00 ana: fake\n");
    expect_said(" bob ✓ → ana: psst ␛[2J\n");
    assert_null(strstr(said, "old"));
    assert_null(strchr(said, '\033'));
    assert_non_null(strstr(sl_played.requests[3], "\"number\":2"));
    assert_non_null(strstr(sl_played.requests[3], "\"channel\":\"general\""));
    assert_non_null(strstr(sl_played.requests[4], "\"with\":\"bb\""));
    assert_non_null(strstr(sl_played.requests[4], "\"number\":4"));
}

static void test_inbox_peek_json(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
        {"\"do\":\"personas\"", PERSONAS},
        {"\"do\":\"history\"",
         "{\"id\": @, \"ok\": true, \"next\": null, \"messages\": [" MESSAGE(
             1, "\"general\"", "null", BOB, "false", "received", "false", "old") "]}\n"},
    };
    SL_PLAY(script);
    assert_int_equal(run("inbox|--all|--peek|--json|--as|ana"), 0);
    sl_played_end();
    json_t *json = json_loads(said, 0, NULL);
    json_t *message = json_array_get(json_object_get(json, "messages"), 0);
    assert_string_equal(sl_ask_text(message, "text"), "old");
    assert_null(json_object_get(json, "ok"));
    json_decref(json);
}

static void test_send_waits_for_a_state(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
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
    SL_PLAY(script);
    assert_int_equal(run("send|bob|--wait|delivered|--timeout|5|hi|there"), 0);
    sl_played_end();
    assert_string_equal(said, "delivered\n");
    assert_non_null(strstr(sl_played.requests[1], "\"to\":\"bob\""));
    assert_non_null(strstr(sl_played.requests[1], "\"text\":\"hi there\""));
}

static void test_send_shows_no_state_that_was_not_earned(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
        {"\"do\":\"subscribe\"", "{\"id\": @, \"ok\": true}\n"},
        {"\"do\":\"send\"", "{\"id\": @, \"ok\": true, \"message\": " MESSAGE(
                                7, "null", BOB, ANA, "true", "queued", "false", "hi") "}\n"},
        {"no more", ""},
    };
    sl_played_begin(script, 3);
    assert_int_equal(run("send|bob|--wait|read|--timeout|0|hi"), SL_EXIT_FAILURE);
    sl_played.done++; /* the third never comes: it keeps the connection open */
    sl_played_end();
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
    assert_int_equal(run("send|bob|hi|--lifetime|8d"), SL_EXIT_USAGE);
    expect_said("at most 7d");
    assert_int_equal(run("send|#general|hi|--wait|read"), SL_EXIT_USAGE);
    expect_said("relayed at most");
    assert_int_equal(run("send|bob|\xff"), SL_EXIT_USAGE);
    expect_said("not UTF-8");
}

static void test_errors_say_what_to_do(void **state)
{
    (void)state;
    static const struct sl_exchange no_persona[] = {
        {"\"do\":\"send\"",
         "{\"id\": @, \"ok\": false, \"error\": \"no-persona\", \"text\": \"t\"}\n"},
        {"\"do\":\"personas\"", "{\"id\": @, \"ok\": true, \"personas\": []}\n"},
    };
    SL_PLAY(no_persona);
    assert_int_equal(run("send|bob|hi"), SL_EXIT_FAILURE);
    sl_played_end();
    expect_said("starling persona create NICK");
    static const struct sl_exchange misspelt[] = {
        {"\"persona\":\"anna\"",
         "{\"id\": @, \"ok\": false, \"error\": \"no-persona\", \"text\": \"no persona 'anna'\"}\n"},
        {"\"do\":\"personas\"", PERSONAS},
    };
    SL_PLAY(misspelt);
    assert_int_equal(run("send|bob|hi|--as|anna"), SL_EXIT_FAILURE);
    sl_played_end();
    expect_said("no persona 'anna'\n  Did you mean ana?");
    static const struct sl_exchange not_unique[] = {
        {"\"do\":\"send\"",
         "{\"id\": @, \"ok\": false, \"error\": \"not-unique\", \"text\": \"several\", "
         "\"candidates\": [" BOB ", " BOB "]}\n"},
    };
    SL_PLAY(not_unique);
    assert_int_equal(run("send|bob|hi"), SL_EXIT_FAILURE);
    sl_played_end();
    expect_said("several");
    expect_said("bob.bbbb-cccc");
    static const struct sl_exchange no_channel[] = {
        {"\"do\":\"channel.leave\"", "{\"id\": @, \"ok\": false, \"error\": \"not-found\", "
                                     "\"text\": \"not in it\\u001b[2J\"}\n"},
        {"\"do\":\"channels\"", "{\"id\": @, \"ok\": true, \"channels\": [{\"name\": \"medics\", "
                                "\"private\": false, \"unread\": 0}]}\n"},
    };
    SL_PLAY(no_channel);
    assert_int_equal(run("channels|leave|#medcis"), SL_EXIT_FAILURE);
    sl_played_end();
    expect_said("Did you mean medics?");
    expect_said("␛[2J");
    assert_int_equal(run("status|--socket|/tmp/starling-no-such"), SL_EXIT_FAILURE);
    expect_said("starlingd is not running");
}

static void test_people_verify(void **state)
{
    (void)state;
    static const struct sl_exchange agrees[] = {
        {"\"do\":\"person\"", "{\"id\": @, \"ok\": true, \"person\": " BOB
                              ", \"auth_code\": \"1234 5678 9012 3456 78\"}\n"},
        {"\"do\":\"person.verify\"", "{\"id\": @, \"ok\": true, \"person\": " BOB "}\n"},
    };
    SL_PLAY(agrees);
    assert_int_equal(run("people|verify|bob|--code|123456789012345678"), 0);
    sl_played_end();
    /* The key that was looked at, not the name, which somebody else may have taken meanwhile. */
    assert_non_null(strstr(sl_played.requests[1], "\"name\":\"bb\""));
    assert_non_null(strstr(sl_played.requests[1], "\"verified\":true"));
    static const struct sl_exchange differs[] = {
        {"\"do\":\"person\"", "{\"id\": @, \"ok\": true, \"person\": " BOB
                              ", \"auth_code\": \"1234 5678 9012 3456 78\"}\n"},
    };
    static const char *const wrong[] = {"123456789012345679", "12345678901234567", "1", "x",
                                        "1234567890123456789"};
    for (size_t i = 0; i < SL_ARRAY_LEN(wrong); i++) {
        char line[64];
        snprintf(line, sizeof(line), "people|verify|bob|--code|%s", wrong[i]);
        SL_PLAY(differs);
        assert_int_equal(run(line), SL_EXIT_FAILURE);
        sl_played_end();
        expect_said("do not trust this key");
    }
}

static void test_status_in_words(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
        {"\"do\":\"status\"",
         "{\"id\": @, \"ok\": true, \"node\": {\"name\": \"lamp\", \"origin\": \"00\", "
         "\"version\": \"1\", "
         "\"uptime\": 7500, \"certificate\": {\"not_after\": 1800000000, \"expired\": true, "
         "\"revoked\": "
         "false}}, \"network\": \"square\", \"clock\": {\"source\": \"ntp\", \"unix\": "
         "1800000000}, "
         "\"store\": {\"count\": 1204, \"bytes\": 3250586, \"bytes_max\": 67108864, \"error\": "
         "null}, "
         "\"neighbours\": 3, \"handshakes\": 0, \"heard\": 4, \"origins\": 9, "
         "\"counters\": {\"routes\": 12, \"held\": 1, \"routed_settled\": 9, \"routed_flooded\": 2}, "
         "\"refused\": {\"revoked\": 2, \"foreign\": 0}, \"bearers\": [\"udp eth0\"], "
         "\"warnings\": "
         "[\"make a new bundle\"]}\n"},
        {"\"do\":\"neighbours\"", "{\"id\": @, \"ok\": true, \"neighbours\": [{\"state\": \"up\", "
                                  "\"in_sync\": true}, {\"state\": "
                                  "\"up\", \"in_sync\": true}, {\"state\": \"up\", \"in_sync\": "
                                  "false}, {\"state\": \"heard\", "
                                  "\"in_sync\": true}], \"refused\": {}}\n"},
    };
    SL_PLAY(script);
    assert_int_equal(run("status"), 0);
    sl_played_end();
    expect_said("lamp of network square, up 2 h 5 min");
    expect_said("valid until 2027-01-15: expired");
    expect_said("3, in step with 2 of them; 9 nodes known");
    expect_said("from NTP");
    expect_said("1,204 messages, 3.1 of 64 MiB");
    expect_said("to 12 nodes; 9 messages arrived along one, 2 went to everybody instead, "
                "1 under way");
    expect_said("2 refused: certificate revoked");
    expect_said("! make a new bundle");
    assert_null(strstr(said, "another network"));
}

static void test_neighbours_table(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
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
    SL_PLAY(script);
    assert_int_equal(run("neighbours"), 0);
    sl_played_end();
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
    static const struct sl_exchange script[] = {{"\"do\":\"radios\"", RADIOS}};
    SL_PLAY(script);
    assert_int_equal(run("radios"), 0);
    sl_played_end();
    expect_said("wifi wlan0: soft-blocked");
    expect_said("blocked by rfkill; 'rfkill unblock wlan' as root lets it go");
    expect_said("ad hoc, client");
    expect_said("not set: what is allowed everywhere");
}

static void test_the_doctor_names_cause_and_cure(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
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
    SL_PLAY(script);
    assert_int_equal(run("doctor"), 1);
    sl_played_end();
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
    static const struct sl_exchange script[] = {
        {"\"do\":\"persona.create\"", "{\"id\": @, \"ok\": true, \"persona\": {\"persona\": 1, "
                                      "\"nick\": \"ana\", \"code\": \"c\", "
                                      "\"kept\": true, \"unread\": 0}}\n"},
    };
    SL_PLAY(script);
    assert_int_equal(run(line), 0);
    sl_played_end();
    assert_non_null(strstr(sl_played.requests[0], "\"passphrase\":\"correct horse\""));
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
    static const struct sl_exchange in_memory[] = {
        {"\"do\":\"personas\"",
         "{\"id\": @, \"ok\": true, \"personas\": [{\"persona\": 1, \"nick\": \"ana\", "
         "\"kept\": false}]}\n"},
    };
    SL_PLAY(in_memory);
    assert_int_equal(run("persona|lock|ana"), SL_EXIT_FAILURE);
    sl_played_end();
    expect_said("persona forget ana");
    static const struct sl_exchange kept[] = {
        {"\"do\":\"personas\"",
         "{\"id\": @, \"ok\": true, \"personas\": [{\"persona\": 1, \"nick\": \"ana\", "
         "\"kept\": true}]}\n"},
        {"\"do\":\"persona.lock\"", "{\"id\": @, \"ok\": true}\n"},
    };
    SL_PLAY(kept);
    assert_int_equal(run("persona|lock|ana"), 0);
    sl_played_end();
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
    static const struct sl_exchange script[] = {
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
    SL_PLAY(script);
    assert_int_equal(run_typing("chat", "hello\n\n   \n/hlep\n/join BOB\n//slash"), 0);
    sl_played_end();
    expect_said("bob ✓: hi ana\n");
    expect_said("bob ✓ → ana: missed\n");
    expect_said("no command /hlep. Did you mean /help?");
    expect_said("BOB is a person: /msg BOB goes there");
    assert_non_null(strstr(sl_played.requests[7], "\"number\":7"));
    assert_null(strchr(said, '\033'));
}

/* With --json only JSON is on standard output: each message, one's own too, and each new state. */
static void test_chat_json(void **state)
{
    (void)state;
    static const struct sl_exchange script[] = {
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
    SL_PLAY(script);
    assert_int_equal(run_typing("chat|--json", "hello\nbye"), 0);
    sl_played_end();
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
