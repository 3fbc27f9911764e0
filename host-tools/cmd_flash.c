/* starling flash: an image and the identity of one node onto each card. */
#include "commands.h"

#include "ask.h"
#include "card.h"
#include "files.h"
#include "flash.h"
#include "image.h"
#include "network.h"
#include "output.h"
#include "words.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FLASHED    ".flashed" /* in a bundle's folder: onto what, and when */
#define BAR_WIDTH  24
#define REFRESH_NS 200000000L
#define NAMES_TEXT (SL_CARDS_MAX * (SL_NETWORK_NAME_MAX + 1))

static const struct sl_card_system this_system = {"/sys", "/proc"};

/* One card of this run. */
struct job {
    struct sl_flash flash;
    char name[SL_NETWORK_NAME_MAX + 1]; /* of its node; empty: none */
    char *bundle;
    struct sl_card card; /* zeros for a file */
    pthread_t thread;
    bool running;
    struct timespec began;
};

struct run {
    struct job jobs[SL_CARDS_MAX];
    size_t count;
    struct sl_network *network; /* NULL without nodes */
    char *board;                /* which the image is for; "" in an image that does not say */
    bool to_file, yes, json;
};

/* ---- What is to be done ---- */

/* NAME,NAME… */
static int take_names(struct sl_call *call, struct run *run, const char *text)
{
    char names[NAMES_TEXT], *rest = NULL;
    size_t count = 0;
    snprintf(names, sizeof(names), "%s", text);
    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (count < run->count)
            snprintf(run->jobs[count].name, sizeof(run->jobs[count].name), "%s", name);
        count++;
    }
    if (count != run->count)
        return sl_args_wrong(call,
                             "%zu nodes for %zu cards: name one node for each, as in --node a,b",
                             count, run->count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(run->jobs[i].name, run->jobs[j].name) == 0)
                return sl_args_wrong(call,
                                     "%s is named twice: two boards with one identity harm "
                                     "each other.",
                                     run->jobs[i].name);
    return SL_EXIT_OK;
}

/* Whether a card has its keys, and what is known of it (to be freed). A note that cannot be read is
 * one all the same. */
static bool was_flashed(const char *folder, char **ret_note)
{
    char *note = NULL;
    int rc = sl_files_read(folder, FLASHED, NAMES_TEXT, &note, NULL);
    if (rc == -ENOENT)
        return false;
    if (rc < 0)
        note = sl_output_format("its note cannot be read (%s)", strerror(-rc));
    note[strcspn(note, "\n")] = '\0';
    *ret_note = note;
    return true;
}

/* What a bundle lacks that a node cannot start without, or NULL. */
static const char *missing_file(const char *folder)
{
    static const char *const files[] = {"node.crt", "node.key", "node.seed", "ca.crt",
                                        "network.key"};
    for (size_t i = 0; i < SL_ARRAY_LEN(files); i++)
        if (!sl_files_exist(folder, files[i]))
            return files[i];
    return NULL;
}

/* Why no card can be made of that node, in words that follow its name; NULL if one can. */
static const char *node_fault(const struct sl_issued *issued, const char *folder)
{
    if (!issued || issued->kind != SL_ISSUED_NODE)
        return "is no node of this network; make it first: starling node add";
    if (issued->revoked != 0)
        return "was revoked; take another name: starling node add";
    if (issued->not_after < sl_network_now())
        return "has expired; make another: starling node add";
    if (!sl_files_exist(folder, "node.crt"))
        return "is not here any more: its bundle was taken away";
    return NULL;
}

/* Told if so. */
static bool is_on_a_card(const char *name, const char *folder)
{
    char *note = NULL;
    if (!was_flashed(folder, &note))
        return false;
    sl_output_error("node %s is on a card already: %s.\n"
                    "  If that card is lost: starling network revoke %s, and make another node.\n"
                    "  If it is in your hand and will be overwritten: --again",
                    name, note, name);
    free(note);
    return true;
}

/* Whether the bundle in that folder may go onto a card; told if not. */
static bool check_bundle(const struct sl_network *network, const char *name, const char *folder,
                         bool again)
{
    const char *fault = node_fault(sl_network_find(network, name), folder);
    if (fault) {
        sl_output_error("node %s %s.", name, fault);
        return false;
    }
    if (sl_files_exist(folder, "answer")) {
        sl_output_error(
            "node %s made its keys itself, and they are on its card only: an image written "
            "there would destroy them.\n"
            "  Copy %s/answer into the folder `starling` of the card's partition BOOT.",
            name, folder);
        return false;
    }
    const char *missing = missing_file(folder);
    if (missing) {
        sl_output_error(
            "the bundle of node %s is not whole: there is no %s/%s.\n"
            "  Bring that file back from a backup, or revoke the node and make another.",
            name, folder, missing);
        return false;
    }
    return again || !is_on_a_card(name, folder);
}

/* The folder of a node's bundle, to be freed, if it may be put on a card. NULL: told. */
static char *find_bundle(const struct sl_network *network, const char *name, bool again)
{
    char *folder = sl_output_format("%s/nodes/%s", network->folder, name);
    if (check_bundle(network, name, folder, again))
        return folder;
    free(folder);
    return NULL;
}

static int find_card(struct job *job, uint64_t bytes)
{
    char what[256];
    int rc = sl_card_find(&this_system, job->flash.device, &job->card);
    if (rc == -ENOENT)
        sl_output_error("%s is no disk. `starling flash --list` shows the cards that are there.",
                        job->flash.device);
    else if (rc == -EISDIR)
        sl_output_error("%s is a partition; name the whole card: /dev/%s", job->flash.device,
                        job->card.name);
    if (rc < 0)
        return rc;
    sl_card_explain(&job->card, what, sizeof(what));
    if (what[0] != '\0') {
        sl_output_error("%s %s.", job->flash.device, what);
        return -EBUSY;
    }
    if (job->card.bytes < bytes) {
        sl_output_error("%s is too small: it has %llu MiB, the image needs %llu.",
                        job->flash.device, (unsigned long long)job->card.bytes >> 20,
                        (unsigned long long)bytes >> 20);
        return -ENOSPC;
    }
    return 0;
}

/* ---- Asking ---- */

static void show_cards(const struct run *run)
{
    static const char *const headings[] = {"card", "what it is", ">size", "holds now", "becomes"};
    struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
    for (size_t i = 0; i < run->count; i++) {
        const struct job *job = &run->jobs[i];
        sl_table_cell(table, "%s", job->flash.device);
        sl_table_cell(table, "%s", job->card.model[0] ? job->card.model : "card");
        sl_table_cell(table, "%.1f GB", (double)job->card.bytes / 1e9);
        sl_table_cell(table, "%s", job->card.holds[0] ? job->card.holds : "nothing known");
        sl_table_cell(table, "%s", job->name[0] ? job->name : "a board that asks to be admitted");
    }
    sl_table_print(table, stdout);
    sl_table_free(table);
}

static bool confirmed(const struct run *run)
{
    char answer[16];
    if (run->board[0] != '\0' && !run->json)
        printf("The image is for: %s\n", run->board);
    if (run->to_file || run->yes)
        return true;
    show_cards(run);
    if (!isatty(STDIN_FILENO)) {
        sl_output_error("nobody is here to say yes: add --yes if that is right.");
        return false;
    }
    printf("Everything on %s will be lost. Write? Type yes: ",
           run->count == 1 ? "this card" : "these cards");
    fflush(stdout);
    if (fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0)
        return true;
    printf("Nothing was written.\n");
    return false;
}

/* ---- Writing ---- */

static struct run *running; /* for the signal handler, which only sets flags */

static void on_signal(int number)
{
    (void)number;
    for (size_t i = 0; running && i < running->count; i++)
        running->jobs[i].flash.cancel = true;
}

static void *work(void *arg)
{
    struct job *job = arg;
    sl_flash_run(&job->flash);
    return NULL;
}

static double seconds_since(const struct timespec *began)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + 1e-9 * (double)(now.tv_nsec - began->tv_nsec);
}

static void show_progress(struct job *job)
{
    static const char *const phases[] = {[SL_FLASH_WRITING] = "writing",
                                         [SL_FLASH_CHECKING] = "checking",
                                         [SL_FLASH_BUNDLE] = "bundle",
                                         [SL_FLASH_DONE] = "done",
                                         [SL_FLASH_FAILED] = "FAILED"};
    int phase = job->flash.phase;
    uint64_t total = job->flash.total, done = job->flash.done;
    /* Reading back takes about as long as writing: each is half of the bar. */
    double share = total > 0 ? (double)done / (double)total / 2 : 0;
    if (phase >= SL_FLASH_CHECKING)
        share += 0.5;
    if (phase >= SL_FLASH_BUNDLE)
        share = 1;
    char left[SL_WORDS_MAX] = "";
    double passed = seconds_since(&job->began);
    if (phase <= SL_FLASH_CHECKING && share > 0.02)
        sl_words_duration((int64_t)(passed / share * (1 - share)) + 1, left);
    int filled = (int)(share * BAR_WIDTH);
    printf("\033[K%-16s [%.*s%*s] %3d %% %-8s %s%s\n", job->flash.device, filled,
           "########################", BAR_WIDTH - filled, "", (int)(share * 100), phases[phase],
           left, left[0] ? " left" : "");
}

static bool all_ended(const struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->jobs[i].running && run->jobs[i].flash.phase < SL_FLASH_DONE)
            return false;
    return true;
}

static void watch(struct run *run)
{
    bool terminal = isatty(STDOUT_FILENO) == 1;
    const struct timespec pause = {0, REFRESH_NS};
    bool first = true, ended = false;
    while (!ended) {
        ended = all_ended(run);
        if (terminal) {
            if (!first)
                printf("\033[%zuA", run->count);
            for (size_t i = 0; i < run->count; i++)
                show_progress(&run->jobs[i]);
            fflush(stdout);
        }
        first = false;
        if (!ended)
            nanosleep(&pause, NULL);
    }
}

/* That its keys are on a card, or may be, is written down before they are. */
static int note_flashed(const struct job *job)
{
    char text[256], date[SL_WORDS_MAX];
    sl_words_date_time(time(NULL), date);
    int len = snprintf(text, sizeof(text), "%s, %s\n", job->flash.device, date);
    int rc = sl_files_write(job->bundle, FLASHED, text, (size_t)len, 0600);
    /* Through sudo it is root who writes, in somebody else's folder. */
    char *note = sl_output_format("%s/" FLASHED, job->bundle);
    struct stat owner;
    if (rc == 0 && stat(job->bundle, &owner) == 0)
        rc = lchown(note, owner.st_uid, owner.st_gid) < 0 ? -errno : 0;
    free(note);
    return rc;
}

static void start(struct run *run)
{
    struct sigaction action = {.sa_handler = on_signal};
    running = run;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    for (size_t i = 0; i < run->count; i++) {
        struct job *job = &run->jobs[i];
        clock_gettime(CLOCK_MONOTONIC, &job->began);
        int error = pthread_create(&job->thread, NULL, work, job);
        job->running = error == 0;
        if (error != 0) {
            snprintf(job->flash.error, sizeof(job->flash.error), "%s", strerror(error));
            job->flash.phase = SL_FLASH_FAILED;
        }
    }
    watch(run);
    for (size_t i = 0; i < run->count; i++)
        if (run->jobs[i].running)
            pthread_join(run->jobs[i].thread, NULL);
}

static size_t report(struct run *run)
{
    size_t failed = 0;
    json_t *cards = json_array();
    for (size_t i = 0; i < run->count; i++) {
        struct job *job = &run->jobs[i];
        bool good = job->flash.phase == SL_FLASH_DONE;
        failed += !good;
        /* Keys that never came near the card may go onto another. */
        if (!good && job->bundle && !job->flash.bundle_begun) {
            char *mark = sl_output_format("%s/" FLASHED, job->bundle);
            unlink(mark);
            free(mark);
        }
        if (run->json)
            json_array_append_new(cards,
                                  json_pack("{ss ss sb ss sI}", "device", job->flash.device, "node",
                                            job->name, "good", good, "error", job->flash.error,
                                            "written", (json_int_t)job->flash.written));
        else if (good)
            printf("%s: %s, written and read back (%llu MiB)\n", job->flash.device,
                   job->name[0] ? job->name : "a board that asks to be admitted",
                   (unsigned long long)job->flash.written >> 20);
        else
            sl_output_error("%s: %s.", job->flash.device, job->flash.error);
    }
    if (run->json) {
        json_t *json = json_pack("{ss so}", "board", run->board, "cards", cards);
        sl_ask_print(json);
        json_decref(json);
    } else {
        json_decref(cards);
    }
    return failed;
}

/* ---- The command ---- */

static int list_cards(const struct sl_call *call)
{
    static const char *const headings[] = {"card", "what it is", ">size", "holds",
                                           "can be written"};
    struct sl_card cards[SL_CARDS_MAX];
    size_t count = sl_card_list(&this_system, cards);
    struct sl_table *table = sl_table_new(headings, SL_ARRAY_LEN(headings));
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char what[256];
        sl_card_explain(&cards[i], what, sizeof(what));
        json_array_append_new(list, json_pack("{s:s+ ss sI ss sb ss}", "device", "/dev/",
                                              cards[i].name, "model", cards[i].model, "bytes",
                                              (json_int_t)cards[i].bytes, "holds", cards[i].holds,
                                              "writable", what[0] == '\0', "why_not", what));
        sl_table_cell(table, "/dev/%s", cards[i].name);
        sl_table_cell(table, "%s", cards[i].model);
        sl_table_cell(table, "%.1f GB", (double)cards[i].bytes / 1e9);
        sl_table_cell(table, "%s", cards[i].holds);
        sl_table_cell(table, "%s", what[0] == '\0' ? "yes" : what);
    }
    if (call->settings->json) {
        json_t *json = json_pack("{sO}", "cards", list);
        sl_ask_print(json);
        json_decref(json);
    } else if (count > 0) {
        sl_table_print(table, stdout);
    } else {
        printf("There is no disk at all here. Put the card into its reader and try again.\n");
    }
    json_decref(list);
    sl_table_free(table);
    return SL_EXIT_OK;
}

/* Everything that can be known before a byte is written. */
static int prepare(struct sl_call *call, struct run *run, bool again, bool with_nodes)
{
    struct sl_image image;
    const char *path = call->args[0];
    int rc = sl_image_open(path, &image);
    if (rc < 0) {
        sl_output_error(rc == -EBADMSG ? "%s is no image of Starling, or is cut off."
                                       : "%s cannot be read: %s.",
                        path, strerror(-rc));
        return rc;
    }
    uint64_t bytes = image.bytes;
    run->board = sl_output_cleaned(image.board, SL_CLEAN_NAME);
    sl_image_close(&image);
    if (with_nodes)
        rc = sl_network_open(call->settings->network, true, &run->network);
    for (size_t i = 0; rc == 0 && i < run->count; i++) {
        struct job *job = &run->jobs[i];
        if (!run->to_file)
            rc = find_card(job, bytes);
        if (rc == 0 && with_nodes) {
            job->bundle = find_bundle(run->network, job->name, again);
            job->flash.bundle = job->bundle;
            rc = job->bundle ? 0 : -EINVAL;
        }
    }
    return rc;
}

static int flash_all(struct run *run)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->count; i++)
        if (run->jobs[i].bundle)
            rc = note_flashed(&run->jobs[i]);
    if (rc < 0) {
        sl_output_error("the network's folder cannot be written: %s.", strerror(-rc));
        return SL_EXIT_FAILURE;
    }
    start(run);
    return report(run) == 0 ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

static int run_flash(struct sl_call *call)
{
    const char *names = NULL;
    bool list = false, to_file = false, resume = false, again = false, yes = false;
    const struct sl_option options[] = {
        {"node", 0, "NAME,...", "the node of each card, in their order", &names, NULL},
        {"list", 0, NULL, "only show the cards that are there", NULL, &list},
        {"to-file", 0, NULL, "each CARD is a file, which is made", NULL, &to_file},
        {"resume", 0, NULL, "go on with a card that was pulled out", NULL, &resume},
        {"again", 0, NULL, "a node whose card is in your hand", NULL, &again},
        {"yes", 0, NULL, "do not ask", NULL, &yes},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    if (list)
        return list_cards(call);
    if (call->arg_count < 2)
        return sl_args_wrong(call, "name the image and the cards: starling flash IMAGE /dev/sdX "
                                   "--node NAME");
    if (call->arg_count - 1 > SL_CARDS_MAX)
        return sl_args_wrong(call, "at most %d cards at once.", SL_CARDS_MAX);
    struct run *run = calloc(1, sizeof(*run));
    if (!run)
        return SL_EXIT_FAILURE;
    run->to_file = to_file;
    run->yes = yes;
    run->json = call->settings->json;
    run->count = (size_t)call->arg_count - 1;
    for (size_t i = 0; i < run->count; i++) {
        run->jobs[i].flash.image = call->args[0];
        run->jobs[i].flash.device = call->args[i + 1];
        run->jobs[i].flash.resume = resume;
        run->jobs[i].flash.to_file = to_file;
    }
    int code = names ? take_names(call, run, names) : SL_EXIT_OK;
    if (code == SL_EXIT_OK) {
        int rc = prepare(call, run, again, names != NULL);
        code = rc == 0 && confirmed(run) ? flash_all(run) : SL_EXIT_FAILURE;
    }
    for (size_t i = 0; i < run->count; i++)
        free(run->jobs[i].bundle);
    sl_network_close(run->network);
    free(run->board);
    free(run);
    return code;
}

const struct sl_command sl_cmd_flash = {
    .name = "flash",
    .arguments = "IMAGE CARD... [--node NAME,...]",
    .summary = "Writes cards: an image, and the identity of one node on each (organisers)",
    .help = "Each card gets the image, is read back, and then gets the bundle of its node.\n"
            "Without --node the board makes its own keys at its first start and asks to be\n"
            "admitted (starling node admit). An identity goes onto one card only.\n\n"
            "Examples:\n"
            "  starling flash --list\n"
            "  sudo starling flash starling-rpi.img.zst /dev/sdb --node lamp-post\n"
            "  sudo starling flash starling-rpi.img.zst /dev/sdb /dev/sdc --node north,south\n"
            "  starling flash starling-qemu-virt.img.zst card.img --to-file --node north\n",
    .takes = SL_TAKES_JSON | SL_TAKES_NETWORK,
    .arg_max = -1,
    .run = run_flash,
};
