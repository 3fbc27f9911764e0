/* What keeps a node from others that has nothing to do with radios. */
#include "doctor.h"

#include "ask.h"
#include "refusals.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- starlingd ---- */

void sl_doctor_daemon(struct sl_doctor *doctor)
{
    const char *path = doctor->socket_path ? doctor->socket_path : "its socket";
    switch (doctor->daemon_error) {
    case 0:
        sl_doctor_found_text(doctor, SL_DOCTOR_GOOD, "daemon", NULL, "starlingd %s runs",
                             sl_ask_text(json_object_get(doctor->status, "node"), "version"));
        return;
    case -EACCES:
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, "daemon",
                             "join its group with 'adduser YOU starling' as root, and log in "
                             "again; or set 'control-mode = 0666' under [node]",
                             "you may not talk to starlingd through %s", path);
        return;
    case -ENOENT:
    case -ECONNREFUSED:
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, "daemon",
                             "'systemctl start starlingd' as root; if it does not stay, "
                             "'starlingd --check' and 'journalctl -u starlingd' say why",
                             "starlingd does not run: nobody answers at %s", path);
        return;
    default:
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, "daemon",
                             "'systemctl restart starlingd' as root; 'journalctl -u starlingd' has "
                             "its last words",
                             "starlingd does not answer at %s: %s", path,
                             strerror(-doctor->daemon_error));
        return;
    }
}

/* ---- Time and certificate ---- */

void sl_doctor_clock(struct sl_doctor *doctor)
{
    const char *source = sl_ask_text(json_object_get(doctor->status, "clock"), "source");
    bool unset = doctor->status ? strcmp(source, "unset") == 0 || strcmp(source, "stored") == 0
                                : time(NULL) < SL_DOCTOR_EARLIEST;
    if (unset)
        sl_doctor_found(doctor, SL_DOCTOR_NOTE, "clock",
                        "the clock is not set: until a neighbour or NTP tells the time, it goes on "
                        "from the last one known, if any",
                        "'date -s \"2027-03-01 14:02\"' as root sets it");
    else
        sl_doctor_found(doctor, SL_DOCTOR_GOOD, "clock", "the clock is set", NULL);
}

void sl_doctor_certificate(struct sl_doctor *doctor)
{
    json_t *certificate = json_object_get(json_object_get(doctor->status, "node"), "certificate");
    if (!certificate)
        return;
    int64_t left = sl_ask_number(certificate, "not_after") - (int64_t)time(NULL);
    char until[SL_WORDS_MAX];
    sl_words_date(sl_ask_number(certificate, "not_after"), until);
    if (json_is_true(json_object_get(certificate, "revoked")))
        sl_doctor_found(doctor, SL_DOCTOR_BAD, "certificate",
                        "this node was revoked by its network: others refuse it",
                        "ask the organiser for a new bundle");
    else if (json_is_true(json_object_get(certificate, "expired")))
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, "certificate",
                             "ask the organiser for a new bundle ('starling node add')",
                             "this node's certificate has expired on %s: others refuse it", until);
    else if (left < 14 * 86400)
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, "certificate",
                             "ask the organiser for a new bundle ('starling node add')",
                             "this node's certificate ends on %s", until);
    else
        sl_doctor_found_text(doctor, SL_DOCTOR_GOOD, "certificate", NULL,
                             "the certificate is good until %s", until);
}

void sl_doctor_store(struct sl_doctor *doctor)
{
    const char *error = sl_ask_text(json_object_get(doctor->status, "store"), "error");
    if (error[0] != '\0')
        sl_doctor_found_text(doctor, SL_DOCTOR_NOTE, "store",
                             "make room on the disk, or see that the folder 'state' under [node] "
                             "can be written to",
                             "messages are kept in memory only: %s", error);
}

/* ---- IPv6 ---- */

void sl_doctor_ipv6(struct sl_doctor *doctor)
{
    char value = '1';
    int fd = open("/proc/sys/net/ipv6/conf/all/disable_ipv6", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, &value, 1) : -1;
    if (fd >= 0)
        close(fd);
    if (fd < 0 && errno == ENOENT)
        sl_doctor_found(doctor, SL_DOCTOR_BAD, "ipv6",
                        "this kernel has no IPv6, which links over Wi-Fi and cables need",
                        "boot without ipv6.disable=1");
    else if (len == 1 && value == '1')
        sl_doctor_found(doctor, SL_DOCTOR_BAD, "ipv6",
                        "IPv6 is switched off, which links over Wi-Fi and cables need",
                        "'sysctl net.ipv6.conf.all.disable_ipv6=0' as root");
}

/* ---- Neighbours ---- */

static const char *any_refusal(json_t *refused)
{
    const char *word;
    json_t *count;
    json_object_foreach (refused, word, count)
        if (json_integer_value(count) > 0)
            return word;
    return NULL;
}

void sl_doctor_neighbours(struct sl_doctor *doctor)
{
    if (!doctor->status)
        return;
    int64_t up = sl_ask_number(doctor->status, "neighbours"),
            heard = sl_ask_number(doctor->status, "heard");
    const char *refusal = any_refusal(json_object_get(doctor->status, "refused"));
    if (up > 0)
        sl_doctor_found_text(doctor, SL_DOCTOR_GOOD, "neighbours", NULL,
                             "%lld neighbour%s in reach", (long long)up, up == 1 ? "" : "s");
    else if (json_array_size(json_object_get(doctor->status, "bearers")) == 0)
        sl_doctor_found(doctor, SL_DOCTOR_BAD, "neighbours",
                        "nothing carries this node's messages: no interface is usable",
                        "see what was said of radios above; or plug in a cable");
    else if (refusal)
        sl_doctor_found_text(doctor, SL_DOCTOR_BAD, "neighbours",
                             "'starling neighbours' says how many, and what each reason means",
                             "nodes are in reach, but links to them were refused: %s",
                             sl_refusal_words(refusal));
    else if (heard > 0)
        sl_doctor_found(doctor, SL_DOCTOR_NOTE, "neighbours",
                        "somebody is heard, but there is no link yet", "wait some seconds");
    else
        sl_doctor_found(doctor, SL_DOCTOR_BAD, "neighbours", "no other node is heard",
                        "see that another board of this network is on, near, and on the same cell "
                        "and channel ('starling radios' on both)");
}
