#include "card.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR   512
#define PATH_CAP 512
#define LINE_CAP 1024

/* ---- sysfs ---- */

/* One line of a file, without its end and the spaces around; "" if there is none. */
static void read_line(const char *path, char *ret_line, size_t cap)
{
    FILE *file = fopen(path, "re");
    ret_line[0] = '\0';
    if (!file)
        return;
    if (!fgets(ret_line, (int)cap, file))
        ret_line[0] = '\0';
    fclose(file);
    size_t len = strcspn(ret_line, "\n");
    while (len > 0 && ret_line[len - 1] == ' ')
        len--;
    ret_line[len] = '\0';
}

static void read_fact(const struct sl_card_system *system, const char *name, const char *fact,
                      char *ret_line, size_t cap)
{
    char path[PATH_CAP];
    snprintf(path, sizeof(path), "%s/block/%s/%s", system->sys, name, fact);
    read_line(path, ret_line, cap);
}

static uint64_t read_number(const struct sl_card_system *system, const char *name, const char *fact)
{
    char line[32];
    read_fact(system, name, fact, line, sizeof(line));
    return strtoull(line, NULL, 10);
}

static bool has_entries(const struct sl_card_system *system, const char *name, const char *folder)
{
    char path[PATH_CAP];
    snprintf(path, sizeof(path), "%s/block/%s/%s", system->sys, name, folder);
    DIR *entries = opendir(path);
    struct dirent *entry;
    bool found = false;
    while (entries && !found && (entry = readdir(entries)) != NULL)
        found = entry->d_name[0] != '.';
    if (entries)
        closedir(entries);
    return found;
}

/* Loop devices stand for image files, which people make to try things; slots of SD cards say that
 * they are not removable. */
static bool is_removable(const struct sl_card_system *system, const char *name)
{
    char type[16];
    read_fact(system, name, "device/type", type, sizeof(type));
    return read_number(system, name, "removable") == 1 || strncmp(name, "loop", 4) == 0 ||
           (strncmp(name, "mmcblk", 6) == 0 && strcmp(type, "SD") == 0);
}

/* ---- What uses it ---- */

/* Whether `device` ("/dev/sdb1") is that disk or a part of it. */
static bool is_of(const char *device, const char *name)
{
    static const char prefix[] = "/dev/";
    if (strncmp(device, prefix, strlen(prefix)) != 0)
        return false;
    const char *rest = device + strlen(prefix);
    size_t len = strlen(name);
    if (strncmp(rest, name, len) != 0)
        return false;
    rest += len;
    if (len > 0 && name[len - 1] >= '0' && name[len - 1] <= '9' && *rest != '\0') {
        if (*rest++ != 'p')
            return false;
    }
    return rest[strspn(rest, "0123456789")] == '\0';
}

/* The folder on which it is mounted; false if it is not. */
static bool find_mount(const struct sl_card_system *system, const char *name, char *ret_where,
                       size_t cap)
{
    char path[PATH_CAP], line[LINE_CAP], device[256], where[256];
    bool found = false;
    snprintf(path, sizeof(path), "%s/mounts", system->proc);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof(line), file))
        found = sscanf(line, "%255s %255s", device, where) == 2 && is_of(device, name);
    if (file)
        fclose(file);
    if (found)
        snprintf(ret_where, cap, "%.127s", where);
    return found;
}

static bool is_swap(const struct sl_card_system *system, const char *name)
{
    char path[PATH_CAP], line[LINE_CAP], device[256];
    bool found = false;
    snprintf(path, sizeof(path), "%s/swaps", system->proc);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof(line), file))
        found = sscanf(line, "%255s", device) == 1 && is_of(device, name);
    if (file)
        fclose(file);
    return found;
}

/* Whether it, or a partition of it, is part of a larger disk (LVM, RAID, encryption). */
static bool is_held(const struct sl_card_system *system, const char *name)
{
    char path[PATH_CAP], folder[PATH_CAP];
    if (has_entries(system, name, "holders"))
        return true;
    snprintf(path, sizeof(path), "%s/block/%s", system->sys, name);
    DIR *entries = opendir(path);
    struct dirent *entry;
    bool held = false;
    while (entries && !held && (entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, name, strlen(name)) != 0)
            continue;
        snprintf(folder, sizeof(folder), "%.255s/holders", entry->d_name);
        held = has_entries(system, name, folder);
    }
    if (entries)
        closedir(entries);
    return held;
}

static enum sl_card_fault find_fault(const struct sl_card_system *system, struct sl_card *card)
{
    if (find_mount(system, card->name, card->where, sizeof(card->where)))
        return SL_CARD_MOUNTED;
    if (is_swap(system, card->name) || is_held(system, card->name))
        return SL_CARD_IN_USE;
    if (!is_removable(system, card->name))
        return SL_CARD_FIXED;
    if (card->bytes == 0)
        return SL_CARD_EMPTY;
    return read_number(system, card->name, "ro") == 1 ? SL_CARD_PROTECTED : SL_CARD_GOOD;
}

/* ---- What is on it ---- */

/* udev's notes on a partition: E:ID_FS_LABEL=…, E:ID_FS_TYPE=…. */
static void read_notes(const char *path, char ret_label[32], char ret_type[32])
{
    char line[LINE_CAP];
    FILE *file = fopen(path, "re");
    ret_label[0] = ret_type[0] = '\0';
    while (file && fgets(line, sizeof(line), file)) {
        (void)(sscanf(line, "E:ID_FS_LABEL=%31s", ret_label) == 1 ||
               sscanf(line, "E:ID_FS_TYPE=%31s", ret_type) == 1);
    }
    if (file)
        fclose(file);
}

static void find_contents(const struct sl_card_system *system, struct sl_card *card)
{
    char path[PATH_CAP], number[32], label[32], type[32];
    size_t len = 0;
    for (int partition = 1; partition <= 9; partition++) {
        const char *between = strpbrk(card->name, "0123456789") ? "p" : "";
        char fact[64];
        snprintf(fact, sizeof(fact), "%s%s%d/dev", card->name, between, partition);
        read_fact(system, card->name, fact, number, sizeof(number));
        if (number[0] == '\0')
            continue;
        snprintf(path, sizeof(path), "/run/udev/data/b%s", number);
        read_notes(path, label, type);
        int more = snprintf(card->holds + len, sizeof(card->holds) - len, "%s%s%s%s%s",
                            len > 0 ? ", " : "", label, label[0] ? " (" : "",
                            type[0] ? type : "unknown", label[0] ? ")" : "");
        if (more < 0 || (size_t)more >= sizeof(card->holds) - len)
            break;
        len += (size_t)more;
    }
}

static void describe(const struct sl_card_system *system, const char *name,
                     struct sl_card *ret_card)
{
    char vendor[32], model[32];
    *ret_card = (struct sl_card){0};
    snprintf(ret_card->name, sizeof(ret_card->name), "%.31s", name);
    read_fact(system, name, "device/vendor", vendor, sizeof(vendor));
    read_fact(system, name, "device/model", model, sizeof(model));
    if (model[0] == '\0')
        read_fact(system, name, "device/name", model, sizeof(model));
    if (strncmp(vendor, "0x", 2) == 0)
        vendor[0] = '\0'; /* a number instead of a name, as of virtio disks */
    snprintf(ret_card->model, sizeof(ret_card->model), "%s%s%s", vendor,
             vendor[0] && model[0] ? " " : "", model);
    ret_card->bytes = read_number(system, name, "size") * SECTOR;
    ret_card->fault = find_fault(system, ret_card);
    find_contents(system, ret_card);
}

static int compare(const void *a, const void *b)
{
    const struct sl_card *left = a, *right = b;
    if ((left->fault == SL_CARD_FIXED) != (right->fault == SL_CARD_FIXED))
        return left->fault == SL_CARD_FIXED ? 1 : -1;
    return strverscmp(left->name, right->name); /* loop2 before loop10 */
}

size_t sl_card_list(const struct sl_card_system *system, struct sl_card ret_cards[SL_CARDS_MAX])
{
    char path[PATH_CAP];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/block", system->sys);
    DIR *entries = opendir(path);
    struct dirent *entry;
    while (entries && count < SL_CARDS_MAX && (entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, "ram", 3) == 0 ||
            strncmp(entry->d_name, "zram", 4) == 0 || strncmp(entry->d_name, "dm-", 3) == 0)
            continue;
        describe(system, entry->d_name, &ret_cards[count]);
        /* Loop devices without a file are not worth a line. */
        if (strncmp(entry->d_name, "loop", 4) != 0 || ret_cards[count].bytes > 0)
            count++;
    }
    if (entries)
        closedir(entries);
    qsort(ret_cards, count, sizeof(*ret_cards), compare);
    return count;
}

int sl_card_find(const struct sl_card_system *system, const char *path, struct sl_card *ret_card)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct sl_card cards[SL_CARDS_MAX];
    size_t count = sl_card_list(system, cards);
    char device[64];
    snprintf(device, sizeof(device), "/dev/%.50s", name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(cards[i].name, name) == 0) {
            *ret_card = cards[i];
            return 0;
        }
        if (is_of(device, cards[i].name)) {
            *ret_card = cards[i];
            return -EISDIR;
        }
    }
    return -ENOENT;
}

void sl_card_explain(const struct sl_card *card, char *ret_text, size_t cap)
{
    switch (card->fault) {
    case SL_CARD_GOOD:
        snprintf(ret_text, cap, "%s", "");
        break;
    case SL_CARD_FIXED:
        snprintf(ret_text, cap, "is a disk of this computer, no card");
        break;
    case SL_CARD_MOUNTED:
        if (strcmp(card->where, "/") == 0)
            snprintf(ret_text, cap, "holds the system that runs here");
        else
            snprintf(ret_text, cap, "is in use: it is mounted on %s; unmount it first",
                     card->where);
        break;
    case SL_CARD_IN_USE:
        snprintf(ret_text, cap, "is in use, as swap or as part of another disk");
        break;
    case SL_CARD_PROTECTED:
        snprintf(ret_text, cap, "is write-protected: move the slider on the card");
        break;
    case SL_CARD_EMPTY:
        snprintf(ret_text, cap, "is a reader without a card");
        break;
    }
}
