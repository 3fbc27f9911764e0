/* Admission of a board that made its own keys, as text (PROTOCOL.md, Admission):
 *
 *   starling:request/…   what the board shows; public
 *   starling:answer/…    the organiser's answer, which that board alone can open
 *
 * Functions print what a person can mend, and return -errno. */
#ifndef SL_TOOLS_ADMISSION_H
#define SL_TOOLS_ADMISSION_H

#include "crypto/admission.h"
#include "network.h"

#define SL_REQUEST_PREFIX "starling:request/"
#define SL_ANSWER_PREFIX  "starling:answer/"

/* Makes folder with node.key, node.seed and request.txt, whole or not at all. -EEXIST. */
int sl_admission_begin(const char *folder);

/* The line of folder/request.txt, to be freed; NULL: told. */
char *sl_admission_line(const char *folder);

struct sl_admission_draft {
    const char *request; /* the line */
    const char *name;
    int64_t now, lifetime; /* Unix seconds, seconds */
};
/* Issues the certificate, records the node in the network, which must be open to change, and leaves
 * NETWORK/nodes/NAME/answer. */
int sl_admission_answer(struct sl_network *network, const struct sl_admission_draft *draft);

/* Makes the bundle `destination` of the answer and the keys in `folder`. ret_network takes the
 * network's name. */
int sl_admission_accept(const char *folder, const char *answer_file, const char *destination,
                        char ret_network[SL_NETWORK_NAME_MAX + 1]);

#endif
