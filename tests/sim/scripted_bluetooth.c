#include "sim/scripted_bluetooth.h"

#include "sim/fake_primitives.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STEP         (50 * SL_MILLISECOND)
#define ANSWER_TIME  (100 * SL_MILLISECOND)
#define CONNECT_TIME (400 * SL_MILLISECOND)
#define SESSION_TIME SL_SECOND
#define ADVERT_EVERY (1280 * SL_MILLISECOND)

static int index_of(const struct sl_scripted_air *air, const struct sl_scripted_board *board)
{
    return (int)(board - air->boards);
}

static struct sl_address address_of(const struct sl_scripted_adapter *adapter)
{
    return (struct sl_address){.len = SL_BLUETOOTH_ADDRESS_LEN,
                               .bytes = {1, 0, 0, 0, 0, 0, adapter->address}};
}

static struct sl_scripted_adapter *adapter_named(struct sl_scripted_board *board, const char *name)
{
    unsigned number = 0;
    if (sscanf(name, "hci%u", &number) != 1 || number >= SL_SCRIPTED_ADAPTERS)
        return NULL;
    return &board->adapters[number];
}

static const char *name_of(unsigned adapter)
{
    return adapter == 0 ? "hci0" : "hci1";
}

/* ---- BlueZ ---- */

static void answer_later(struct sl_scripted_board *board, struct sl_scripted_adapter *adapter,
                         enum sl_bluetooth_request request)
{
    adapter->answer_at[request] = board->air->now + ANSWER_TIME;
    adapter->answer[request] = adapter->refuse[request];
}

static void do_power(void *arg, const char *name)
{
    struct sl_scripted_adapter *adapter = adapter_named(arg, name);
    adapter->power_asked++;
    answer_later(arg, adapter, SL_BLUETOOTH_POWER);
    if (adapter->blocked)
        adapter->answer[SL_BLUETOOTH_POWER] = -ERFKILL;
}

static void do_advertise(void *arg, const char *name, const uint8_t bytes[SL_ADVERT_LEN])
{
    struct sl_scripted_adapter *adapter = adapter_named(arg, name);
    adapter->advert_changes++;
    memcpy(adapter->advert, bytes, SL_ADVERT_LEN);
    answer_later(arg, adapter, SL_BLUETOOTH_ADVERTISE);
}

static void do_stop_advertising(void *arg, const char *name)
{
    adapter_named(arg, name)->advertising = false;
}

static void do_scan(void *arg, const char *name, bool on)
{
    struct sl_scripted_adapter *adapter = adapter_named(arg, name);
    adapter->scan_wanted = on;
    adapter->scan_changes++;
    answer_later(arg, adapter, SL_BLUETOOTH_SCAN);
}

static void answer(struct sl_scripted_board *board, unsigned i, enum sl_bluetooth_request request)
{
    struct sl_scripted_adapter *adapter = &board->adapters[i];
    int error = adapter->answer[request];
    adapter->answer_at[request] = SL_NEVER;
    board->woken = true;
    if (error == 0 && request == SL_BLUETOOTH_ADVERTISE)
        adapter->advertising = true;
    if (error == 0 && request == SL_BLUETOOTH_SCAN)
        adapter->scanning = adapter->scan_wanted;
    if (error == 0 && request == SL_BLUETOOTH_POWER)
        sl_scripted_power(board->air, (unsigned)index_of(board->air, board), true, false);
    sl_bluetooth_answer(board->machine, name_of(i), request, error, board->air->now);
}

/* ---- Channels ---- */

static struct sl_scripted_channel *channel_of(struct sl_scripted_air *air, int board,
                                              uint32_t number, unsigned *ret_side)
{
    for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++) {
        struct sl_scripted_channel *channel = &air->channels[i];
        for (unsigned side = 0; side < 2 && channel->used; side++) {
            if (channel->board[side] != board || channel->number[side] != number)
                continue;
            *ret_side = side;
            return channel;
        }
    }
    return NULL;
}

static int do_listen(void *arg, unsigned slot, const struct sl_address *own, uint8_t *ret_psm)
{
    struct sl_scripted_board *board = arg;
    (void)slot;
    for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS; i++) {
        struct sl_scripted_adapter *adapter = &board->adapters[i];
        if (adapter->address != own->bytes[6])
            continue;
        if (adapter->refuse_listen < 0)
            return adapter->refuse_listen;
        adapter->listening = true;
        *ret_psm = 0xc1;
        return 0;
    }
    return -EADDRNOTAVAIL;
}

static void do_unlisten(void *arg, unsigned slot)
{
    (void)arg;
    (void)slot;
}

static int do_connect(void *arg, uint32_t number, const struct sl_address *own,
                      const struct sl_address *peer, uint8_t psm)
{
    struct sl_scripted_board *board = arg;
    struct sl_scripted_air *air = board->air;
    (void)own;
    (void)psm;
    for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++) {
        struct sl_scripted_channel *channel = &air->channels[i];
        if (channel->used)
            continue;
        *channel = (struct sl_scripted_channel){.used = true,
                                                .open_at = air->now + CONNECT_TIME,
                                                .board = {index_of(air, board), -1},
                                                .number = {number, 0},
                                                .peer = *peer};
        return 0;
    }
    return -ENOSPC;
}

static int do_send(void *arg, uint32_t number, const uint8_t *bytes, size_t len)
{
    struct sl_scripted_board *board = arg;
    struct sl_scripted_air *air = board->air;
    unsigned side;
    struct sl_scripted_channel *channel = channel_of(air, index_of(air, board), number, &side);
    if (!channel || !channel->open)
        return -ENOTCONN;
    if (channel->full)
        return -EAGAIN;
    air->boards[channel->board[1 - side]].woken = true;
    sl_bluetooth_packet(air->boards[channel->board[1 - side]].machine, channel->number[1 - side],
                        bytes, len, air->now);
    return 0;
}

static void do_close(void *arg, uint32_t number)
{
    struct sl_scripted_board *board = arg;
    struct sl_scripted_air *air = board->air;
    unsigned side;
    struct sl_scripted_channel *channel = channel_of(air, index_of(air, board), number, &side);
    if (!channel)
        return;
    channel->used = false;
    if (channel->open)
        sl_bluetooth_ended(air->boards[channel->board[1 - side]].machine, channel->number[1 - side],
                           air->now);
}

static void finish_attempt(struct sl_scripted_air *air, struct sl_scripted_channel *channel)
{
    struct sl_scripted_board *from = &air->boards[channel->board[0]];
    struct sl_address own = address_of(&from->adapters[0]);
    for (int b = 0; b < SL_SCRIPTED_BOARDS; b++)
        for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS; i++) {
            struct sl_scripted_adapter *adapter = &air->boards[b].adapters[i];
            if (!adapter->present || !adapter->powered ||
                adapter->address != channel->peer.bytes[6])
                continue;
            if (adapter->unreachable) {
                channel->open_at = SL_NEVER;
                return;
            }
            channel->board[1] = b;
            if (adapter->listening && air->boards[b].machine &&
                sl_bluetooth_accepted(air->boards[b].machine, channel->slot = i, &own,
                                      &channel->number[1], air->now) == 0)
                channel->open = true;
        }
    channel->opened_at = air->now;
    if (!channel->open)
        channel->used = false;
    sl_bluetooth_connected(from->machine, channel->number[0], channel->open ? 0 : -ECONNREFUSED,
                           air->now);
}

/* The radio is gone: no close is said. */
static void cut_channels(struct sl_scripted_air *air, int board)
{
    for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++) {
        struct sl_scripted_channel channel = air->channels[i];
        if (!channel.used || (channel.board[0] != board && channel.board[1] != board))
            continue;
        air->channels[i].used = false;
        for (unsigned side = 0; side < 2 && channel.open; side++)
            if (air->boards[channel.board[side]].machine)
                sl_bluetooth_ended(air->boards[channel.board[side]].machine, channel.number[side],
                                   air->now);
        if (!channel.open)
            sl_bluetooth_connected(air->boards[channel.board[0]].machine, channel.number[0],
                                   -ENETDOWN, air->now);
    }
}

/* ---- The host ---- */

static int host_add(void *arg, const struct sl_bearer_info *info)
{
    struct sl_scripted_board *board = arg;
    (void)info;
    for (int number = 0; number < SL_BEARERS_MAX; number++)
        if (!(board->bearers >> number & 1)) {
            board->bearers |= UINT32_C(1) << number;
            return number;
        }
    return -ENOSPC;
}

static void host_remove(void *arg, int bearer)
{
    struct sl_scripted_board *board = arg;
    board->bearers &= ~(UINT32_C(1) << bearer);
}

static int host_add_peer(void *arg, int bearer, const struct sl_address *address)
{
    struct sl_scripted_board *board = arg;
    (void)bearer;
    (void)address;
    board->peers_added++;
    return 0;
}

static void host_remove_peer(void *arg, int bearer, const struct sl_address *address)
{
    struct sl_scripted_board *board = arg;
    (void)bearer;
    (void)address;
    board->peers_removed++;
}

static bool has_session(const struct sl_scripted_air *air,
                        const struct sl_scripted_channel *channel)
{
    return channel->used && channel->open && air->now - channel->opened_at >= SESSION_TIME &&
           air->boards[channel->board[0]].sessions && air->boards[channel->board[1]].sessions;
}

static bool host_linked(void *arg, int bearer, const struct sl_address *address)
{
    struct sl_scripted_board *board = arg;
    uint32_t number = 0;
    unsigned side;
    (void)bearer;
    for (size_t i = 0; i < 4; i++)
        number = number << 8 | address->bytes[SL_BLUETOOTH_ADDRESS_LEN + i];
    const struct sl_scripted_channel *channel =
        channel_of(board->air, index_of(board->air, board), number, &side);
    return channel && has_session(board->air, channel);
}

static void host_receive(void *arg, int bearer, const struct sl_address *from, const uint8_t *bytes,
                         size_t len)
{
    struct sl_scripted_board *board = arg;
    board->received++;
    board->last_bearer = bearer;
    board->last_from = *from;
    board->last_len = len;
    memcpy(board->last, bytes, len);
}

static void host_report(void *arg, int priority, const char *line)
{
    struct sl_scripted_board *board = arg;
    (void)priority;
    board->reports++;
    snprintf(board->last_report, sizeof(board->last_report), "%s", line);
}

/* ---- Boards ---- */

void sl_scripted_air_init(struct sl_scripted_air *air)
{
    *air = (struct sl_scripted_air){0};
    for (unsigned b = 0; b < SL_SCRIPTED_BOARDS; b++) {
        air->boards[b].air = air;
        for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS; i++) {
            struct sl_scripted_adapter *adapter = &air->boards[b].adapters[i];
            adapter->address = (uint8_t)(1 + b * SL_SCRIPTED_ADAPTERS + i);
            adapter->advertises_at_all = true;
            for (size_t r = 0; r < SL_BLUETOOTH_REQUESTS; r++)
                adapter->answer_at[r] = SL_NEVER;
        }
    }
}

void sl_scripted_air_done(struct sl_scripted_air *air)
{
    for (unsigned b = 0; b < SL_SCRIPTED_BOARDS; b++) {
        sl_bluetooth_free(air->boards[b].machine);
        air->boards[b].machine = NULL;
    }
}

void sl_scripted_tell(struct sl_scripted_air *air, unsigned board, unsigned i)
{
    const struct sl_scripted_adapter *adapter = &air->boards[board].adapters[i];
    struct sl_bluetooth_adapter info = {.address = address_of(adapter),
                                        .powered = adapter->powered,
                                        .advertises = adapter->advertises_at_all};
    snprintf(info.name, sizeof(info.name), "%s", name_of(i));
    if (adapter->present && air->boards[board].service)
        sl_bluetooth_adapter(air->boards[board].machine, &info, air->now);
}

void sl_scripted_board_on(struct sl_scripted_air *air, unsigned number,
                          const struct sl_bluetooth_config *config)
{
    struct sl_scripted_board *board = &air->boards[number];
    struct sl_bluetooth_setup setup = {.config = *config};
    sl_fake_primitives(&setup.primitives, 100 + number);
    memset(setup.beacon_key, 7, SL_KEY_LEN);
    setup.host = (struct sl_bearer_host){.arg = board,
                                         .add = host_add,
                                         .remove = host_remove,
                                         .add_peer = host_add_peer,
                                         .remove_peer = host_remove_peer,
                                         .linked = host_linked,
                                         .receive = host_receive,
                                         .report = host_report};
    setup.bluez = (struct sl_bluez_ports){.arg = board,
                                          .power = do_power,
                                          .advertise = do_advertise,
                                          .stop_advertising = do_stop_advertising,
                                          .scan = do_scan};
    setup.channels = (struct sl_channel_ports){.arg = board,
                                               .listen = do_listen,
                                               .unlisten = do_unlisten,
                                               .connect = do_connect,
                                               .send = do_send,
                                               .close = do_close};
    board->machine = sl_bluetooth_new(&setup, air->now);
    board->service = board->sessions = true;
    board->adapters[0].present = board->adapters[0].powered = true;
    sl_bluetooth_service(board->machine, NULL, air->now);
    sl_scripted_tell(air, number, 0);
}

static void go_down(struct sl_scripted_air *air, unsigned board,
                    struct sl_scripted_adapter *adapter)
{
    adapter->advertising = adapter->scanning = adapter->listening = false;
    for (size_t r = 0; r < SL_BLUETOOTH_REQUESTS; r++)
        adapter->answer_at[r] = SL_NEVER;
    cut_channels(air, (int)board);
}

void sl_scripted_power(struct sl_scripted_air *air, unsigned board, bool on, bool blocked)
{
    struct sl_scripted_adapter *adapter = &air->boards[board].adapters[0];
    adapter->powered = on;
    adapter->blocked = blocked;
    if (!on)
        go_down(air, board, adapter);
    sl_scripted_tell(air, board, 0);
}

/* Channels are the kernel's: they outlive bluetoothd. */
void sl_scripted_service(struct sl_scripted_air *air, unsigned board, bool runs)
{
    struct sl_scripted_board *b = &air->boards[board];
    b->service = runs;
    for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS; i++)
        b->adapters[i].advertising = b->adapters[i].scanning = false;
    for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS && !runs; i++)
        for (size_t r = 0; r < SL_BLUETOOTH_REQUESTS; r++)
            b->adapters[i].answer_at[r] = SL_NEVER;
    sl_bluetooth_service(b->machine, runs ? NULL : "bluetoothd has stopped", air->now);
    for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS; i++)
        sl_scripted_tell(air, board, i);
}

void sl_scripted_pull(struct sl_scripted_air *air, unsigned board, unsigned i, bool out)
{
    struct sl_scripted_adapter *adapter = &air->boards[board].adapters[i];
    adapter->present = adapter->powered = !out;
    if (!out) {
        sl_scripted_tell(air, board, i);
        return;
    }
    go_down(air, board, adapter);
    sl_bluetooth_adapter_gone(air->boards[board].machine, name_of(i), air->now);
}

/* ---- Time ---- */

static void hear(struct sl_scripted_air *air, struct sl_scripted_adapter *from)
{
    if (!from->advertising || air->now < from->reported_at)
        return;
    from->reported_at = air->now + ADVERT_EVERY;
    for (unsigned b = 0; b < SL_SCRIPTED_BOARDS; b++)
        for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS; i++) {
            struct sl_scripted_adapter *to = &air->boards[b].adapters[i];
            struct sl_bluetooth_heard heard = {.adapter = name_of(i),
                                               .address = address_of(from),
                                               .rssi = -50,
                                               .bytes = from->advert,
                                               .len = SL_ADVERT_LEN};
            if (to == from || !to->scanning)
                continue;
            air->boards[b].woken = true;
            sl_bluetooth_heard(air->boards[b].machine, &heard, air->now);
        }
}

static void step_board(struct sl_scripted_air *air, struct sl_scripted_board *board)
{
    for (unsigned i = 0; i < SL_SCRIPTED_ADAPTERS; i++) {
        struct sl_scripted_adapter *adapter = &board->adapters[i];
        for (int r = 0; r < SL_BLUETOOTH_REQUESTS; r++)
            if (air->now >= adapter->answer_at[r])
                answer(board, i, (enum sl_bluetooth_request)r);
        adapter->scan_time += adapter->scanning ? STEP : 0;
        hear(air, adapter);
    }
    if (air->now >= sl_bluetooth_deadline(board->machine)) {
        sl_bluetooth_tick(board->machine, air->now);
        board->woken = true;
    }
    board->wakes += board->woken;
    board->woken = false;
}

void sl_scripted_run(struct sl_scripted_air *air, sl_time duration)
{
    for (sl_time until = air->now + duration; air->now < until; air->now += STEP) {
        for (unsigned b = 0; b < SL_SCRIPTED_BOARDS; b++)
            if (air->boards[b].machine)
                step_board(air, &air->boards[b]);
        for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++) {
            struct sl_scripted_channel *channel = &air->channels[i];
            if (channel->used && !channel->open && air->now >= channel->open_at)
                finish_attempt(air, channel);
        }
    }
}

size_t sl_scripted_links(const struct sl_scripted_air *air, unsigned a, unsigned b)
{
    size_t count = 0;
    for (size_t i = 0; i < SL_SCRIPTED_CHANNELS; i++) {
        const struct sl_scripted_channel *channel = &air->channels[i];
        bool ends = (channel->board[0] == (int)a && channel->board[1] == (int)b) ||
                    (channel->board[0] == (int)b && channel->board[1] == (int)a);
        count += ends && has_session(air, channel);
    }
    return count;
}
