/* The control socket's requests, a line each, against a real chat: a line that begins with '!'
 * comes from another user. Every answer is one JSON object of one line, within the promised length.
 */
#include "unit/control_fixture.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void ask(struct board *board, const uint8_t *line, size_t len)
{
    uint32_t uid = len > 0 && line[0] == '!' ? 1001 : 1000;
    size_t skip = uid == 1001;
    char *answer = sl_control_answer(board->control, uid, (const char *)line + skip, len - skip,
                                     sl_fabric_now(board->fixture->fabric));
    assert(answer);
    assert(strlen(answer) < SL_CONTROL_LINE_MAX);
    assert(!strchr(answer, '\n'));
    json_t *object = json_loads(answer, 0, NULL);
    assert(json_is_object(object));
    assert(json_is_boolean(json_object_get(object, "ok")));
    assert(json_is_true(json_object_get(object, "ok")) ==
           (json_object_get(object, "error") == NULL));
    json_decref(object);
    free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct fixture fixture;
    const uint8_t *at = bytes, *end = bytes + len;
    fixture_init(&fixture, NULL);
    while (at < end) {
        const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
        size_t line = feed ? (size_t)(feed - at) : (size_t)(end - at);
        ask(&fixture.boards[0], at, line);
        sl_fabric_touch(fixture.fabric, 0);
        sl_fabric_run(fixture.fabric, 10 * SL_MILLISECOND);
        at += line + (feed != NULL);
    }
    fixture_done(&fixture);
    return 0;
}
