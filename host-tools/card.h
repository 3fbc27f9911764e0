/* Cards in readers: what block devices there are (sysfs), and which of them may be written. */
#ifndef SL_TOOLS_CARD_H
#define SL_TOOLS_CARD_H

#include "base/base.h"

#define SL_CARDS_MAX 32

/* Why a device is not written. */
enum sl_card_fault {
    SL_CARD_GOOD,
    SL_CARD_FIXED,     /* not removable: a disk of this computer */
    SL_CARD_MOUNTED,   /* it, or a partition of it */
    SL_CARD_IN_USE,    /* swap, or part of a larger disk */
    SL_CARD_PROTECTED, /* read-only: the slider of the card */
    SL_CARD_EMPTY,     /* a reader without a card */
};

struct sl_card {
    char name[32];  /* "sdb" */
    char model[64]; /* "Generic MassStorageClass", or "" */
    uint64_t bytes;
    char holds[128]; /* "BOOT (vfat), state (ext4)", or "" */
    enum sl_card_fault fault;
    char where[128]; /* of SL_CARD_MOUNTED: the folder */
};

/* Where sysfs and procfs are; other folders in tests. */
struct sl_card_system {
    const char *sys, *proc;
};

/* All whole disks, removable ones first. Their number. */
size_t sl_card_list(const struct sl_card_system *system, struct sl_card ret_cards[SL_CARDS_MAX]);

/* One, by path ("/dev/sdb") or name. -ENOENT; -EISDIR if it is a partition of one. */
int sl_card_find(const struct sl_card_system *system, const char *path, struct sl_card *ret_card);

/* "is mounted on /media/x: unmount it first": what is wrong, and what to do; "" if nothing is. */
void sl_card_explain(const struct sl_card *card, char *ret_text, size_t cap);

#endif
