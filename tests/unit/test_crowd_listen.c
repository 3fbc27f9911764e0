/* The listener of the simulator finds what would lead from one name of a board to the next. */
#include "mesh/packet.h"
#include "sim/crowd_listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/wire.h"

enum { BEACONS = 20, DAYS = 8, NUMBER_AT = 9, SALT_AT = 13, SALT_LEN = 20 };

struct habits {
    bool same_salt, same_count, same_counter;
};

static void send_frame(struct sl_listener *listener, int day, uint32_t counter)
{
    uint8_t bytes[SL_FRAME_OVERHEAD + 4] = {SL_PACKET_FRAME, 1};
    struct sl_writer w;
    sl_writer_init(&w, bytes + 2, 4);
    sl_write_u32(&w, counter);
    sl_listener_hear(listener, 0, day, bytes, sizeof(bytes));
}

/* A board that is switched on anew each day. */
static struct sl_listener_verdict hear_days(const struct habits *habits)
{
    struct sl_listener *listener = sl_listener_new(1);
    struct sl_listener_verdict verdict;
    struct sl_prng prng;
    uint8_t bytes[SL_HANDSHAKE_PACKET_LEN], link_id[SL_LINK_ID_LEN], salt[SALT_LEN], number = 7;
    uint32_t counter = 1000;
    sl_prng_init(&prng, 3);
    sl_prng_bytes(&prng, salt, sizeof(salt));
    for (int day = 0; day < DAYS; day++) {
        sl_prng_bytes(&prng, link_id, sizeof(link_id));
        number = habits->same_count ? number : (uint8_t)(number + 100);
        counter += habits->same_counter ? 1 : 1u << 30;
        for (int i = 0; i < BEACONS; i++) {
            sl_prng_bytes(&prng, bytes, sizeof(bytes));
            bytes[0] = SL_PACKET_BEACON;
            memcpy(bytes + 1, link_id, sizeof(link_id));
            bytes[NUMBER_AT] = number++;
            if (habits->same_salt && i == 0)
                memcpy(bytes + SALT_AT, salt, sizeof(salt));
            sl_listener_hear(listener, 0, day, bytes, sizeof(bytes));
            send_frame(listener, day, counter++);
        }
    }
    sl_listener_judge(listener, &verdict);
    sl_listener_free(listener);
    assert_int_equal(verdict.names, DAYS);
    assert_int_equal(verdict.changes, DAYS - 1);
    assert_int_equal(verdict.restarts, DAYS - 1);
    return verdict;
}

static void test_what_is_new_each_day_is_not_recognised(void **state)
{
    (void)state;
    struct sl_listener_verdict verdict = hear_days(&(struct habits){0});
    assert_int_equal(verdict.shared, 0);
    assert_int_equal(verdict.followed, 0);
}

static void test_a_field_that_stays_is_found(void **state)
{
    (void)state;
    struct sl_listener_verdict verdict = hear_days(&(struct habits){.same_salt = true});
    assert_int_equal(verdict.shared, (DAYS - 1) * (SALT_LEN - 7));
}

static void test_numbers_that_go_on_are_followed(void **state)
{
    (void)state;
    struct sl_listener_verdict verdict = hear_days(&(struct habits){.same_count = true});
    assert_int_equal(verdict.followed, DAYS - 1);
    verdict = hear_days(&(struct habits){.same_counter = true});
    assert_int_equal(verdict.followed, DAYS - 1);
}

static void test_what_is_no_packet_is_passed_over(void **state)
{
    (void)state;
    static const uint8_t short_ones[] = {SL_PACKET_BEACON, SL_PACKET_FRAME, 0, 0};
    struct sl_listener *listener = sl_listener_new(2);
    struct sl_listener_verdict verdict;
    for (size_t at = 0; at < sizeof(short_ones); at++)
        sl_listener_hear(listener, 1, 0, short_ones + at, sizeof(short_ones) - at);
    sl_listener_judge(listener, &verdict);
    assert_int_equal(verdict.names + verdict.restarts + verdict.shared + verdict.followed, 0);
    sl_listener_free(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_new_each_day_is_not_recognised),
        cmocka_unit_test(test_a_field_that_stays_is_found),
        cmocka_unit_test(test_numbers_that_go_on_are_followed),
        cmocka_unit_test(test_what_is_no_packet_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
