/* The event loop: sd-event, and the messages to the service manager. */
#include "daemon/daemon.h"

#include "daemon/footprint.h"
#include "daemon/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#define HOUSEKEEPING_INTERVAL (10 * SL_SECOND)
#define TRIM_INTERVAL         (30 * SL_SECOND)
/* Batches of datagrams in one turn of the loop, so that a flood on one socket does not keep the
 * others waiting. */
#define BATCHES 8

struct loop {
    struct sl_daemon *daemon;
    sd_event *event;
    sd_event_source *timer; /* the deadline of node, chat and store */
    sd_event_source *housekeeping;
    sl_time timer_at; /* what `timer` is set to, so as not to set it again */
    sl_time trim_at;  /* when memory that is not in use is given back */
    struct bearer_source {
        struct loop *loop;
        struct sl_bearer *bearer;
    } bearers[SL_DAEMON_BEARERS_MAX];
};

/* ---- Turns ---- */

static uint64_t boottime_of(const struct sl_daemon *daemon, sl_time at)
{
    return at == SL_NEVER ? UINT64_MAX : (uint64_t)(at - daemon->life_offset);
}

static void set_timer(struct loop *loop)
{
    sl_time due = sl_daemon_deadline(loop->daemon);
    if (due == loop->timer_at)
        return;
    loop->timer_at = due;
    sd_event_source_set_time(loop->timer, boottime_of(loop->daemon, due));
    sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT);
}

static void end_turn(struct loop *loop)
{
    sl_daemon_settle(loop->daemon);
    set_timer(loop);
}

static int on_timer(sd_event_source *source, uint64_t at, void *arg)
{
    struct loop *loop = arg;
    (void)source;
    (void)at;
    loop->timer_at = SL_NEVER;
    sl_daemon_begin_turn(loop->daemon);
    end_turn(loop);
    return 0;
}

static int on_bearer(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    const struct bearer_source *ready = arg;
    struct sl_bearer *bearer = ready->bearer;
    struct loop *loop = ready->loop;
    bool more = true;
    (void)source;
    (void)fd;
    (void)events;
    sl_daemon_begin_turn(loop->daemon);
    for (int i = 0; i < BATCHES && more; i++) {
        more = bearer->ops->dispatch(bearer, loop->daemon->now);
        if (more) {
            sl_daemon_settle(loop->daemon);
            sl_daemon_begin_turn(loop->daemon);
        }
    }
    end_turn(loop);
    return 0;
}

static int on_control(sd_event_source *source, int fd, uint32_t events, void *arg)
{
    struct loop *loop = arg;
    (void)source;
    (void)fd;
    (void)events;
    sl_daemon_begin_turn(loop->daemon);
    sl_control_dispatch(loop->daemon->control, loop->daemon->now);
    end_turn(loop);
    return 0;
}

static void tell_manager(const struct sl_daemon *daemon)
{
    struct sl_node_status status;
    sl_node_status(daemon->node, daemon->now, &status);
    sd_notifyf(0, "STATUS=neighbours: %zu, envelopes stored: %zu%s", status.neighbour_count,
               status.stored_count, status.store_error < 0 ? " in memory only" : "");
}

static int on_housekeeping(sd_event_source *source, uint64_t at, void *arg)
{
    struct loop *loop = arg;
    (void)at;
    sl_daemon_begin_turn(loop->daemon);
    sl_daemon_housekeeping(loop->daemon);
    tell_manager(loop->daemon);
    if (loop->trim_at == 0) {
        loop->trim_at = loop->daemon->now + HOUSEKEEPING_INTERVAL; /* once it has started */
    } else if (loop->daemon->now >= loop->trim_at) {
        sl_footprint_trim();
        loop->trim_at = loop->daemon->now + TRIM_INTERVAL;
    }
    end_turn(loop);
    sd_event_source_set_time(source,
                             boottime_of(loop->daemon, loop->daemon->now + HOUSEKEEPING_INTERVAL));
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
    struct loop *loop = arg;
    (void)source;
    if (info->ssi_signo != SIGHUP)
        return sd_event_exit(loop->event, 0);
    sl_daemon_begin_turn(loop->daemon);
    sl_daemon_reload(loop->daemon);
    end_turn(loop);
    return 0;
}

/* ---- Setting up ---- */

static int add_signals(struct loop *loop)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < SL_ARRAY_LEN(signals); i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    for (size_t i = 0; i < SL_ARRAY_LEN(signals); i++) {
        int error = sd_event_add_signal(loop->event, NULL, signals[i], on_signal, loop);
        if (error < 0)
            return error;
    }
    return 0;
}

static int add_timers(struct loop *loop)
{
    uint64_t now = boottime_of(loop->daemon, loop->daemon->now);
    /* An accuracy of 1 µs: the default would join timers within 250 ms. */
    int error =
        sd_event_add_time(loop->event, &loop->timer, CLOCK_BOOTTIME, now, 1, on_timer, loop);
    if (error < 0)
        return error;
    return sd_event_add_time(loop->event, &loop->housekeeping, CLOCK_BOOTTIME, now, 0,
                             on_housekeeping, loop);
}

static int add_sockets(struct loop *loop)
{
    const struct sl_daemon *daemon = loop->daemon;
    int error = sd_event_add_io(loop->event, NULL, sl_control_fd(daemon->control), EPOLLIN,
                                on_control, loop);
    for (size_t i = 0; i < daemon->carrier_count && error >= 0; i++) {
        struct sl_bearer *bearer = daemon->carriers[i].bearer;
        loop->bearers[i] = (struct bearer_source){.loop = loop, .bearer = bearer};
        error = sd_event_add_io(loop->event, NULL, bearer->ops->fd(bearer), EPOLLIN, on_bearer,
                                &loop->bearers[i]);
    }
    return error < 0 ? error : 0;
}

static int set_up(struct loop *loop)
{
    int error = sd_event_new(&loop->event);
    if (error >= 0)
        error = add_signals(loop);
    if (error >= 0)
        error = add_timers(loop);
    if (error >= 0)
        error = add_sockets(loop);
    if (error >= 0)
        error = sd_event_set_watchdog(loop->event, true);
    return error < 0 ? error : 0;
}

int sl_daemon_run(struct sl_daemon *daemon)
{
    struct loop loop = {.daemon = daemon, .timer_at = SL_NEVER};
    int error = set_up(&loop);
    if (error == 0) {
        sl_log(LOG_INFO, "running");
        sd_notify(0, "READY=1");
        error = sd_event_loop(loop.event);
        sd_notify(0, "STOPPING=1");
        sl_log(LOG_INFO, "stopping");
    }
    if (error < 0)
        sl_log(LOG_ERR, "the event loop failed: %s", strerror(-error));
    sd_event_source_unref(loop.timer);
    sd_event_source_unref(loop.housekeeping);
    sd_event_unref(loop.event);
    return error;
}
