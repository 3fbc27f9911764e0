/* Which disks may be written: told from folders that stand for sysfs and procfs. */
#include "card.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/starling-card-XXXXXX";
static char sys[64], proc[64];
static struct sl_card_system here = {sys, proc};

/* Makes root/path with the folders above it. */
static void put(const char *path, const char *text)
{
    char whole[256];
    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void disk(const char *name, const char *sectors, const char *removable)
{
    char path[128];
    snprintf(path, sizeof(path), "sys/block/%s/size", name);
    put(path, sectors);
    snprintf(path, sizeof(path), "sys/block/%s/removable", name);
    put(path, removable);
}

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    snprintf(sys, sizeof(sys), "%s/sys", root);
    snprintf(proc, sizeof(proc), "%s/proc", root);
    disk("sda", "1000000\n", "0\n");
    put("sys/block/sda/device/vendor", "0x1af4\n");
    put("sys/block/sda/device/model", "Disk of this laptop   \n");
    disk("sdb", "62333952\n", "1\n");
    put("sys/block/sdb/device/vendor", "Generic\n");
    put("sys/block/sdb/device/model", "MassStorageClass\n");
    disk("sdc", "0\n", "1\n");
    disk("sdd", "62333952\n", "1\n");
    put("sys/block/sdd/ro", "1\n");
    disk("sde", "62333952\n", "1\n");
    disk("sdf", "62333952\n", "1\n");
    put("sys/block/sdf/sdf1/holders/dm-0", "");
    disk("sdg", "62333952\n", "1\n");
    disk("mmcblk0", "30535680\n", "0\n");
    put("sys/block/mmcblk0/device/type", "SD\n");
    disk("mmcblk1", "30535680\n", "0\n");
    put("sys/block/mmcblk1/device/type", "MMC\n");
    disk("loop0", "0\n", "0\n");
    disk("zram0", "100\n", "0\n");
    put("proc/mounts", "/dev/sda1 / ext4 rw 0 0\n/dev/sde2 /media/ana/BOOT\\040X vfat rw 0 0\n"
                       "/dev/mmcblk0p1x /wrong ext4 rw 0 0\n");
    put("proc/swaps", "Filename Type Size\n/dev/sdg3 partition 1 0 -2\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof(command), "rm -rf %s", root);
    return system(command);
}

static enum sl_card_fault fault_of(const char *name)
{
    struct sl_card card;
    assert_int_equal(sl_card_find(&here, name, &card), 0);
    return card.fault;
}

static void test_only_free_cards_are_good(void **state)
{
    (void)state;
    assert_int_equal(fault_of("/dev/sdb"), SL_CARD_GOOD);
    assert_int_equal(fault_of("mmcblk0"), SL_CARD_GOOD);
    assert_int_equal(fault_of("/dev/sda"), SL_CARD_MOUNTED);
    assert_int_equal(fault_of("/dev/sdc"), SL_CARD_EMPTY);
    assert_int_equal(fault_of("/dev/sdd"), SL_CARD_PROTECTED);
    assert_int_equal(fault_of("/dev/sde"), SL_CARD_MOUNTED);
    assert_int_equal(fault_of("/dev/sdf"), SL_CARD_IN_USE);
    assert_int_equal(fault_of("/dev/sdg"), SL_CARD_IN_USE);
    assert_int_equal(fault_of("/dev/mmcblk1"), SL_CARD_FIXED);
}

static void test_what_a_card_is(void **state)
{
    (void)state;
    struct sl_card card;
    assert_int_equal(sl_card_find(&here, "/dev/sdb", &card), 0);
    assert_string_equal(card.model, "Generic MassStorageClass");
    assert_int_equal(card.bytes, UINT64_C(62333952) * 512);
    assert_int_equal(sl_card_find(&here, "/dev/sda", &card), 0);
    assert_string_equal(card.model, "Disk of this laptop");
    assert_string_equal(card.where, "/");
}

static void test_a_partition_is_no_card(void **state)
{
    (void)state;
    struct sl_card card;
    assert_int_equal(sl_card_find(&here, "/dev/sdb1", &card), -EISDIR);
    assert_string_equal(card.name, "sdb");
    assert_int_equal(sl_card_find(&here, "/dev/mmcblk0p2", &card), -EISDIR);
    assert_int_equal(sl_card_find(&here, "/dev/sdz", &card), -ENOENT);
    assert_int_equal(sl_card_find(&here, "/dev/mmcblk0px", &card), -ENOENT);
}

static void test_the_list_has_cards_first(void **state)
{
    (void)state;
    struct sl_card cards[SL_CARDS_MAX];
    size_t count = sl_card_list(&here, cards);
    assert_int_equal(count, 9); /* without the empty loop device and the memory */
    assert_string_equal(cards[count - 1].name, "mmcblk1");
}

static void test_every_fault_says_what_to_do(void **state)
{
    (void)state;
    char text[256];
    for (int fault = SL_CARD_GOOD; fault <= SL_CARD_EMPTY; fault++) {
        struct sl_card card = {.fault = (enum sl_card_fault)fault, .where = "/media/x"};
        sl_card_explain(&card, text, sizeof(text));
        assert_int_equal(text[0] == '\0', fault == SL_CARD_GOOD);
    }
}

static void test_no_system_at_all(void **state)
{
    (void)state;
    const struct sl_card_system nowhere = {"/nonexistent", "/nonexistent"};
    struct sl_card cards[SL_CARDS_MAX];
    assert_int_equal(sl_card_list(&nowhere, cards), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_free_cards_are_good),
        cmocka_unit_test(test_what_a_card_is),
        cmocka_unit_test(test_a_partition_is_no_card),
        cmocka_unit_test(test_the_list_has_cards_first),
        cmocka_unit_test(test_every_fault_says_what_to_do),
        cmocka_unit_test(test_no_system_at_all),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
