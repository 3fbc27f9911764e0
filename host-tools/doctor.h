/* `starling doctor`: a table of checks, each of which looks at one thing that keeps nodes apart and
 * says what it found. They work without starlingd and without rights; a check that needs either and
 * has it not says nothing. */
#ifndef SL_TOOLS_DOCTOR_H
#define SL_TOOLS_DOCTOR_H

#include "args.h"
#include "bearers/bluetooth_system.h"

#include <jansson.h>

enum sl_doctor_level {
    SL_DOCTOR_GOOD,
    SL_DOCTOR_NOTE, /* works, and could be better */
    SL_DOCTOR_BAD,  /* keeps this node from the others */
};

/* No clock that was ever set shows less: 2024-01-01. */
#define SL_DOCTOR_EARLIEST 1704067200

struct sl_doctor {
    const struct sl_settings *settings;
    /* What starlingd answered; NULL where it did not. */
    json_t *status, *neighbours, *radios;
    int daemon_error;  /* of connecting: 0 or -errno */
    char *socket_path; /* where it was looked for; may be NULL */
    json_t *findings;  /* list of check, level, text, cure (null) */
    size_t bad_count;
};

/* One finding; `cure` is NULL if there is nothing to do. Texts are copied. */
void sl_doctor_found(struct sl_doctor *doctor, enum sl_doctor_level level, const char *check,
                     const char *text, const char *cure);

/* The same with a format for the text, and no cure within. */
void sl_doctor_found_text(struct sl_doctor *doctor, enum sl_doctor_level level, const char *check,
                          const char *cure, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

typedef void (*sl_doctor_check)(struct sl_doctor *doctor);

/* doctor_node.c */
void sl_doctor_daemon(struct sl_doctor *doctor);
void sl_doctor_clock(struct sl_doctor *doctor);
void sl_doctor_certificate(struct sl_doctor *doctor);
void sl_doctor_store(struct sl_doctor *doctor);
void sl_doctor_ipv6(struct sl_doctor *doctor);
void sl_doctor_neighbours(struct sl_doctor *doctor);

/* doctor_wifi.c */
void sl_doctor_wifi(struct sl_doctor *doctor);

/* doctor_bluetooth.c */
void sl_doctor_bluetooth(struct sl_doctor *doctor);
void sl_doctor_judge_bluetooth(struct sl_doctor *doctor, const struct sl_bluetooth_facts *facts);

#endif
