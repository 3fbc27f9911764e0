#include "bearers/bluetooth.h"

#include "bearers/bluetooth_bluez.h"
#include "bearers/bluetooth_channel.h"

#include <errno.h>
#include <stdlib.h>

struct bluetooth_bearer {
    struct sl_bearer base;
    sl_time now;
    sd_event *event; /* D-Bus and the sockets; its descriptor is the bearer's */
    struct sl_bluez *bluez;
    struct sl_channels *channels;
    struct sl_bluetooth *machine;
};

static struct bluetooth_bearer *of(const struct sl_bearer *bearer)
{
    return SL_CONTAINER_OF(bearer, struct bluetooth_bearer, base);
}

/* The inner loop rests armed: its descriptor then tells when there is something for it
 * (sd_event_wait(3) on embedding). Runs one thing that is ready. True when another is known to be;
 * what is not known yet makes the descriptor readable, and to ask for it here as well would double
 * what a packet costs. */
static bool run_one(sd_event *event)
{
    int state = sd_event_get_state(event);
    int r = state == SD_EVENT_PENDING;
    if (state == SD_EVENT_INITIAL)
        r = sd_event_prepare(event);
    if (r == 0)
        r = sd_event_wait(event, 0);
    if (r > 0)
        sd_event_dispatch(event);
    return sd_event_prepare(event) > 0;
}

static bool run_batch(struct bluetooth_bearer *b)
{
    enum { BATCH = 16 };
    bool more = true;
    for (unsigned i = 0; i < BATCH && more; i++)
        more = run_one(b->event);
    return more;
}

/* What was asked of D-Bus may need other events and timers than the loop was armed for. */
static void rearm(struct bluetooth_bearer *b)
{
    bool asked = sl_bluez_take_asked(b->bluez);
    if (asked && sd_event_get_state(b->event) == SD_EVENT_ARMED)
        sd_event_wait(b->event, 0);
    if (sd_event_get_state(b->event) == SD_EVENT_INITIAL)
        sd_event_prepare(b->event);
}

static void settle(struct bluetooth_bearer *b)
{
    sl_bluetooth_tick(b->machine, b->now);
    b->base.numbers = sl_bluetooth_numbers(b->machine);
    rearm(b);
}

static int send_datagram(struct sl_bearer *bearer, const struct sl_datagram *datagram)
{
    return sl_bluetooth_send(of(bearer)->machine, datagram);
}

static void address_text(const struct sl_bearer *bearer, const struct sl_address *address,
                         char *ret_text, size_t cap)
{
    (void)bearer;
    sl_bluetooth_address_text(address, ret_text, cap);
}

static int fd(const struct sl_bearer *bearer)
{
    return sd_event_get_fd(of(bearer)->event);
}

static bool dispatch(struct sl_bearer *bearer, sl_time now)
{
    struct bluetooth_bearer *b = of(bearer);
    b->now = now;
    bool more = run_batch(b);
    settle(b);
    return more;
}

static sl_time deadline(const struct sl_bearer *bearer)
{
    const struct bluetooth_bearer *b = of(bearer);
    if (sd_event_get_state(b->event) == SD_EVENT_PENDING)
        return b->now; /* a timer, whose descriptor was read already */
    return sl_bluetooth_deadline(b->machine);
}

static void tick(struct sl_bearer *bearer, sl_time now)
{
    struct bluetooth_bearer *b = of(bearer);
    b->now = now;
    if (sd_event_get_state(b->event) == SD_EVENT_PENDING)
        run_batch(b);
    settle(b);
}

static void refresh(struct sl_bearer *bearer, sl_time now)
{
    struct bluetooth_bearer *b = of(bearer);
    b->now = now;
    sl_bluez_refresh(b->bluez);
    settle(b);
}

static void free_bearer(struct sl_bearer *bearer)
{
    struct bluetooth_bearer *b = of(bearer);
    sl_bluetooth_free(b->machine);
    sl_channels_free(b->channels);
    sl_bluez_free(b->bluez);
    sd_event_unref(b->event);
    free(b);
}

static int make_parts(struct bluetooth_bearer *b, struct sl_bluetooth_setup *setup)
{
    int r = sd_event_new(&b->event);
    if (r < 0)
        return r;
    b->bluez = sl_bluez_new(b->event, &b->now);
    b->channels = sl_channels_new(b->event, &b->now);
    if (!b->bluez || !b->channels)
        return -ENOMEM;
    sl_bluez_ports(b->bluez, &setup->bluez);
    sl_channels_ports(b->channels, &setup->channels);
    b->machine = sl_bluetooth_new(setup, b->now);
    if (!b->machine)
        return -ENOMEM;
    sl_bluez_attach(b->bluez, b->machine);
    sl_channels_attach(b->channels, b->machine);
    return 0;
}

int sl_bluetooth_bearer_new(const struct sl_bluetooth_config *config,
                            const struct sl_bearer_host *host,
                            const struct sl_primitives *primitives,
                            const uint8_t network_secret[SL_KEY_LEN], struct sl_bearer **ret_bearer)
{
    static const struct sl_bearer_ops ops = {.send = send_datagram,
                                             .address_text = address_text,
                                             .fd = fd,
                                             .dispatch = dispatch,
                                             .deadline = deadline,
                                             .tick = tick,
                                             .refresh = refresh,
                                             .free = free_bearer};
    struct sl_bluetooth_setup setup = {.config = *config, .host = *host, .primitives = *primitives};
    struct bluetooth_bearer *b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->base.ops = &ops;
    primitives->hash(primitives->ctx, "starling beacon key", network_secret, NULL, 0,
                     setup.beacon_key, SL_KEY_LEN);
    int error = make_parts(b, &setup);
    primitives->wipe(primitives->ctx, &setup, sizeof(setup));
    if (error < 0) {
        free_bearer(&b->base);
        return error;
    }
    sl_bluez_refresh(b->bluez);
    rearm(b);
    *ret_bearer = &b->base;
    return 0;
}

const struct sl_bluetooth *sl_bluetooth_of(const struct sl_bearer *bearer)
{
    return of(bearer)->machine;
}
