#include "store/volume.h"

#include "store/pages.h"
#include "store/salvage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void sl_volume_init(struct sl_volume *volume)
{
    *volume = (struct sl_volume){.files.fd = -1};
}

/* Notes the words of the disk, or of the error if the disk was not reached, and passes it on. */
static int failed(struct sl_volume *volume, const struct sl_disk *disk, int r)
{
    const char *words = disk && disk->reason[0] ? disk->reason : strerror(-r);
    snprintf(volume->reason, sizeof(volume->reason), "%s", words);
    return r;
}

static void note_repair(struct sl_volume *volume, const struct sl_salvage *found,
                        const char *aside_path)
{
    if (aside_path)
        snprintf(volume->note, sizeof(volume->note),
                 "%s was damaged beyond repair: it is kept as %s, and a new one was begun",
                 volume->files.path, aside_path);
    else
        snprintf(volume->note, sizeof(volume->note),
                 "%s was damaged: %llu messages and %llu records of personas were recovered, what "
                 "else it held is lost",
                 volume->files.path, (unsigned long long)found->envelopes,
                 (unsigned long long)found->records);
}

/* Fills the new file with what `from_damaged` leaves of the old one, and closes it. */
static int fill(struct sl_volume *volume, const char *new_path, bool from_damaged,
                struct sl_salvage *ret_found)
{
    struct sl_disk disk;
    int r = sl_disk_create(&disk, new_path);
    if (r < 0)
        return failed(volume, &disk, r);
    if (from_damaged)
        r = sl_salvage(volume->files.path, &disk, ret_found);
    if (r == 0)
        r = sl_disk_checkpoint(&disk, true);
    if (r < 0)
        (void)failed(volume, &disk, r);
    sl_disk_close(&disk, false);
    return r;
}

/* Puts a new file in the place of one that is empty, or damaged. */
static int renew(struct sl_volume *volume, bool damaged)
{
    char new_path[SL_FILES_PATH_MAX];
    char aside_path[SL_FILES_PATH_MAX];
    struct sl_salvage found = {0};
    int r = sl_files_begin_new(&volume->files, new_path);
    if (r < 0)
        return failed(volume, NULL, r);
    r = fill(volume, new_path, damaged, &found);
    if (r < 0)
        return r;
    bool nothing = found.envelopes == 0 && found.records == 0 && !found.clocks;
    if (damaged && nothing)
        r = sl_files_set_aside(&volume->files, aside_path);
    if (r == 0)
        r = sl_files_replace(&volume->files);
    if (r < 0)
        return failed(volume, NULL, r);
    if (damaged)
        note_repair(volume, &found, nothing ? aside_path : NULL);
    return 0;
}

static int open_disk(struct sl_volume *volume, bool writable, uint64_t bytes_max)
{
    int r = sl_disk_open(&volume->disk, volume->files.path, writable, bytes_max);
    return r < 0 ? failed(volume, &volume->disk, r) : 0;
}

static int open_writable(struct sl_volume *volume, uint64_t bytes_max)
{
    bool empty = sl_files_empty(&volume->files);
    int r = 0;
    if (empty)
        r = renew(volume, false);
    else if (!sl_pages_plausible(volume->files.fd) || sl_pages_log_damaged(volume->files.path))
        r = -EBADMSG;
    if (r == 0)
        r = open_disk(volume, true, bytes_max);
    if (r == -EBADMSG) {
        r = renew(volume, true);
        if (r == 0)
            r = open_disk(volume, true, bytes_max);
    }
    if (r < 0)
        return r;
    sl_files_make_private(&volume->files);
    volume->disk.fd = volume->files.fd;
    return 0;
}

static int open_read_only(struct sl_volume *volume)
{
    if (sl_files_empty(&volume->files) || !sl_pages_plausible(volume->files.fd))
        return -EROFS;
    return sl_disk_open(&volume->disk, volume->files.path, false, 0);
}

int sl_volume_open(struct sl_volume *volume, const char *path, uint64_t bytes_max)
{
    sl_volume_init(volume);
    int r = sl_files_open(&volume->files, path);
    if (r < 0)
        return failed(volume, NULL, r);
    r = volume->files.writable ? open_writable(volume, bytes_max) : failed(volume, NULL, -EROFS);
    if (r == 0)
        return 0;
    /* The file may be writable and its folder not, or the disk full: what is there can still be
     * read. */
    volume->write_error = r;
    if (r != -ENOTSUP && r != -EBUSY && r != -ENOMEM) {
        int read = open_read_only(volume);
        if (read == 0)
            return 0;
        if (read == -ENOTSUP)
            r = failed(volume, &volume->disk, read);
    }
    sl_files_close(&volume->files);
    return r == -EBADMSG ? -EIO : r;
}

void sl_volume_close(struct sl_volume *volume, bool keep_log)
{
    sl_disk_close(&volume->disk, keep_log);
    sl_files_close(&volume->files);
}
