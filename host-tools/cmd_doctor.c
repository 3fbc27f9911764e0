/* starling doctor: why nothing works, and what to do. */
#include "commands.h"

#include "ask.h"
#include "doctor.h"
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are worth mending. */
static const sl_doctor_check checks[] = {
    sl_doctor_daemon, sl_doctor_clock,     sl_doctor_certificate, sl_doctor_store,
    sl_doctor_wifi,   sl_doctor_bluetooth, sl_doctor_ipv6,        sl_doctor_neighbours,
};

static const char *const level_words[] = {
    [SL_DOCTOR_GOOD] = "good", [SL_DOCTOR_NOTE] = "note", [SL_DOCTOR_BAD] = "bad"};

void sl_doctor_found(struct sl_doctor *doctor, enum sl_doctor_level level, const char *check,
                     const char *text, const char *cure)
{
    json_array_append_new(doctor->findings,
                          json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "level",
                                    level_words[level], "text", text, "cure", cure));
    doctor->bad_count += level == SL_DOCTOR_BAD;
}

void sl_doctor_found_text(struct sl_doctor *doctor, enum sl_doctor_level level, const char *check,
                          const char *cure, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    sl_doctor_found(doctor, level, check, text, cure);
}

/* What starlingd knows, if it is there. Silent: the first check tells. */
static void ask_daemon(struct sl_doctor *doctor)
{
    static const char *const questions[] = {"status", "neighbours", "radios"};
    json_t **answers[] = {&doctor->status, &doctor->neighbours, &doctor->radios};
    struct sl_client *client = NULL;
    doctor->daemon_error = sl_client_open(doctor->settings->socket, &client, &doctor->socket_path);
    for (size_t i = 0; i < SL_ARRAY_LEN(questions) && doctor->daemon_error == 0; i++) {
        int rc = sl_client_call(client, questions[i], NULL, answers[i]);
        if (rc == -EREMOTEIO) { /* an older one may not know a question */
            json_decref(*answers[i]);
            *answers[i] = NULL;
        } else {
            doctor->daemon_error = rc;
        }
    }
    sl_client_free(client);
}

static void print_finding(json_t *finding)
{
    const char *level = sl_ask_text(finding, "level"), *cure = sl_ask_text(finding, "cure");
    bool bad = strcmp(level, "bad") == 0, good = strcmp(level, "good") == 0;
    size_t columns = sl_output_columns(stdout);
    printf("%s%s%s ",
           sl_output_style(stdout, bad    ? SL_STYLE_BAD
                                   : good ? SL_STYLE_GOOD
                                          : SL_STYLE_PLAIN),
           bad    ? "[!!]"
           : good ? "[ok]"
                  : "[--]",
           sl_output_style(stdout, SL_STYLE_PLAIN));
    sl_output_flow(stdout, sl_ask_text(finding, "text"),
                   (struct sl_flow){.column = 5, .indent = 5, .columns = columns});
    putchar('\n');
    if (cure[0] == '\0')
        return;
    printf("  -> ");
    sl_output_flow(stdout, cure, (struct sl_flow){.column = 5, .indent = 5, .columns = columns});
    putchar('\n');
}

static void print_all(const struct sl_doctor *doctor)
{
    json_t *finding;
    size_t i;
    json_array_foreach (doctor->findings, i, finding)
        print_finding(finding);
    if (doctor->bad_count == 0)
        printf("Nothing is wrong with this node.\n");
}

static int run(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    struct sl_doctor doctor = {.settings = call->settings, .findings = json_array()};
    ask_daemon(&doctor);
    for (size_t i = 0; i < SL_ARRAY_LEN(checks); i++)
        checks[i](&doctor);
    if (call->settings->json) {
        json_t *answer =
            json_pack("{s:O, s:b}", "findings", doctor.findings, "good", doctor.bad_count == 0);
        sl_ask_print(answer);
        json_decref(answer);
    } else {
        print_all(&doctor);
    }
    json_decref(doctor.findings);
    json_decref(doctor.status);
    json_decref(doctor.neighbours);
    json_decref(doctor.radios);
    free(doctor.socket_path);
    return doctor.bad_count > 0 ? SL_EXIT_FAILURE : SL_EXIT_OK;
}

const struct sl_command sl_cmd_doctor = {
    .name = "doctor",
    .summary = "Finds out why this node meets nobody, and what to do",
    .help = "Looks at starlingd, its clock and certificate, at radios, at what blocks or\n"
            "holds them, and at the neighbours; each finding comes with its cure. Works\n"
            "without starlingd, and as any user. Exit status 1 if something is wrong.\n\n"
            "Examples:\n"
            "  starling doctor\n"
            "  starling doctor --json\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET,
    .run = run,
};
