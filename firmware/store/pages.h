/* The pages of a SQLite file and its write-ahead log as they are, without SQLite: for a file that
 * SQLite no longer reads. Formats: sqlite.org/fileformat2.html, 1.2 and 4. */
#ifndef SL_STORE_PAGES_H
#define SL_STORE_PAGES_H

#include "store/schema.h"

struct sl_pages {
    int file_fd;
    int log_fd;         /* -1: there is no log */
    uint32_t count;     /* pages are numbered from 1 */
    uint32_t *frame_of; /* by page: number of its last frame in the log, from 1; 0: in the file */
    uint64_t salt;      /* marks the frames since the log was last begun */
    uint32_t whole_frames;      /* frames that SQLite takes */
    uint32_t frames;            /* frames to the end of the last transaction, whole or not */
    uint32_t transactions_left; /* that SQLite does not take */
};

/* Whether a file begins as every store does; an empty one does not. `fd` of a regular file. */
bool sl_pages_plausible(int fd);

/* Whether there is damage in the log, so that SQLite would leave out what was synced. One
 * transaction that is not whole at its end is none: a kill or a power cut came in the middle of it.
 */
bool sl_pages_log_damaged(const char *path);

/* With the pages of the log that SQLite takes. -EIO, -ENOMEM. */
int sl_pages_open(struct sl_pages *pages, const char *path);
void sl_pages_close(struct sl_pages *pages);

/* With the other pages of the log too, any of which may be damaged. -ENOMEM. */
int sl_pages_apply_rest(struct sl_pages *pages);

/* What cannot be read is zeros. -EINVAL if there is no such page. */
int sl_pages_read(const struct sl_pages *pages, uint32_t number,
                  uint8_t ret_page[SL_SCHEMA_PAGE_SIZE]);

/* -EINVAL if the frame is none of this log. */
int sl_pages_read_frame(const struct sl_pages *pages, uint32_t number,
                        uint8_t ret_page[SL_SCHEMA_PAGE_SIZE]);

#endif
