/* starling simulate: how many boards a square needs, before anybody carries one there. */
#include "commands.h"

#include "output.h"
#include "simulate.h"
#include "words.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BOARDS_MIN = 2,
    BOARDS_MAX = 2000,
    PEOPLE_A_BOARD = 10, /* unless it is said */
    BAR_COLUMNS = 30,
};

#define MESSAGES_DEFAULT 3.0 /* of each person in an hour */

/* What the command line said, as text. */
struct wishes {
    const char *boards, *field, *area, *people, *messages, *minutes, *seed, *until, *trace, *svg;
    const char *radio, *bluetooth, *both;
    bool comes_and_goes, compare;
};

/* ---- Options ---- */

static bool take_number(const struct sl_call *call, const char *option, const char *text,
                        const double range[2], double *ret_number)
{
    char *end;
    if (text == NULL)
        return true;
    errno = 0;
    double number = strtod(text, &end);
    if (errno == 0 && end != text && *end == '\0' && number >= range[0] && number <= range[1]) {
        *ret_number = number;
        return true;
    }
    sl_args_wrong(call, "--%s takes a number from %g to %g, not '%s'.", option, range[0], range[1],
                  text);
    return false;
}

static bool take_count(const struct sl_call *call, const char *option, const char *text,
                       const long range[2], long *ret_count)
{
    char *end;
    if (text == NULL)
        return true;
    errno = 0;
    long count = strtol(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && count >= range[0] && count <= range[1]) {
        *ret_count = count;
        return true;
    }
    sl_args_wrong(call, "--%s takes a whole number from %ld to %ld, not '%s'.", option, range[0],
                  range[1], text);
    return false;
}

static bool take_seed(const struct sl_call *call, const char *text, uint64_t *ret_seed)
{
    char *end;
    if (text == NULL)
        return true;
    errno = 0;
    unsigned long long seed = strtoull(text, &end, 10);
    if (errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0') {
        *ret_seed = seed;
        return true;
    }
    sl_args_wrong(call, "--seed takes a whole number, not '%s'.", text);
    return false;
}

static bool take_field(const struct sl_call *call, const char *text, enum sl_crowd_field *ret_field)
{
    const char *names[SL_CROWD_FIELDS];
    if (text == NULL)
        return true;
    for (unsigned i = 0; i < SL_CROWD_FIELDS; i++) {
        names[i] = sl_crowd_field_name(i);
        if (strcmp(text, names[i]) != 0)
            continue;
        *ret_field = i;
        return true;
    }
    char *near = sl_args_suggest(text, names, SL_CROWD_FIELDS);
    if (near != NULL)
        sl_args_wrong(call, "no field '%s'. Did you mean %s?", text, near);
    else
        sl_args_wrong(call, "no field '%s'. The help lists them.", text);
    free(near);
    return false;
}

/* "200x150": metres. */
static bool take_area(const struct sl_call *call, const char *text, struct sl_crowd_config *config)
{
    char *end;
    if (text == NULL)
        return true;
    double width = strtod(text, &end), height = 0;
    bool fine = end != text && (*end == 'x' || *end == 'X');
    if (fine) {
        const char *rest = end + 1;
        height = strtod(rest, &end);
        fine = end != rest && (*end == '\0' || strcmp(end, "m") == 0);
    }
    if (!fine || !(width >= 1 && width <= 1e4 && height >= 1 && height <= 1e4)) {
        sl_args_wrong(call, "--area takes WIDTHxHEIGHT in metres, like 200x150, not '%s'.", text);
        return false;
    }
    if (config->field != SL_CROWD_STANDING) {
        sl_args_wrong(call, "--area is for the field 'standing': the others have their own size.");
        return false;
    }
    config->width_m = width;
    config->height_m = height;
    return true;
}

/* All boards have the same, or so many of a hundred have this and that. */
static bool take_radios(const struct sl_call *call, const struct wishes *wishes,
                        struct sl_crowd_config *config)
{
    static const long percent_range[] = {0, 100};
    static const struct {
        const char *name;
        unsigned bluetooth, both;
    } radios[] = {{"wifi", 0, 0}, {"bluetooth", 100, 0}, {"both", 0, 100}};
    long bluetooth = 0, both = 0;
    size_t at = 0;
    if (!take_count(call, "bluetooth", wishes->bluetooth, percent_range, &bluetooth) ||
        !take_count(call, "both", wishes->both, percent_range, &both))
        return false;
    while (wishes->radio != NULL && at < SL_ARRAY_LEN(radios) &&
           strcmp(wishes->radio, radios[at].name) != 0)
        at++;
    if (at == SL_ARRAY_LEN(radios)) {
        sl_args_wrong(call, "--radio takes wifi, bluetooth or both, not '%s'.", wishes->radio);
        return false;
    }
    if (wishes->radio != NULL && (wishes->bluetooth != NULL || wishes->both != NULL)) {
        sl_args_wrong(call, "--radio is for all boards; --bluetooth and --both are for a share of "
                            "them. Give one or the other.");
        return false;
    }
    if (bluetooth + both > 100) {
        sl_args_wrong(call, "--bluetooth and --both together are more than 100 of 100 boards.");
        return false;
    }
    config->bluetooth_percent = wishes->radio != NULL ? radios[at].bluetooth : (unsigned)bluetooth;
    config->both_percent = wishes->radio != NULL ? radios[at].both : (unsigned)both;
    if (wishes->compare && config->bluetooth_percent + config->both_percent > 0) {
        sl_args_wrong(call, "--compare is for Wi-Fi: the other meshes have no Bluetooth here.");
        return false;
    }
    return true;
}

static bool take_times(const struct sl_call *call, const struct wishes *wishes,
                       struct sl_crowd_config *config)
{
    static const double minutes_range[] = {0.1, 1440}, until_range[] = {1, 1e6};
    double minutes = 3, until = 0;
    if (!take_number(call, "minutes", wishes->minutes, minutes_range, &minutes) ||
        !take_number(call, "until", wishes->until, until_range, &until))
        return false;
    config->chat = (sl_time)(minutes * (double)SL_MINUTE);
    config->until = (sl_time)(until * (double)SL_SECOND);
    return true;
}

/* False: told what is wrong. */
static bool read_wishes(const struct sl_call *call, const struct wishes *wishes,
                        struct sl_simulation *run)
{
    static const long boards_range[] = {BOARDS_MIN, BOARDS_MAX}, people_range[] = {1, 1000000};
    static const double messages_range[] = {0, 3600};
    struct sl_crowd_config *config = &run->config;
    long boards = config->node_count;
    double messages = MESSAGES_DEFAULT;
    if (!take_count(call, "boards", wishes->boards, boards_range, &boards))
        return false;
    run->people = boards * PEOPLE_A_BOARD;
    config->node_count = (int)boards;
    config->churn = wishes->comes_and_goes;
    if (!take_count(call, "people", wishes->people, people_range, &run->people) ||
        !take_number(call, "messages", wishes->messages, messages_range, &messages) ||
        !take_seed(call, wishes->seed, &config->seed) ||
        !take_field(call, wishes->field, &config->field) ||
        !take_area(call, wishes->area, config) || !take_times(call, wishes, config) ||
        !take_radios(call, wishes, config))
        return false;
    config->messages_per_hour = messages * (double)run->people / (double)boards;
    return true;
}

/* ---- Running ---- */

struct bar {
    FILE *to; /* NULL: nobody looks */
    size_t run, run_count;
    int shown;
};

static void show_progress(void *arg, double share)
{
    struct bar *bar = arg;
    int percent = (int)(100 * ((double)bar->run + share) / (double)bar->run_count);
    if (bar->to == NULL || percent == bar->shown)
        return;
    bar->shown = percent;
    char line[BAR_COLUMNS + 1];
    for (int i = 0; i < BAR_COLUMNS; i++)
        line[i] = i * 100 < percent * BAR_COLUMNS ? '#' : '.';
    line[BAR_COLUMNS] = '\0';
    fprintf(bar->to, "\r  [%s] %3d %%", line, percent);
    fflush(bar->to);
}

static void end_progress(const struct bar *bar)
{
    if (bar->to != NULL && bar->shown >= 0)
        fprintf(bar->to, "\r%*s\r", BAR_COLUMNS + 12, "");
}

static void make_run(struct sl_simulation *run, struct bar *bar)
{
    run->config.progress = show_progress;
    run->config.progress_arg = bar;
    run->config.picture = &run->picture;
    sl_crowd_run(&run->config, &run->result);
    sl_gaps_find(&run->picture, &run->gaps);
    bar->run++;
}

static void free_run(struct sl_simulation *run)
{
    sl_gaps_done(&run->gaps);
    sl_crowd_picture_done(&run->picture);
}

/* ---- What comes out ---- */

/* Opened before the run: a wrong path costs no minutes. */
static bool open_file(const char *path, FILE **ret_file)
{
    if (path == NULL)
        return true;
    *ret_file = fopen(path, "w");
    if (*ret_file == NULL)
        sl_output_error("%s cannot be written: %s.", path, strerror(errno));
    return *ret_file != NULL;
}

static bool close_file(const char *path, FILE *file)
{
    if (file == NULL)
        return true;
    bool written = !ferror(file);
    if (fclose(file) == 0 && written)
        return true;
    sl_output_error("%s could not be written whole: %s.", path, strerror(errno));
    return false;
}

static void print_json(const struct sl_simulation *run, const struct sl_simulation *others,
                       size_t other_count)
{
    json_t *answer = sl_simulate_json(run, others, other_count);
    json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(answer);
}

static void run_all(const struct sl_call *call, const struct wishes *wishes,
                    struct sl_simulation runs[SL_CROWD_MODES], FILE *svg)
{
    size_t count = wishes->compare ? SL_CROWD_MODES : 1;
    struct bar bar = {
        .to = sl_output_columns(stderr) > 0 ? stderr : NULL, .run_count = count, .shown = -1};
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            runs[i].config = runs[0].config;
            runs[i].config.trace = NULL;
            runs[i].people = runs[0].people;
        }
        runs[i].config.mode = (enum sl_crowd_mode)i;
        make_run(&runs[i], &bar);
    }
    end_progress(&bar);
    if (svg != NULL) {
        char *text = sl_simulate_svg(runs, count);
        fputs(text, svg);
        free(text);
    }
    if (call->settings->json)
        print_json(&runs[0], runs + 1, count - 1);
    else
        sl_simulate_print(stdout, &runs[0], runs + 1, count - 1);
    for (size_t i = 0; i < count; i++)
        free_run(&runs[i]);
}

static int run(struct sl_call *call)
{
    struct wishes wishes = {0};
    struct sl_simulation runs[SL_CROWD_MODES] = {0};
    FILE *svg = NULL, *trace = NULL;
    const struct sl_option options[] = {
        {"boards", 'n', "N", "boards in the field (30)", &wishes.boards, NULL},
        {"field", 0, "NAME", "standing, marching, courier, ... (standing)", &wishes.field, NULL},
        {"area", 0, "WIDTHxHEIGHT", "its size in metres (20 neighbours a board)", &wishes.area,
         NULL},
        {"people", 0, "N", "people who write (10 a board)", &wishes.people, NULL},
        {"messages", 0, "N", "each person's in an hour (3)", &wishes.messages, NULL},
        {"minutes", 0, "N", "how long they write (3)", &wishes.minutes, NULL},
        {"radio", 0, "WHICH", "of all boards: wifi, bluetooth or both (wifi)", &wishes.radio, NULL},
        {"bluetooth", 0, "PERCENT", "of the boards have Bluetooth only (0)", &wishes.bluetooth,
         NULL},
        {"both", 0, "PERCENT", "of them have both (0)", &wishes.both, NULL},
        {"comes-and-goes", 0, NULL, "boards arrive, leave, lose power and their disks", NULL,
         &wishes.comes_and_goes},
        {"seed", 0, "N", "another one is another crowd (1)", &wishes.seed, NULL},
        {"compare", 0, NULL, "beside plain flooding and the rules of phone meshes", NULL,
         &wishes.compare},
        {"svg", 0, "FILE", "draw the field and how fast messages arrive", &wishes.svg, NULL},
        {"until", 0, "SECONDS", "stop early", &wishes.until, NULL},
        {"trace", 0, "FILE", "one line for each event", &wishes.trace, NULL},
    };
    sl_crowd_config_init(&runs[0].config);
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    if (!read_wishes(call, &wishes, &runs[0]))
        return SL_EXIT_USAGE;
    bool fine = open_file(wishes.svg, &svg) && open_file(wishes.trace, &trace);
    runs[0].config.trace = trace;
    if (fine)
        run_all(call, &wishes, runs, svg);
    fine = close_file(wishes.svg, svg) && fine;
    fine = close_file(wishes.trace, trace) && fine;
    for (size_t i = 0; i < SL_CROWD_MODES; i++)
        fine = fine && runs[i].result.violation[0] == '\0';
    return fine ? SL_EXIT_OK : SL_EXIT_FAILURE;
}

const struct sl_command sl_cmd_simulate = {
    .name = "simulate",
    .arguments = "[--boards N] [--area WIDTHxHEIGHT] [OPTION]...",
    .summary = "Finds out how many boards a place needs, without one",
    .help = "Runs the code of the boards in a crowd that exists in memory only: positions,\n"
            "radio, people and chance come from the seed, so that the same command gives the\n"
            "same answer again. No network and no starlingd is needed.\n\n"
            "Fields: standing (a crowd in a square), packed (so close that all hear one\n"
            "another), marching (a column that walks), gathering (people come, and go home),\n"
            "courier (two squares out of reach, and somebody who walks between them),\n"
            "building (rooms and storeys), ring and line (lamp posts, 25 m apart).\n\n"
            "Examples:\n"
            "  starling simulate --boards 40 --area 200x150\n"
            "  starling simulate --boards 100 --field marching --people 3000 --svg march.svg\n"
            "  starling simulate --boards 60 --comes-and-goes --compare\n"
            "  starling simulate --boards 50 --bluetooth 40 --both 20\n",
    .takes = SL_TAKES_JSON,
    .run = run,
};
