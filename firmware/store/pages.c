#include "store/pages.h"

#include "base/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE = SL_SCHEMA_PAGE_SIZE,
    LOG_HEADER_LEN = 32,
    FRAME_HEADER_LEN = 24,
    FRAME_LEN = FRAME_HEADER_LEN + PAGE,
    PAGES_MAX = 1 << 22, /* 16 GiB: a number beyond that is damaged itself */
};

/* Zeros where the file ends. */
static void read_at(int fd, uint64_t at, uint8_t *ret_bytes, size_t len)
{
    memset(ret_bytes, 0, len);
    size_t done = 0;
    while (done < len) {
        ssize_t n = pread(fd, ret_bytes + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

static uint64_t file_len(int fd)
{
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

bool sl_pages_plausible(int fd)
{
    /* Magic, page size, write and read version (1 before the first switch to a write-ahead log), no
     * reserved space, payload fractions. */
    static const uint8_t fixed[] = "SQLite format 3\0\x10\x00\x02\x02\x00\x40\x20\x20";
    enum {
        FIXED_LEN = 24,
        WRITE_VERSION = 18,
        READ_VERSION = 19,
    };
    uint8_t header[FIXED_LEN];
    read_at(fd, 0, header, sizeof(header));
    if (header[WRITE_VERSION] == 1 && header[READ_VERSION] == 1) {
        header[WRITE_VERSION] = 2;
        header[READ_VERSION] = 2;
    }
    return memcmp(header, fixed, FIXED_LEN) == 0;
}

/* ---- The log ---- */

struct frame {
    uint32_t page;
    uint32_t commit; /* pages of the file after this frame, if a transaction ends with it */
    uint64_t salt;   /* the same in all frames since the log was last begun */
};

static uint64_t frame_at(uint32_t number)
{
    return LOG_HEADER_LEN + (uint64_t)(number - 1) * FRAME_LEN;
}

static void read_frame(int fd, uint32_t number, struct frame *ret_frame)
{
    uint8_t header[FRAME_HEADER_LEN];
    read_at(fd, frame_at(number), header, sizeof(header));
    struct sl_reader r;
    sl_reader_init(&r, header, sizeof(header));
    ret_frame->page = sl_read_u32(&r);
    ret_frame->commit = sl_read_u32(&r);
    ret_frame->salt = sl_read_u64(&r);
}

/* The running sum of a log: fileformat2, 4.2. Big-endian or not as the log's magic says. */
struct log_sum {
    uint32_t first, second;
    bool big_endian;
};

static uint32_t sum_word(struct sl_reader *r, bool big_endian)
{
    uint32_t word = sl_read_u32(r);
    return big_endian ? word : __builtin_bswap32(word);
}

static void absorb(struct log_sum *sum, const uint8_t *bytes, size_t len)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, len);
    while (sl_read_left(&r) >= 8) {
        sum->first += sum_word(&r, sum->big_endian) + sum->second;
        sum->second += sum_word(&r, sum->big_endian) + sum->first;
    }
}

static bool sum_matches(const struct log_sum *sum, const uint8_t *bytes, size_t at)
{
    struct sl_reader r;
    sl_reader_init(&r, bytes, at + 8);
    (void)sl_read_slice(&r, at);
    uint32_t first = sl_read_u32(&r);
    uint32_t second = sl_read_u32(&r);
    return first == sum->first && second == sum->second;
}

static bool check_log_header(int fd, struct log_sum *ret_sum, uint64_t *ret_salt)
{
    uint8_t header[LOG_HEADER_LEN];
    read_at(fd, 0, header, sizeof(header));
    struct sl_reader r;
    sl_reader_init(&r, header, sizeof(header));
    uint32_t magic = sl_read_u32(&r);
    (void)sl_read_u32(&r); /* format */
    uint32_t page_size = sl_read_u32(&r);
    (void)sl_read_u32(&r); /* how often begun */
    *ret_salt = sl_read_u64(&r);
    *ret_sum = (struct log_sum){.big_endian = magic & 1};
    absorb(ret_sum, header, LOG_HEADER_LEN - 8);
    return page_size == PAGE && sum_matches(ret_sum, header, LOG_HEADER_LEN - 8);
}

static bool check_frame(int fd, uint32_t number, struct log_sum *sum)
{
    uint8_t bytes[FRAME_LEN];
    read_at(fd, frame_at(number), bytes, sizeof(bytes));
    absorb(sum, bytes, 8);
    absorb(sum, bytes + FRAME_HEADER_LEN, PAGE);
    return sum_matches(sum, bytes, FRAME_HEADER_LEN - 8);
}

/* The last frame that SQLite takes: all up to it are whole, and it ends a transaction. */
static uint32_t last_whole_frame(int fd, uint32_t frame_count, uint64_t salt, struct log_sum *sum)
{
    uint32_t last = 0;
    for (uint32_t i = 1; i <= frame_count; i++) {
        struct frame frame;
        read_frame(fd, i, &frame);
        if (frame.salt != salt || !check_frame(fd, i, sum))
            break;
        if (frame.commit != 0)
            last = i;
    }
    return last;
}

/* Ends of transactions of this log after the whole part: the last of them, and how many. */
static void find_rest(struct sl_pages *pages, uint32_t frame_count)
{
    pages->frames = pages->whole_frames;
    for (uint32_t i = pages->whole_frames + 1; i <= frame_count; i++) {
        struct frame frame;
        read_frame(pages->log_fd, i, &frame);
        if (frame.salt != pages->salt || frame.commit == 0)
            continue;
        pages->frames = i;
        pages->transactions_left++;
    }
}

static void find_frames(struct sl_pages *pages)
{
    uint64_t len = file_len(pages->log_fd);
    if (len < LOG_HEADER_LEN + FRAME_LEN)
        return;
    uint32_t frame_count = (uint32_t)((len - LOG_HEADER_LEN) / FRAME_LEN);
    struct log_sum sum;
    if (check_log_header(pages->log_fd, &sum, &pages->salt)) {
        pages->whole_frames = last_whole_frame(pages->log_fd, frame_count, pages->salt, &sum);
    } else {
        struct frame first;
        read_frame(pages->log_fd, 1, &first);
        pages->salt = first.salt;
    }
    find_rest(pages, frame_count);
}

/* Frames `from` to `to` take the place of the pages they are of. */
static int apply_frames(struct sl_pages *pages, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++) {
        struct frame frame;
        read_frame(pages->log_fd, i, &frame);
        if (frame.salt != pages->salt || frame.page == 0 || frame.page > PAGES_MAX)
            continue;
        if (frame.page > pages->count) {
            uint32_t *frame_of = reallocarray(pages->frame_of, frame.page + 1, sizeof(*frame_of));
            if (!frame_of)
                return -ENOMEM;
            memset(&frame_of[pages->count + 1], 0, (frame.page - pages->count) * sizeof(*frame_of));
            pages->frame_of = frame_of;
            pages->count = frame.page;
        }
        pages->frame_of[frame.page] = i;
    }
    return 0;
}

int sl_pages_apply_rest(struct sl_pages *pages)
{
    return apply_frames(pages, pages->whole_frames + 1, pages->frames);
}

bool sl_pages_log_damaged(const char *path)
{
    struct sl_pages pages;
    if (sl_pages_open(&pages, path) < 0)
        return false;
    bool damaged = pages.transactions_left >= 2;
    sl_pages_close(&pages);
    return damaged;
}

/* ---- Both ---- */

int sl_pages_open(struct sl_pages *pages, const char *path)
{
    *pages = (struct sl_pages){.file_fd = -1, .log_fd = -1};
    char log_path[4096];
    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    pages->file_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (pages->file_fd < 0)
        return -EIO;
    pages->log_fd = open(log_path, O_RDONLY | O_CLOEXEC);
    uint64_t count = (file_len(pages->file_fd) + PAGE - 1) / PAGE;
    pages->count = count < PAGES_MAX ? (uint32_t)count : PAGES_MAX;
    pages->frame_of = calloc((size_t)pages->count + 1, sizeof(*pages->frame_of));
    int r = pages->frame_of ? 0 : -ENOMEM;
    if (r == 0) {
        find_frames(pages);
        r = apply_frames(pages, 1, pages->whole_frames);
    }
    if (r < 0)
        sl_pages_close(pages);
    return r;
}

void sl_pages_close(struct sl_pages *pages)
{
    if (pages->file_fd >= 0)
        (void)close(pages->file_fd);
    if (pages->log_fd >= 0)
        (void)close(pages->log_fd);
    free(pages->frame_of);
    *pages = (struct sl_pages){.file_fd = -1, .log_fd = -1};
}

int sl_pages_read(const struct sl_pages *pages, uint32_t number,
                  uint8_t ret_page[SL_SCHEMA_PAGE_SIZE])
{
    if (number < 1 || number > pages->count)
        return -EINVAL;
    uint32_t frame = pages->frame_of[number];
    if (frame != 0)
        return sl_pages_read_frame(pages, frame, ret_page);
    read_at(pages->file_fd, (uint64_t)(number - 1) * PAGE, ret_page, PAGE);
    return 0;
}

int sl_pages_read_frame(const struct sl_pages *pages, uint32_t number,
                        uint8_t ret_page[SL_SCHEMA_PAGE_SIZE])
{
    struct frame frame;
    read_frame(pages->log_fd, number, &frame);
    if (frame.salt != pages->salt)
        return -EINVAL;
    read_at(pages->log_fd, frame_at(number) + FRAME_HEADER_LEN, ret_page, PAGE);
    return 0;
}
