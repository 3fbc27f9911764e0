/* Membership and sessions without X.509 and DTLS, for tests of the mesh: certificates are plain
 * records that everyone believes, and a session is a handshake of two flights and plain messages.
 * Nothing is secret here; what is tested is what the mesh makes of it.
 *
 * certificate  network u32, serial u32, invite u32, not before i64, not after i64, key 32, name
 * length u8, name CRL          network u32, number u32, serials u32 each */
#ifndef SL_SIM_FAKE_SESSIONS_H
#define SL_SIM_FAKE_SESSIONS_H

#include "mesh/ports.h"

struct sl_fake_member;

struct sl_fake_member_config {
    const struct sl_primitives *primitives; /* borrowed: outlives the member */
    uint32_t network;
    uint32_t serial;
    uint32_t invite;               /* serial number of the invite it came through; 0: none */
    int64_t not_before, not_after; /* Unix seconds; 0: no bound */
    uint8_t key[SL_KEY_LEN];       /* Ed25519, public */
    char name[64];
};

/* One node's credentials: its certificate and the CRL it holds. NULL if out of memory. Outlives the
 * node and its sessions. */
struct sl_fake_member *sl_fake_member_new(const struct sl_fake_member_config *config);
void sl_fake_member_free(struct sl_fake_member *member);

void sl_fake_membership(struct sl_fake_member *member, struct sl_membership *ret_membership);
void sl_fake_sessions(struct sl_fake_member *member, struct sl_sessions *ret_sessions);

/* Another certificate for the same member from now on: renewed, or expired. */
void sl_fake_member_renew(struct sl_fake_member *member, uint32_t serial, int64_t not_after);

uint32_t sl_fake_member_serial(const struct sl_fake_member *member);
uint32_t sl_fake_member_crl_number(const struct sl_fake_member *member);

/* Sessions that exist now: for leaks and for caps. */
size_t sl_fake_member_session_count(const struct sl_fake_member *member);
/* Sessions that were begun as server so far: each is work. */
size_t sl_fake_member_accepted(const struct sl_fake_member *member);

/* A chain as check() reads it; its length. `cap` at least 160. */
size_t sl_fake_chain(const struct sl_fake_member_config *config, uint8_t *ret_chain, size_t cap);

/* A CRL; its length. `cap` at least 8 + 4 * count. */
size_t sl_fake_crl(uint32_t network, uint32_t number, const uint32_t *serials, size_t count,
                   uint8_t *ret_crl, size_t cap);

#endif
