/* The control socket: lines, clients, subscribers and limits. */
#include "unit/control_asking.h"

/* ---- The socket ---- */

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(address.sun_path, socket_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void turn(void)
{
    struct sl_control *control = fixture.boards[0].control;
    for (int i = 0; i < 50; i++)
        sl_control_dispatch(control, sl_fabric_now(fixture.fabric));
    sl_fabric_touch(fixture.fabric, 0);
    sl_fabric_run(fixture.fabric, 100 * SL_MILLISECOND);
}

static void say(int fd, const char *text)
{
    char line[1024];
    int len = snprintf(line, sizeof(line), "%s\n", text);
    for (char *at = line; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    assert_int_equal(write(fd, line, (size_t)len), len);
}

/* The next line from the socket, to be freed; NULL if none comes, or it was closed. */
static json_t *hear(int fd)
{
    static char line[SL_CONTROL_LINE_MAX + 1];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    turn();
    while (len < SL_CONTROL_LINE_MAX && poll(&wait, 1, 0) == 1 && read(fd, line + len, 1) == 1 &&
           line[len] != '\n')
        len++;
    line[len] = '\0';
    return json_loads(line, 0, NULL);
}

static bool is_closed(int fd)
{
    char byte;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    turn();
    while (poll(&wait, 1, 0) == 1) {
        ssize_t got = read(fd, &byte, 1);
        if (got <= 0)
            return true;
    }
    return false;
}

static void test_lines_in_pieces(void **state)
{
    (void)state;
    int fd = connect_client();
    const char *request = "{\"do\":\"status\",\"id\":1}\n{\"do\":\"personas\",\"id\":2}\n{\"do\"";
    for (const char *at = request; *at; at++) {
        assert_int_equal(write(fd, at, 1), 1);
        turn();
    }
    json_t *first = hear(fd), *second = hear(fd);
    assert_int_equal(number_of(first, "id"), 1);
    assert_int_equal(number_of(second, "id"), 2);
    assert_null(hear(fd));
    json_decref(first);
    json_decref(second);
    close(fd);
    turn();
}

static void test_the_socket_is_private(void **state)
{
    (void)state;
    struct stat about;
    assert_int_equal(stat(socket_path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
}

static void test_the_user_is_the_one_at_the_other_end(void **state)
{
    (void)state;
    int fd = connect_client();
    say(fd, "{'do':'persona.create','nick':'me'}");
    json_decref(hear(fd));
    json_t *answer = expect(0, getuid(), "{'do':'personas'}");
    assert_int_equal(json_array_size(json_object_get(answer, "personas")), 1);
    json_decref(answer);
    close(fd);
}

static void test_too_long_a_line_ends_the_connection(void **state)
{
    (void)state;
    int fd = connect_client();
    static char much[SL_CONTROL_LINE_MAX];
    memset(much, 'x', sizeof(much));
    for (size_t sent = 0; sent < sizeof(much); sent += 8192) {
        assert_int_equal(write(fd, much, 8192), 8192);
        turn();
    }
    json_t *answer = hear(fd);
    assert_string_equal(text_of(answer, "error"), "too-long");
    json_decref(answer);
    assert_true(is_closed(fd));
    close(fd);
}

static void test_64_clients_and_no_more(void **state)
{
    (void)state;
    int fds[SL_CONTROL_CLIENTS_MAX + 1];
    for (int i = 0; i < SL_CONTROL_CLIENTS_MAX + 1; i++) {
        fds[i] = connect_client();
        turn();
    }
    json_t *answer = hear(fds[SL_CONTROL_CLIENTS_MAX]);
    assert_string_equal(text_of(answer, "error"), "busy");
    json_decref(answer);
    assert_true(is_closed(fds[SL_CONTROL_CLIENTS_MAX]));
    close(fds[0]);
    turn();
    fds[0] = connect_client();
    say(fds[0], "{'do':'status'}");
    answer = hear(fds[0]);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    for (int i = 0; i < SL_CONTROL_CLIENTS_MAX + 1; i++)
        close(fds[i]);
    turn();
}

/* The next event of that kind; NULL if none came. */
static json_t *hear_event(int fd, const char *kind)
{
    json_t *event;
    while ((event = hear(fd))) {
        const char *word = text_of(event, "event");
        if (word && strcmp(word, kind) == 0)
            return event;
        json_decref(event);
    }
    return NULL;
}

static void test_events(void **state)
{
    (void)state;
    int ana = connect_client(), second = connect_client();
    say(ana, "{'do':'persona.create','nick':'ana'}");
    say(ana, "{'do':'subscribe'}");
    say(second, "{'do':'subscribe'}");
    turn();
    grant(1, CAROL, "{'do':'persona.create','nick':'carol'}");
    sl_fabric_run(fixture.fabric, 20 * SL_SECOND);
    json_t *event = hear_event(ana, "person");
    assert_non_null(event);
    json_decref(event);

    grant(1, CAROL, "{'do':'send','channel':'general','text':'hello'}");
    sl_fabric_run(fixture.fabric, 2 * SL_SECOND);
    event = hear_event(ana, "message");
    const json_t *message = json_object_get(event, "message");
    assert_string_equal(text_of(message, "text"), "hello");
    assert_string_equal(text_of(json_object_get(message, "from"), "nick"), "carol");
    json_decref(event);

    /* What ana writes at one terminal shows at her other one; here she has it in the answer. */
    say(ana, "{'id':9,'do':'send','channel':'general','text':'good morning'}");
    json_t *answer = hear(ana);
    assert_int_equal(number_of(answer, "id"), 9);
    json_decref(answer);
    sl_fabric_run(fixture.fabric, 2 * SL_SECOND);
    event = hear_event(ana, "state");
    assert_string_equal(text_of(json_object_get(event, "message"), "state"), "relayed");
    json_decref(event);
    assert_null(hear_event(ana, "message"));
    bool seen = false;
    while (!seen && (event = hear_event(second, "message"))) {
        seen = strcmp(text_of(json_object_get(event, "message"), "text"), "good morning") == 0;
        json_decref(event);
    }
    assert_true(seen);
    close(ana);
    close(second);
    turn();
}

static void test_events_of_one_persona(void **state)
{
    (void)state;
    char request[80];
    snprintf(request, sizeof(request), "{'do':'persona.create','nick':'ben'}");
    grant(0, getuid(), "{'do':'persona.create','nick':'ana'}");
    grant(0, getuid(), request);
    int fd = connect_client();
    say(fd, "{'do':'subscribe','persona':'ana'}");
    json_t *answer = hear(fd);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    grant(0, getuid(), "{'do':'send','persona':'ben','channel':'general','text':'mine'}");
    sl_fabric_run(fixture.fabric, SL_SECOND);
    json_t *event = hear_event(fd, "message");
    assert_false(json_is_true(json_object_get(json_object_get(event, "message"), "outgoing")));
    json_decref(event);
    assert_null(hear_event(fd, "message"));
    close(fd);
    turn();
}

/* Events of others' personas are not for this user. */
static void test_events_stay_with_their_owner(void **state)
{
    (void)state;
    int fd = connect_client();
    say(fd, "{'do':'subscribe'}");
    turn();
    uint32_t other = (uint32_t)getuid() + 1;
    grant(0, other, "{'do':'persona.create','nick':'ana'}");
    grant(0, other, "{'do':'send','channel':'general','text':'private'}");
    sl_fabric_run(fixture.fabric, SL_SECOND);
    assert_null(hear_event(fd, "message"));
    close(fd);
    turn();
}

static void test_who_does_not_read_is_let_go(void **state)
{
    (void)state;
    int fd = connect_client();
    say(fd, "{'do':'subscribe'}");
    turn();
    struct sl_person person = {.nick = "somebody", .code = "aaaa-bbbb"};
    bool open = true;
    for (int i = 0; i < 40000 && open; i++) {
        sl_control_person(fixture.boards[0].control, &person);
        sl_control_flush(fixture.boards[0].control, sl_fabric_now(fixture.fabric));
        if (i % 1000 == 999) {
            struct pollfd wait = {.fd = fd, .events = POLLHUP};
            open = poll(&wait, 1, 0) == 0 || (wait.revents & POLLHUP) == 0;
        }
    }
    assert_false(open);
    close(fd);
}

static void test_lost_events_are_counted(void **state)
{
    (void)state;
    int fd = connect_client();
    say(fd, "{'do':'subscribe'}");
    json_decref(hear(fd));
    struct sl_person person = {.nick = "s", .code = "c"};
    for (int i = 0; i < SL_CONTROL_EVENTS_MAX + 7; i++)
        sl_control_person(fixture.boards[0].control, &person);
    size_t persons = 0;
    int64_t lost = 0;
    sl_control_flush(fixture.boards[0].control, sl_fabric_now(fixture.fabric));
    for (json_t *event; lost == 0 && (event = hear(fd)); json_decref(event)) {
        persons += strcmp(text_of(event, "event"), "person") == 0;
        lost = json_integer_value(json_object_get(event, "count"));
    }
    assert_true(persons == SL_CONTROL_EVENTS_MAX);
    assert_int_equal(lost, 7);
    close(fd);
    turn();
}

static struct sl_control_config config_at(const char *path)
{
    return (struct sl_control_config){.path = path,
                                      .mode = 0600,
                                      .node = sl_fabric_node(fixture.fabric, 0),
                                      .chat = fixture.boards[0].chat,
                                      .about = on_about,
                                      .arg = &fixture.boards[0]};
}

static void test_a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    (void)state;
    struct sl_control *control = NULL;
    struct sl_control_config config = config_at(socket_path);
    assert_int_equal(sl_control_new(&config, &control), -EADDRINUSE);
    int fd = connect_client(); /* the first is not disturbed */
    close(fd);

    char path[80];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof(path), "%s.stale", socket_path);
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    config = config_at(path);
    assert_int_equal(sl_control_new(&config, &control), 0);
    sl_control_free(control);
    assert_int_equal(access(path, F_OK), -1);

    FILE *file = fopen(path, "w");
    fclose(file);
    assert_int_equal(sl_control_new(&config, &control), -EEXIST);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);

    char longest[200];
    snprintf(longest, sizeof(longest), "/tmp/%0120d", 0);
    config = config_at(longest);
    assert_int_equal(sl_control_new(&config, &control), -ENAMETOOLONG);
    config = config_at("/nonexistent/folder/socket");
    assert_int_equal(sl_control_new(&config, &control), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lines_in_pieces),
        TEST(test_the_socket_is_private),
        TEST(test_the_user_is_the_one_at_the_other_end),
        TEST(test_too_long_a_line_ends_the_connection),
        TEST(test_64_clients_and_no_more),
        TEST(test_events),
        TEST(test_events_of_one_persona),
        TEST(test_events_stay_with_their_owner),
        TEST(test_who_does_not_read_is_let_go),
        TEST(test_lost_events_are_counted),
        TEST(test_a_stale_socket_is_replaced_and_a_live_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
