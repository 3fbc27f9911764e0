#include "forwarder.h"
#include "bench.h"
#include "lab.h"

#include "crypto/sodium.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER    6 /* as a frame's */
#define NONCE_LEN 12
#define DATAGRAMS 4096 /* different ones, sent over and over */
#define BATCH     32

/* What the forwarder process knows. */
struct work {
    struct sl_primitives primitives;
    uint8_t in_key[SL_KEY_LEN], out_key[SL_KEY_LEN], author[SL_KEY_LEN];
    int fd;
    struct sockaddr_in6 to;
};

static void nonce_of(const uint8_t *datagram, uint8_t ret_nonce[NONCE_LEN])
{
    memset(ret_nonce, 0, NONCE_LEN);
    memcpy(ret_nonce + NONCE_LEN - (HEADER - 1), datagram + 1, HEADER - 1);
}

/* In place; false if it is not to be sent on. */
static bool reseal(const struct work *work, uint8_t *datagram, size_t len)
{
    const struct sl_primitives *p = &work->primitives;
    uint8_t nonce[NONCE_LEN];
    uint8_t *body = datagram + HEADER;
    size_t sealed_len = len - HEADER;
    size_t body_len = sealed_len - SL_TAG_LEN;
    size_t signed_len = body_len - SL_SIGNATURE_LEN;
    nonce_of(datagram, nonce);
    if (!p->open(p->ctx, work->in_key, nonce, NONCE_LEN, datagram, HEADER, body, sealed_len, body))
        return false;
    if (!p->verify(p->ctx, work->author, body, signed_len, body + signed_len))
        return false;
    p->seal(p->ctx, work->out_key, nonce, NONCE_LEN, datagram, HEADER, body, body_len, body);
    return true;
}

static void forward_forever(const struct work *work)
{
    uint8_t datagram[SL_DATAGRAM_MAX];
    for (;;) {
        ssize_t len = recv(work->fd, datagram, sizeof(datagram), 0);
        bool ping = len > 0 && datagram[0] == BENCH_PING;
        if (!ping &&
            (len < HEADER + SL_SIGNATURE_LEN + SL_TAG_LEN || !reseal(work, datagram, (size_t)len)))
            continue;
        sendto(work->fd, datagram, (size_t)len, 0, (const struct sockaddr *)&work->to,
               sizeof(work->to));
    }
}

/* Signs and seals what A will send. */
static void prepare(struct bench_forwarder *f, struct work *work, size_t envelope_len)
{
    const struct sl_primitives *p = &work->primitives;
    uint8_t seed[SL_KEY_LEN];
    uint8_t nonce[NONCE_LEN];
    p->random(p->ctx, work->in_key, SL_KEY_LEN);
    p->random(p->ctx, work->out_key, SL_KEY_LEN);
    p->random(p->ctx, seed, SL_KEY_LEN);
    p->sign_key(p->ctx, seed, work->author);
    f->datagram_count = DATAGRAMS;
    f->datagram_len = HEADER + envelope_len + SL_TAG_LEN;
    f->datagrams = calloc(DATAGRAMS, f->datagram_len);
    if (!f->datagrams)
        bench_fail("out of memory");
    size_t signed_len = envelope_len - SL_SIGNATURE_LEN;
    for (size_t i = 0; i < DATAGRAMS; i++) {
        uint8_t *datagram = f->datagrams + i * f->datagram_len;
        uint8_t *body = datagram + HEADER;
        p->random(p->ctx, datagram + 1, HEADER - 1);
        p->random(p->ctx, body, signed_len);
        p->sign(p->ctx, seed, body, signed_len, body + signed_len);
        nonce_of(datagram, nonce);
        p->seal(p->ctx, work->in_key, nonce, NONCE_LEN, datagram, HEADER, body, envelope_len, body);
    }
}

static void stop(void *arg)
{
    struct bench_forwarder *f = arg;
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    free(f->datagrams);
    close(f->from_fd);
    close(f->to_fd);
}

void bench_forwarder_start(struct bench_forwarder *f, size_t envelope_len)
{
    struct work work = {.fd = bench_lab_socket("B")};
    *f = (struct bench_forwarder){.from_fd = bench_lab_socket("A"), .to_fd = bench_lab_socket("C")};
    sl_sodium_primitives(&work.primitives);
    prepare(f, &work, envelope_len);
    work.to = bench_lab_address(f->to_fd, "C", "B");
    struct sockaddr_in6 entry = bench_lab_address(work.fd, "B", "A");
    if (connect(f->from_fd, (const struct sockaddr *)&entry, sizeof(entry)) < 0)
        bench_fail("A does not reach the forwarder: %s", strerror(errno));
    f->pid = fork();
    if (f->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        forward_forever(&work);
    }
    if (f->pid < 0)
        bench_fail("fork: %s", strerror(errno));
    close(work.fd);
    bench_pin(f->pid, BENCH_CORE_RELAY);
    bench_at_exit(stop, f);
}

/* Counts what arrived at C; waits up to 100 ms if nothing was there. */
static size_t count_arrived(const struct bench_forwarder *f)
{
    static uint8_t bytes[BATCH][SL_DATAGRAM_MAX];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH] = {0};
    for (size_t i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    struct pollfd wait = {.fd = f->to_fd, .events = POLLIN};
    poll(&wait, 1, 100);
    int count = recvmmsg(f->to_fd, messages, BATCH, MSG_DONTWAIT, NULL);
    return count > 0 ? (size_t)count : 0;
}

static void send_next(struct bench_forwarder *f)
{
    if (send(f->from_fd, f->datagrams + f->next * f->datagram_len, f->datagram_len, 0) < 0)
        bench_fail("A cannot send to the forwarder: %s", strerror(errno));
    f->next = (f->next + 1) % f->datagram_count;
}

/* Until all that was sent has arrived. */
static void collect(const struct bench_forwarder *f, size_t sent, size_t arrived)
{
    while (arrived < sent) {
        size_t count = count_arrived(f);
        if (count == 0)
            bench_fail("the bare forwarder lost %zu of %zu datagrams", sent - arrived, sent);
        arrived += count;
    }
}

struct bench_forwarded bench_forwarder_run(struct bench_forwarder *f, size_t window,
                                           sl_time duration)
{
    size_t sent = 0, arrived = 0;
    double cpu = bench_cpu_seconds(f->pid);
    sl_time start = bench_now();
    sl_time last = start;
    for (sl_time now = start; now - start < duration; now = bench_now()) {
        for (; sent - arrived < window; sent++)
            send_next(f);
        size_t count = count_arrived(f);
        arrived += count;
        last = count > 0 ? now : last;
        if (now - last > SL_SECOND)
            bench_fail("the bare forwarder lost %zu of %zu datagrams", sent - arrived, sent);
    }
    double seconds = (double)(bench_now() - start) / 1e6;
    struct bench_forwarded result = {.rate = (double)arrived / seconds,
                                     .micros =
                                         (bench_cpu_seconds(f->pid) - cpu) * 1e6 / (double)arrived};
    collect(f, sent, arrived);
    return result;
}
