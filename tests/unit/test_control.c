/* The requests of the control service over two real boards, with every error word. */
#include "unit/control_asking.h"

/* ---- Requests that are none ---- */

static void test_malformed_requests(void **state)
{
    (void)state;
    refuse(0, ANA, "", "bad-request", "not JSON");
    refuse(0, ANA, "{'do':'status'", "bad-request", "not JSON");
    refuse(0, ANA, "{'do':'status'} x", "bad-request", "not JSON");
    refuse(0, ANA, "[]", "bad-request", "one JSON object");
    refuse(0, ANA, "7", "bad-request", "");
    refuse(0, ANA, "{}", "bad-request", "'do' is missing");
    refuse(0, ANA, "{'do':1}", "bad-request", "'do' is missing");
    refuse(0, ANA, "{'do':'stats'}", "unknown", "there is no request 'stats'");
    refuse(0, ANA, "{'do':'status','do':'status'}", "bad-request", "duplicate");
    refuse(0, ANA, "{'do':'status','id':{}}", "bad-request", "'id' has to be");
    refuse(0, ANA, "{'do':'persona.create','nick':'a\xff'}", "bad-request", "not JSON");
    refuse(0, ANA, "{'do':'persona.create','nick':'a\\u0000b'}", "bad-request", "not JSON");
}

static void test_fields_are_checked(void **state)
{
    (void)state;
    refuse(0, ANA, "{'do':'persona.create'}", "bad-request", "'persona.create' needs 'nick'");
    refuse(0, ANA, "{'do':'persona.create','nick':5}", "bad-request", "'nick' has to be a text");
    refuse(0, ANA, "{'do':'persona.create','nick':'a','pasphrase':'x'}", "bad-request",
           "does not take 'pasphrase'; it takes: nick passphrase?");
    refuse(0, ANA, "{'do':'status','x':1}", "bad-request", "it takes: nothing");
    refuse(0, ANA, "{'do':'history','from':-1}", "bad-request", "'from' has to be a number");
    refuse(0, ANA, "{'do':'history','from':1.5}", "bad-request", "'from' has to be a number");
    refuse(0, ANA, "{'do':'history','persona':4294967296}", "bad-request", "'persona' has to be");
    refuse(0, ANA, "{'do':'person.verify','name':'x','verified':'yes'}", "bad-request",
           "'verified' has to be true or false");
    refuse(0, ANA, "{'do':'read','number':null,'channel':'x'}", "bad-request", "'number' has to");
}

static void test_ids_come_back(void **state)
{
    (void)state;
    static const char *const ids[] = {"7", "-1", "\"x\"", "1.5", "9007199254740993"};
    for (size_t i = 0; i < SL_ARRAY_LEN(ids); i++) {
        char request[80], *id;
        snprintf(request, sizeof(request), "{\"do\":\"nonsense\",\"id\":%s}", ids[i]);
        json_t *answer = ask_raw(0, ANA, request);
        id = json_dumps(json_object_get(answer, "id"), JSON_ENCODE_ANY);
        assert_string_equal(id, ids[i]);
        free(id);
        json_decref(answer);
    }
    json_t *answer = ask(0, ANA, "{'do':'status'}");
    assert_null(json_object_get(answer, "id"));
    json_decref(answer);
}

/* ---- The node ---- */

static void test_status(void **state)
{
    (void)state;
    assert_true(sl_fabric_run_until_linked(fixture.fabric, 30 * SL_SECOND));
    sl_fabric_run(fixture.fabric, 2 * SL_SECOND);
    json_t *status = expect(0, ANA, "{'do':'status'}");
    const json_t *node = json_object_get(status, "node");
    assert_string_equal(text_of(node, "name"), "lamp post");
    assert_int_equal(strlen(text_of(node, "origin")), 16);
    assert_int_equal(number_of(node, "uptime"), 5);
    assert_true(json_is_false(json_object_get(json_object_get(node, "certificate"), "expired")));
    assert_string_equal(text_of(status, "network"), "square");
    assert_string_equal(text_of(json_object_get(status, "clock"), "source"), "ntp");
    assert_true(number_of(json_object_get(status, "clock"), "unix") > 1760000000);
    assert_true(json_is_null(json_object_get(json_object_get(status, "store"), "error")));
    assert_int_equal(number_of(status, "neighbours"), 1);
    assert_true(number_of(json_object_get(status, "counters"), "frames_in") > 0);
    assert_int_equal(number_of(json_object_get(status, "refused"), "foreign"), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(status, "bearers"), 0)),
                        "cable");
    assert_int_equal(json_array_size(json_object_get(status, "warnings")), 0);
    json_decref(status);
}

static void test_warnings(void **state)
{
    (void)state;
    fixture.boards[0].not_after = 1;
    fixture.boards[0].revoked = true;
    json_t *status = expect(0, ANA, "{'do':'status'}");
    const json_t *certificate = json_object_get(json_object_get(status, "node"), "certificate");
    assert_true(json_is_true(json_object_get(certificate, "expired")));
    assert_true(json_is_true(json_object_get(certificate, "revoked")));
    assert_int_equal(json_array_size(json_object_get(status, "warnings")), 2);
    json_decref(status);
}

static void test_row_17_a_cloned_key_raises_an_alarm(void **state)
{
    (void)state;
    const struct sl_fabric_node_config clone = {.clone_of = 1};
    int medium = sl_fabric_add_medium(fixture.fabric, NULL);
    int number = sl_fabric_add_node(fixture.fabric, &clone);
    sl_fabric_attach(fixture.fabric, medium, 0);
    sl_fabric_attach(fixture.fabric, medium, number);
    sl_fabric_run(fixture.fabric, 30 * SL_SECOND);
    json_t *status = expect(0, ANA, "{'do':'status'}");
    assert_true(number_of(json_object_get(status, "refused"), "self") > 0);
    const json_t *warnings = json_object_get(status, "warnings");
    assert_int_equal(json_array_size(warnings), 1);
    assert_non_null(strstr(json_string_value(json_array_get(warnings, 0)), "own keys"));
    json_decref(status);
}

static void test_a_full_disk_is_said(void **state)
{
    (void)state;
    sl_memory_store_fail(sl_fabric_store(fixture.fabric, 0), -ENOSPC);
    grant(0, ANA, "{'do':'persona.create','nick':'ana'}");
    json_t *sent = expect(0, ANA, "{'do':'send','channel':'general','text':'x'}");
    assert_true(json_is_false(json_object_get(json_object_get(sent, "message"), "durable")));
    json_decref(sent);
    json_t *status = expect(0, ANA, "{'do':'status'}");
    assert_non_null(strstr(text_of(json_object_get(status, "store"), "error"), "No space left"));
    json_decref(status);
    refuse(0, ANA, "{'do':'persona.create','nick':'kept','passphrase':'long enough'}", "full", "");
}

static void test_neighbours(void **state)
{
    (void)state;
    assert_true(sl_fabric_run_until_linked(fixture.fabric, 30 * SL_SECOND));
    json_t *answer = expect(0, ANA, "{'do':'neighbours'}");
    assert_int_equal(json_array_size(json_object_get(answer, "neighbours")), 1);
    const json_t *one = json_array_get(json_object_get(answer, "neighbours"), 0);
    assert_string_equal(text_of(one, "name"), "node-1");
    assert_string_equal(text_of(one, "state"), "up");
    assert_non_null(strstr(text_of(one, "address"), "address of"));
    assert_true(json_is_real(json_object_get(one, "loss")));
    assert_true(json_is_null(json_object_get(one, "refusal")));
    assert_int_equal(json_integer_value(json_object_get(one, "signal")), -61);
    assert_true(json_is_null(json_object_get(one, "rate")));
    assert_true(json_is_null(json_object_get(one, "radio_loss")));
    assert_non_null(json_object_get(answer, "refused"));
    json_decref(answer);
}

static void test_radios(void **state)
{
    (void)state;
    json_t *answer = expect(0, ANA, "{'do':'radios'}");
    assert_int_equal(json_array_size(json_object_get(answer, "radios")), 1);
    const json_t *one = json_array_get(json_object_get(answer, "radios"), 0);
    const json_t *can = json_object_get(one, "can");
    assert_string_equal(text_of(one, "kind"), "wifi");
    assert_string_equal(text_of(one, "interface"), "wlan0");
    assert_string_equal(text_of(one, "mode"), "ad hoc");
    assert_true(json_is_true(json_object_get(one, "used")));
    assert_true(json_is_false(json_object_get(one, "trouble")));
    assert_int_equal(json_array_size(can), 2);
    assert_string_equal(json_string_value(json_array_get(can, 1)), "client");
    json_decref(answer);
    refuse(0, ANA, "{'do':'radios','kind':'wifi'}", "bad-request", "kind");
}

static void test_revocation_lists(void **state)
{
    (void)state;
    uint8_t crl[64];
    char encoded[100], request[160];
    uint32_t serial = sl_fake_member_serial(sl_fabric_member(fixture.fabric, 1));
    size_t len = sl_fake_crl(0, 5, &serial, 1, crl, sizeof(crl));
    assert_int_equal(sl_base64_encode(crl, len, encoded, sizeof(encoded)), 0);
    snprintf(request, sizeof(request), "{'do':'revoke','crl':'%s'}", encoded);
    grant(0, ANA, request);
    assert_int_equal(sl_fake_member_crl_number(sl_fabric_member(fixture.fabric, 0)), 5);
    refuse(0, ANA, request, "exists", "in force here already");
    len = sl_fake_crl(9, 6, &serial, 1, crl, sizeof(crl));
    sl_base64_encode(crl, len, encoded, sizeof(encoded));
    snprintf(request, sizeof(request), "{'do':'revoke','crl':'%s'}", encoded);
    refuse(0, ANA, request, "denied", "not issued by the authority");
    refuse(0, ANA, "{'do':'revoke','crl':'a='}", "bad-request", "base64url");
}

/* ---- Personas ---- */

static void test_personas(void **state)
{
    (void)state;
    refuse(0, ANA, "{'do':'channels'}", "no-persona", "make a persona");
    json_t *answer = expect(0, ANA, "{'do':'persona.create','nick':'ana'}");
    const json_t *persona = json_object_get(answer, "persona");
    assert_string_equal(text_of(persona, "nick"), "ana");
    assert_int_equal(strlen(text_of(persona, "code")), 9);
    assert_int_equal(strlen(text_of(persona, "key")), 64);
    assert_true(json_is_false(json_object_get(persona, "kept")));
    char by_handle[80];
    snprintf(by_handle, sizeof(by_handle), "{'do':'channels','persona':%d}",
             (int)number_of(persona, "persona"));
    json_decref(answer);
    grant(0, ANA, by_handle);
    grant(0, ANA, "{'do':'channels','persona':'ana'}");
    grant(0, ANA, "{'do':'channels'}");
    refuse(0, ANA, "{'do':'channels','persona':'ben'}", "no-persona", "'ben'");
    refuse(0, ANA, "{'do':'persona.create','nick':'ana'}", "exists", "another nick");
    refuse(0, ANA, "{'do':'persona.create','nick':'#ana'}", "bad-request", "'nick' has to be");
    refuse(0, ANA, "{'do':'persona.create','nick':''}", "bad-request", "'nick' has to be");
    refuse(0, ANA, "{'do':'persona.create','nick':'b','passphrase':'short'}", "bad-request",
           "at least 8 bytes");

    grant(0, ANA, "{'do':'persona.create','nick':'ben'}");
    refuse(0, ANA, "{'do':'channels'}", "no-persona", "several personas (ana, ben, …)");
    answer = expect(0, ANA, "{'do':'personas'}");
    assert_int_equal(json_array_size(json_object_get(answer, "personas")), 2);
    json_decref(answer);
    grant(0, ANA, "{'do':'persona.forget','persona':'ben'}");
    grant(0, ANA, "{'do':'channels'}");
}

static void test_personas_of_others_are_out_of_reach(void **state)
{
    (void)state;
    json_t *answer = expect(0, ANA, "{'do':'persona.create','nick':'ana'}");
    char request[120];
    int handle = (int)number_of(json_object_get(answer, "persona"), "persona");
    json_decref(answer);
    static const char *const requests[] = {"'channels'",
                                           "'people'",
                                           "'history'",
                                           "'persona.lock'",
                                           "'persona.forget'",
                                           "'channel.join','channel':'x'",
                                           "'send','channel':'general','text':'x'",
                                           "'person','name':'ana'",
                                           "'subscribe'"};
    for (size_t i = 0; i < SL_ARRAY_LEN(requests); i++) {
        snprintf(request, sizeof(request), "{'do':%s,'persona':%d}", requests[i], handle);
        refuse(0, MEAN, request, "no-persona", "is not yours");
        snprintf(request, sizeof(request), "{'do':%s,'persona':'ana'}", requests[i]);
        refuse(0, MEAN, request, "no-persona", "");
    }
    answer = expect(0, MEAN, "{'do':'personas'}");
    assert_int_equal(json_array_size(json_object_get(answer, "personas")), 0);
    json_decref(answer);
}

static void test_kept_personas(void **state)
{
    (void)state;
    grant(0, ANA, "{'do':'persona.create','nick':'ana','passphrase':'correct horse'}");
    grant(0, ANA, "{'do':'persona.lock'}");
    refuse(0, ANA, "{'do':'channels'}", "no-persona", "unlock the one you kept");
    refuse(0, ANA, "{'do':'persona.create','nick':'ana'}", "exists", "unlock it if it was kept");
    refuse(0, ANA, "{'do':'persona.unlock','nick':'ana','passphrase':'incorrect'}",
           "wrong-passphrase", "'ana'");
    refuse(0, ANA, "{'do':'persona.unlock','nick':'ben','passphrase':'incorrect'}", "not-found",
           "'ben'");
    json_t *answer =
        expect(0, ANA, "{'do':'persona.unlock','nick':'ana','passphrase':'correct horse'}");
    assert_true(json_is_true(json_object_get(json_object_get(answer, "persona"), "kept")));
    json_decref(answer);
    grant(0, ANA, "{'do':'persona.unlock','nick':'ana','passphrase':'correct horse'}");
}

/* ---- Channels ---- */

static void test_channels(void **state)
{
    (void)state;
    grant(0, ANA, "{'do':'persona.create','nick':'ana'}");
    grant(0, ANA, "{'do':'channel.join','channel':'#food'}");
    refuse(0, ANA, "{'do':'channel.join','channel':'food'}", "exists", "leave it first");
    refuse(0, ANA, "{'do':'channel.join','channel':''}", "bad-request", "'channel' has to be");
    refuse(0, ANA, "{'do':'channel.join','channel':'starling:channel/x#short'}", "bad-request",
           "copied whole");
    refuse(0, ANA, "{'do':'channel.link','channel':'food'}", "bad-request", "is public");
    refuse(0, ANA, "{'do':'channel.link','channel':'none'}", "not-found", "not in #none");
    refuse(0, ANA, "{'do':'channel.leave','channel':'none'}", "not-found", "not in #none");

    json_t *created = expect(0, ANA, "{'do':'channel.create','channel':'#night'}");
    json_t *linked = expect(0, ANA, "{'do':'channel.link','channel':'night'}");
    assert_string_equal(text_of(created, "link"), text_of(linked, "link"));
    char join[256];
    snprintf(join, sizeof(join), "{'do':'channel.join','channel':'%s'}", text_of(created, "link"));
    json_decref(created);
    json_decref(linked);
    grant(1, CAROL, "{'do':'persona.create','nick':'carol'}");
    grant(1, CAROL, join);
    json_t *channels = expect(1, CAROL, "{'do':'channels'}");
    const json_t *list = json_object_get(channels, "channels");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_of(json_array_get(list, 1), "name"), "night");
    assert_true(json_is_true(json_object_get(json_array_get(list, 1), "private")));
    json_decref(channels);
    grant(0, ANA, "{'do':'channel.leave','channel':'food'}");
}

/* ---- Messages ---- */

static bool carol_has_one(struct sl_fabric *fabric, void *arg)
{
    (void)fabric;
    json_t *answer = ask(1, CAROL, arg);
    bool got = json_array_size(json_object_get(answer, "messages")) > 0;
    json_decref(answer);
    return got;
}

static void test_channel_messages(void **state)
{
    (void)state;
    ana_and_carol();
    json_t *sent =
        expect(0, ANA, "{'do':'send','channel':'#general','text':'سلام \\ud83d\\udd4a'}");
    const json_t *message = json_object_get(sent, "message");
    assert_string_equal(text_of(message, "text"), "سلام 🕊");
    assert_string_equal(text_of(message, "state"), "queued");
    assert_string_equal(text_of(message, "channel"), "general");
    assert_true(json_is_null(json_object_get(message, "with")));
    assert_true(json_is_true(json_object_get(message, "outgoing")));
    assert_true(json_is_true(json_object_get(message, "durable")));
    assert_string_equal(text_of(json_object_get(message, "from"), "nick"), "ana");
    json_decref(sent);

    assert_true(sl_fabric_run_until(fixture.fabric, carol_has_one,
                                    (char *)"{'do':'history','channel':'general'}",
                                    10 * SL_SECOND));
    json_t *answer = expect(1, CAROL, "{'do':'history','channel':'#general'}");
    message = json_array_get(json_object_get(answer, "messages"), 0);
    assert_string_equal(text_of(message, "text"), "سلام 🕊");
    assert_string_equal(text_of(message, "state"), "received");
    assert_string_equal(text_of(json_object_get(message, "from"), "nick"), "ana");
    assert_true(json_is_true(json_object_get(message, "unread")));
    assert_true(json_is_null(json_object_get(answer, "next")));
    char request[120];
    snprintf(request, sizeof(request), "{'do':'read','channel':'general','number':%d}",
             (int)number_of(message, "number"));
    json_decref(answer);
    grant(1, CAROL, request);
    answer = expect(1, CAROL, "{'do':'channels'}");
    assert_int_equal(number_of(json_array_get(json_object_get(answer, "channels"), 0), "unread"),
                     0);
    json_decref(answer);
}

static bool ana_sees_read(struct sl_fabric *fabric, void *arg)
{
    (void)fabric;
    (void)arg;
    json_t *answer = ask(0, ANA, "{'do':'history','with':'carol'}");
    const json_t *message = json_array_get(json_object_get(answer, "messages"), 0);
    bool is_read = strcmp(text_of(message, "state"), "read") == 0;
    json_decref(answer);
    return is_read;
}

static void test_direct_messages(void **state)
{
    (void)state;
    ana_and_carol();
    json_t *sent = expect(0, ANA, "{'do':'send','to':'carol','text':'only you'}");
    const json_t *message = json_object_get(sent, "message");
    assert_string_equal(text_of(json_object_get(message, "with"), "nick"), "carol");
    assert_string_equal(text_of(json_object_get(message, "from"), "nick"), "ana");
    assert_true(json_is_null(json_object_get(message, "channel")));
    json_decref(sent);
    assert_true(sl_fabric_run_until(fixture.fabric, carol_has_one,
                                    (char *)"{'do':'history','with':'ana'}", 10 * SL_SECOND));
    json_t *answer = expect(1, CAROL, "{'do':'history','with':'ana'}");
    message = json_array_get(json_object_get(answer, "messages"), 0);
    assert_string_equal(text_of(message, "text"), "only you");
    assert_string_equal(text_of(json_object_get(message, "with"), "nick"), "ana");
    char request[120];
    snprintf(request, sizeof(request), "{'do':'read','with':'ana','number':%d}",
             (int)number_of(message, "number"));
    json_decref(answer);
    grant(1, CAROL, request);
    assert_true(sl_fabric_run_until(fixture.fabric, ana_sees_read, NULL, 10 * SL_SECOND));
}

static void test_sending_goes_wrong(void **state)
{
    (void)state;
    ana_and_carol();
    refuse(0, ANA, "{'do':'send','text':'x'}", "bad-request", "either 'channel' or 'to'");
    refuse(0, ANA, "{'do':'send','text':'x','channel':'general','to':'carol'}", "bad-request",
           "either 'channel' or 'to'");
    refuse(0, ANA, "{'do':'send','text':'','channel':'general'}", "bad-request", "empty");
    refuse(0, ANA, "{'do':'send','text':'x','channel':'food'}", "not-found", "join it first");
    refuse(0, ANA, "{'do':'send','text':'x','to':'zoe'}", "not-found", "nobody called 'zoe'");
    refuse(0, ANA, "{'do':'send','text':'x','to':'Karol'}", "not-found", "did you mean carol?");
    refuse(0, ANA, "{'do':'send','text':'x','channel':'general','lifetime':604801}", "bad-request",
           "a week");
    grant(0, ANA, "{'do':'send','text':'x','channel':'general','lifetime':604800}");

    char *longest = malloc(SL_TEXT_MAX + 200);
    sprintf(longest, "{\"do\":\"send\",\"channel\":\"general\",\"text\":\"%0*d\"}", SL_TEXT_MAX, 0);
    json_t *answer = ask_raw(0, ANA, longest);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    sprintf(longest, "{\"do\":\"send\",\"channel\":\"general\",\"text\":\"%0*d\"}", SL_TEXT_MAX + 1,
            0);
    answer = ask_raw(0, ANA, longest);
    assert_string_equal(text_of(answer, "error"), "too-long");
    assert_non_null(strstr(text_of(answer, "text"), "this one has 10001"));
    json_decref(answer);
    free(longest);
}

/* Carol's board is gone; a day later nothing can be sealed to her any more. */
static void test_who_is_away_too_long(void **state)
{
    (void)state;
    ana_and_carol();
    sl_fabric_stop(fixture.fabric, 1);
    sl_fabric_run(fixture.fabric, 25 * SL_HOUR);
    refuse(0, ANA, "{'do':'send','text':'x','to':'carol'}", "unreachable",
           "carol was last heard 25 h ago");
}

static void test_people(void **state)
{
    (void)state;
    ana_and_carol();
    json_t *answer = expect(0, ANA, "{'do':'people'}");
    assert_int_equal(json_array_size(json_object_get(answer, "people")), 2);
    assert_true(json_is_null(json_object_get(answer, "next")));
    json_decref(answer);
    answer = expect(0, ANA, "{'do':'people','from':1}");
    assert_int_equal(json_array_size(json_object_get(answer, "people")), 1);
    json_decref(answer);

    json_t *mine = expect(0, ANA, "{'do':'person','name':'carol'}");
    json_t *hers = expect(1, CAROL, "{'do':'person','name':'ana'}");
    assert_string_equal(text_of(mine, "auth_code"), text_of(hers, "auth_code"));
    const json_t *carol = json_object_get(mine, "person");
    assert_true(json_is_false(json_object_get(carol, "verified")));
    char request[160];
    snprintf(request, sizeof(request), "{'do':'person.verify','name':'%s','verified':true}",
             text_of(carol, "key"));
    answer = expect(0, ANA, request);
    assert_true(json_is_true(json_object_get(json_object_get(answer, "person"), "verified")));
    json_decref(answer);
    snprintf(request, sizeof(request), "{'do':'person','name':'carol.%s'}", text_of(carol, "code"));
    grant(0, ANA, request);
    snprintf(request, sizeof(request), "{'do':'person','name':'%064d'}", 0);
    refuse(0, ANA, request, "not-found", "nobody called");
    json_decref(mine);
    json_decref(hers);
}

static void test_namesakes(void **state)
{
    (void)state;
    ana_and_carol();
    grant(1, CAROL + 1, "{'do':'persona.create','nick':'carol'}");
    sl_fabric_run(fixture.fabric, 5 * SL_SECOND);
    json_t *answer = ask(0, ANA, "{'do':'send','text':'x','to':'carol'}");
    assert_string_equal(text_of(answer, "error"), "not-unique");
    const json_t *candidates = json_object_get(answer, "candidates");
    assert_int_equal(json_array_size(candidates), 2);
    char request[120];
    snprintf(request, sizeof(request), "{'do':'send','text':'x','to':'carol.%s'}",
             text_of(json_array_get(candidates, 0), "code"));
    json_decref(answer);
    grant(0, ANA, request);
}

static void test_history_is_cut_to_a_line(void **state)
{
    (void)state;
    grant(0, ANA, "{'do':'persona.create','nick':'ana'}");
    char *send = malloc(SL_TEXT_MAX + 200);
    /* The worst case: every character takes two bytes in JSON. */
    int head = sprintf(send, "{\"do\":\"send\",\"channel\":\"general\",\"text\":\"");
    for (int i = 0; i < 9000; i += 2)
        memcpy(send + head + i, "\\n", 2);
    strcpy(send + head + 9000, "x\"}");
    for (int i = 0; i < 30; i++) {
        json_decref(ask_raw(0, ANA, send));
        sl_fabric_run(fixture.fabric, SL_SECOND);
    }
    free(send);
    char request[80];
    int64_t from = 0, seen = 0, pages = 0;
    while (from >= 0) {
        snprintf(request, sizeof(request), "{'do':'history','from':%d}", (int)from);
        json_t *answer = expect(0, ANA, request);
        char *text = json_dumps(answer, JSON_COMPACT);
        assert_true(strlen(text) < SL_CONTROL_LINE_MAX);
        free(text);
        seen += (int64_t)json_array_size(json_object_get(answer, "messages"));
        const json_t *next = json_object_get(answer, "next");
        from = json_is_null(next) ? -1 : json_integer_value(next);
        pages++;
        json_decref(answer);
    }
    assert_int_equal(seen, 30);
    assert_true(pages > 1);
}

static void test_pages_of_history(void **state)
{
    (void)state;
    grant(0, ANA, "{'do':'persona.create','nick':'ana'}");
    char request[120];
    for (int i = 0; i < 10; i++) {
        snprintf(request, sizeof(request), "{'do':'send','channel':'general','text':'%d'}", i);
        grant(0, ANA, request);
    }
    json_t *answer = expect(0, ANA, "{'do':'history','limit':4}");
    assert_int_equal(json_array_size(json_object_get(answer, "messages")), 4);
    snprintf(request, sizeof(request), "{'do':'history','from':%d}",
             (int)number_of(answer, "next"));
    json_decref(answer);
    answer = expect(0, ANA, request);
    assert_int_equal(json_array_size(json_object_get(answer, "messages")), 6);
    assert_true(json_is_null(json_object_get(answer, "next")));
    json_decref(answer);
    answer = expect(0, ANA, "{'do':'history','last':3,'channel':'general'}");
    const json_t *list = json_object_get(answer, "messages");
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(text_of(json_array_get(list, 0), "text"), "7");
    assert_string_equal(text_of(json_array_get(list, 2), "text"), "9");
    json_decref(answer);
    refuse(0, ANA, "{'do':'history','limit':0}", "bad-request", "begin at 1");
    refuse(0, ANA, "{'do':'history','channel':'a','with':'b'}", "bad-request", "not both");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_malformed_requests),
        TEST(test_fields_are_checked),
        TEST(test_ids_come_back),
        TEST(test_status),
        TEST(test_warnings),
        TEST(test_row_17_a_cloned_key_raises_an_alarm),
        TEST(test_a_full_disk_is_said),
        TEST(test_neighbours),
        TEST(test_radios),
        TEST(test_revocation_lists),
        TEST(test_personas),
        TEST(test_personas_of_others_are_out_of_reach),
        TEST(test_kept_personas),
        TEST(test_channels),
        TEST(test_channel_messages),
        TEST(test_direct_messages),
        TEST(test_sending_goes_wrong),
        TEST(test_who_is_away_too_long),
        TEST(test_people),
        TEST(test_namesakes),
        TEST(test_history_is_cut_to_a_line),
        TEST(test_pages_of_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
