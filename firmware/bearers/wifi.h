/* Wi-Fi: brings radios to where boards meet, and gives them back as they were. It carries nothing
 * itself: the datagrams go through the UDP bearer, which finds the interfaces that come up.
 *
 * All boards meet in one cell, the same for every network: one name, one BSSID, one channel. A name
 * derived from the network would tell listeners which boards belong together and that it is the
 * same crowd as last week; one that everybody has tells only that Starling is here, which its UDP
 * port tells anyway. Boards of other networks cost one hash for each beacon, and share the channel
 * as they would in any case. The BSSID is fixed so that cells that grew apart are one from the
 * first frame on and need not merge (IEEE 802.11, 11.1.4: by timestamps, which drivers get wrong).
 */
#ifndef SL_BEARERS_WIFI_H
#define SL_BEARERS_WIFI_H

#include "bearers/bearer.h"
#include "bearers/wifi_port.h"

#define SL_WIFI_CELL     "starling"
#define SL_WIFI_CHANNEL  1 /* 2,412 MHz: allowed in every country, and every radio has it */
#define SL_WIFI_PATTERNS 8

struct sl_wifi_config {
    struct sl_wifi_wish wish;
    /* Radios or interfaces to use, by name with * and ? as in a shell: "phy0", "wlan*". */
    char patterns[SL_WIFI_PATTERNS][SL_WIFI_PHY_NAME];
    size_t pattern_count;
    char found_path[576]; /* file for how radios were found (wifi_found.h); empty: none */
};

/* auto, every radio, the cell above, 6 Mbit/s to everyone. */
void sl_wifi_config_init(struct sl_wifi_config *config);

/* Makes a controller on that kernel; takes the port also when it fails. `random` is for MAC
 * addresses. 0 or -ENOMEM. The radios are looked at when it is first ticked. Freed through its ops:
 * gives all radios back. */
int sl_wifi_new(const struct sl_wifi_config *config, const struct sl_wifi_port *port,
                const struct sl_primitives *primitives, const struct sl_bearer_host *host,
                struct sl_bearer **ret_bearer);

/* Name and rate of an interface, if it is one of a radio; else they stay as they are. */
void sl_wifi_describe(struct sl_bearer *bearer, unsigned interface, struct sl_bearer_info *info);

/* How well the neighbour with that IPv6 address is heard on an interface. Asks the kernel at most
 * once a second. False if it is not known there. */
bool sl_wifi_quality(struct sl_bearer *bearer, unsigned interface, const uint8_t address[16],
                     sl_time now, struct sl_bearer_quality *ret_quality);

/* The radios by number, 0 up, for people: false past the last. Pointers are borrowed until the next
 * tick. */
struct sl_wifi_radio_info {
    const struct sl_wifi_phy *phy;
    const struct sl_wifi_interface *interface; /* NULL: none */
    const struct sl_wifi_plan *plan;
    const char *country;
    char why[160]; /* one sentence: what it is used for, or why not and what to do */
};
bool sl_wifi_radio(const struct sl_bearer *bearer, size_t number,
                   struct sl_wifi_radio_info *ret_info);

/* ---- wifi_words.c ---- */

/* "joined", "in-use" ... */
const char *sl_wifi_state_word(enum sl_wifi_state state);
/* "ad hoc", "802.11s", "client", "access point" ... */
const char *sl_wifi_type_word(enum nl80211_iftype type);
/* The sentence for sl_wifi_radio_info. */
void sl_wifi_explain(const struct sl_wifi_plan *plan, const struct sl_wifi_wish *wish,
                     const struct sl_wifi_seen *seen, char *ret_text, size_t cap);

#endif
