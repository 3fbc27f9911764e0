/* The whole chat under a script: each step is one byte of what to do and its arguments. Envelopes
 * hold what the fuzzer likes, and every cipher lets them through; so this is what the worst members
 * can do together with clumsy users. Checked after every step: bounds, order of history, states
 * that only rise. */
#include "base/text.h"
#include "chat/internal.h"
#include "sim/memory_store.h"
#include "sim/open_primitives.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { ENVELOPES_MAX = 128, STEPS_MAX = 400, OWNERS = 2 };

struct envelope {
    uint8_t kind;
    uint8_t payload[SL_PAYLOAD_MAX];
    size_t len;
    uint64_t created;
    uint32_t lifetime;
    uint8_t id[SL_ID_LEN];
    sl_time born;
    bool local;
};

struct run {
    struct sl_reader r;
    struct sl_chat *chat;
    struct sl_memory_store *store;
    sl_time now;
    uint64_t created;
    struct envelope envelopes[ENVELOPES_MAX];
    size_t envelope_count;
};

/* ---- A node ---- */

static struct sl_envelope view(const struct envelope *e)
{
    return (struct sl_envelope){.kind = e->kind,
                                .created = e->created,
                                .lifetime = e->lifetime,
                                .payload = e->payload,
                                .payload_len = e->len};
}

/* The oldest give way: a store is bounded too. */
static struct envelope *add_envelope(struct run *run, const uint8_t *payload, size_t len)
{
    if (run->envelope_count == ENVELOPES_MAX) {
        memmove(run->envelopes, run->envelopes + 1,
                (ENVELOPES_MAX - 1) * sizeof(run->envelopes[0]));
        run->envelope_count--;
    }
    struct envelope *e = &run->envelopes[run->envelope_count++];
    *e = (struct envelope){.len = len, .created = ++run->created, .born = run->now};
    memcpy(e->payload, payload, len);
    memcpy(e->id, &run->created, sizeof(run->created));
    return e;
}

static uint64_t next_created(void *ctx, sl_time now)
{
    const struct run *run = ctx;
    (void)now;
    return run->created + 1;
}

static int publish(void *ctx, const struct sl_draft *draft, sl_time now, uint8_t ret_id[SL_ID_LEN])
{
    struct run *run = ctx;
    assert(draft->payload_len <= SL_PAYLOAD_MAX && draft->created == run->created + 1);
    assert(draft->lifetime >= 1 && draft->lifetime <= SL_LIFETIME_MAX / SL_SECOND);
    struct envelope *e = add_envelope(run, draft->payload, draft->payload_len);
    e->kind = (uint8_t)draft->kind;
    e->lifetime = draft->lifetime;
    e->local = true;
    memcpy(ret_id, e->id, SL_ID_LEN);
    struct envelope copy = *e;
    struct sl_envelope envelope = view(&copy);
    sl_chat_accepted(run->chat, &envelope, copy.id, copy.born, true, now);
    return 0;
}

static int each(void *ctx, enum sl_envelope_kind kind, sl_time now, sl_mesh_found found, void *arg)
{
    struct run *run = ctx;
    (void)now;
    for (size_t i = 0; i < run->envelope_count; i++) {
        struct envelope copy = run->envelopes[i];
        struct sl_envelope envelope = view(&copy);
        if (copy.kind == kind)
            found(arg, &envelope, copy.id, copy.born, copy.local, i % 2 == 0);
    }
    return 0;
}

static void start(struct run *run)
{
    struct sl_chat_config config = {.prng_seed = 1};
    sl_open_primitives(&config.primitives, 1);
    sl_open_sealing(&config.sealing);
    sl_memory_store_vault(run->store, &config.vault);
    struct sl_chat_mesh mesh = {
        .ctx = run, .next_created = next_created, .publish = publish, .each = each};
    run->chat = sl_chat_new_over(&config, &mesh, run->now);
    assert(run->chat);
}

/* ---- Steps ---- */

static const struct sl_persona *some_persona(struct run *run)
{
    size_t number = sl_read_u8(&run->r);
    return run->chat->persona_count ? run->chat->personas[number % run->chat->persona_count] : NULL;
}

static void accept_envelope(struct run *run)
{
    uint8_t kind = sl_read_u8(&run->r);
    size_t len = sl_min_size(sl_read_u16(&run->r), sl_read_left(&run->r));
    const uint8_t *payload = sl_read_slice(&run->r, sl_min_size(len, SL_PAYLOAD_MAX));
    if (!payload)
        return;
    struct envelope *e = add_envelope(run, payload, sl_min_size(len, SL_PAYLOAD_MAX));
    e->kind = (uint8_t)(kind % 8);
    e->lifetime = 3600;
    struct envelope copy = *e;
    struct sl_envelope envelope = view(&copy);
    sl_chat_accepted(run->chat, &envelope, copy.id, copy.born, false, run->now);
}

static void accept_again(struct run *run, bool relayed)
{
    size_t number = sl_read_u8(&run->r);
    if (run->envelope_count == 0)
        return;
    struct envelope copy = run->envelopes[number % run->envelope_count];
    struct sl_envelope envelope = view(&copy);
    if (relayed)
        sl_chat_relayed(run->chat, copy.id, run->now);
    else
        sl_chat_accepted(run->chat, &envelope, copy.id, copy.born, copy.local, run->now);
}

static void create_or_unlock(struct run *run, bool create)
{
    static const char *const nicks[] = {"ana", "bob", "eve"};
    uint8_t choice = sl_read_u8(&run->r);
    const char *nick = nicks[choice % SL_ARRAY_LEN(nicks)];
    uint32_t persona, owner = choice / 4 % OWNERS;
    if (create)
        sl_chat_create(run->chat, owner, nick, choice & 0x80 ? "passphrase" : NULL, run->now,
                       &persona);
    else
        sl_chat_unlock(run->chat, owner, nick, "passphrase", run->now, &persona);
}

static void send(struct run *run, bool direct)
{
    const struct sl_persona *self = some_persona(run);
    size_t repeat = sl_read_u16(&run->r) % SL_TEXT_MAX;
    size_t person = sl_read_u8(&run->r);
    struct sl_message message;
    char *text = malloc(repeat + 1);
    assert(text);
    memset(text, 'x', repeat + 1);
    if (self && !direct)
        sl_chat_send(run->chat, self->owner, self->handle,
                     &(struct sl_text){.to = {.channel = "general"}, .bytes = text, .len = repeat},
                     run->now, &message);
    else if (self && run->chat->people.count > 0)
        sl_chat_send(
            run->chat, self->owner, self->handle,
            &(struct sl_text){
                .to = {.person = run->chat->people.entries[person % run->chat->people.count]
                                     .announcement.key},
                .bytes = text,
                .len = repeat},
            run->now, &message);
    free(text);
}

static void look(struct run *run)
{
    const struct sl_persona *self = some_persona(run);
    size_t number = sl_read_u8(&run->r);
    struct sl_person person;
    if (!self || sl_chat_person(run->chat, self->owner, self->handle,
                                number % (run->chat->people.count + 1), &person) < 0)
        return;
    sl_chat_find(run->chat, self->owner, self->handle, person.nick, &person);
    sl_chat_verify(run->chat, self->owner, self->handle, person.key, number & 1, run->now);
    sl_chat_mark_read(run->chat, self->owner, self->handle,
                      &(struct sl_conversation){.person = person.key}, UINT64_MAX, run->now);
    sl_chat_mark_read(run->chat, self->owner, self->handle,
                      &(struct sl_conversation){.channel = "general"}, UINT64_MAX, run->now);
}

static void come_and_go(struct run *run)
{
    const struct sl_persona *self = some_persona(run);
    uint8_t choice = sl_read_u8(&run->r);
    if (!self)
        return;
    switch (choice % 5) {
    case 0:
        sl_chat_lock(run->chat, self->owner, self->handle);
        break;
    case 1:
        sl_chat_forget(run->chat, self->owner, self->handle);
        break;
    case 2:
        sl_chat_join(run->chat, self->owner, self->handle, "side", run->now);
        break;
    case 3:
        sl_chat_leave(run->chat, self->owner, self->handle, "general");
        break;
    default:
        sl_chat_join(run->chat, self->owner, self->handle, "general", run->now);
        break;
    }
}

static void tick(struct run *run)
{
    run->now += (sl_time)sl_read_u16(&run->r) * SL_SECOND;
    sl_chat_tick(run->chat, run->now);
    assert(sl_chat_deadline(run->chat) > run->now);
}

static void step(struct run *run)
{
    switch (sl_read_u8(&run->r) % 10) {
    case 0:
        create_or_unlock(run, true);
        break;
    case 1:
        create_or_unlock(run, false);
        break;
    case 2:
    case 3:
        accept_envelope(run);
        break;
    case 4:
        accept_again(run, false);
        break;
    case 5:
        accept_again(run, true);
        break;
    case 6:
        send(run, sl_read_u8(&run->r) & 1);
        break;
    case 7:
        look(run);
        break;
    case 8:
        come_and_go(run);
        break;
    default:
        tick(run);
        break;
    }
}

/* ---- What must hold ---- */

static void check_persona(const struct sl_persona *persona)
{
    const struct sl_history *history = &persona->history;
    assert(history->count <= SL_HISTORY_MAX && history->bytes <= SL_HISTORY_BYTES_MAX);
    assert(persona->parts.bytes <= SL_PARTS_BYTES_MAX);
    assert(persona->hold.bytes <= SL_HOLD_BYTES_MAX);
    assert(persona->prekey_count <= SL_PREKEYS_MAX);
    size_t bytes = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct sl_message *m = &history->records[i]->message;
        bytes += sl_record_size(history->records[i]);
        assert(i == 0 || history->records[i - 1]->message.number < m->number);
        assert(m->text_len > 0 && m->text_len <= SL_TEXT_MAX && m->text[m->text_len] == '\0');
        assert(sl_utf8_valid((const uint8_t *)m->text, m->text_len));
        assert(m->outgoing == (m->state != SL_MESSAGE_RECEIVED));
        assert(sl_history_id(history, m->id, NULL) == history->records[i]);
    }
    assert(bytes == history->bytes);
}

static void check(const struct run *run)
{
    assert(run->chat->people.count <= SL_PEOPLE_MAX);
    for (size_t i = 0; i < run->chat->persona_count; i++)
        check_persona(run->chat->personas[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct run *run = calloc(1, sizeof(*run));
    assert(run);
    sl_reader_init(&run->r, bytes, len);
    run->now = 1000 * SL_SECOND;
    run->store = sl_memory_store_new();
    assert(run->store);
    start(run);
    for (int i = 0; i < STEPS_MAX && sl_read_left(&run->r) > 0; i++) {
        step(run);
        check(run);
    }
    sl_chat_free(run->chat);
    sl_memory_store_free(run->store);
    free(run);
    return 0;
}
