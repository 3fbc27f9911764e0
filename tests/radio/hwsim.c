/* Makes a virtual radio of mac80211_hwsim that can be less than all: a driver without ad hoc.
 *
 *   hwsim TYPE…         for example: hwsim managed mesh
 *
 * The radio goes with the module. The numbers are those of the kernel's mac80211_hwsim.h, which is
 * not among the headers for programs. */
#include <linux/nl80211.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { HWSIM_NEW_RADIO = 4, HWSIM_ATTR_IFTYPE_SUPPORT = 23 };

static const struct {
    const char *word;
    enum nl80211_iftype type;
} types[] = {
    {"managed", NL80211_IFTYPE_STATION},
    {"ap", NL80211_IFTYPE_AP},
    {"mesh", NL80211_IFTYPE_MESH_POINT},
    {"adhoc", NL80211_IFTYPE_ADHOC},
};

/* A bit for each word; 0 if one is not known. */
static uint32_t types_of(char **words, int count)
{
    uint32_t mask = 0;
    for (int i = 0; i < count; i++) {
        size_t at = 0;
        while (at < sizeof(types) / sizeof(types[0]) && strcmp(types[at].word, words[i]) != 0)
            at++;
        if (at == sizeof(types) / sizeof(types[0]))
            return 0;
        mask |= UINT32_C(1) << types[at].type;
    }
    return mask;
}

/* The kernel answers with the number of the radio where others answer 0, which libnl takes for an
 * error. */
static int on_answer(struct sockaddr_nl *from, struct nlmsgerr *answer, void *arg)
{
    int *error = arg;
    (void)from;
    *error = answer->error;
    return NL_STOP;
}

/* 0 or less: what libnl or the kernel finds wrong with it. */
static int make_radio(struct nl_sock *socket, uint32_t mask)
{
    int family = genl_ctrl_resolve(socket, "MAC80211_HWSIM");
    struct nl_msg *msg = family >= 0 ? nlmsg_alloc() : NULL;
    if (!msg)
        return family < 0 ? family : -NLE_NOMEM;
    if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, HWSIM_NEW_RADIO, 1) ||
        nla_put_u32(msg, HWSIM_ATTR_IFTYPE_SUPPORT, mask) < 0) {
        nlmsg_free(msg);
        return -NLE_NOMEM;
    }
    int answer = -1; /* no radio yet */
    nl_socket_modify_err_cb(socket, NL_CB_CUSTOM, on_answer, &answer);
    int error = nl_send_auto(socket, msg);
    nlmsg_free(msg);
    if (error >= 0)
        error = nl_wait_for_ack(socket);
    return answer > 0 ? 0 : error;
}

int main(int argc, char **argv)
{
    uint32_t mask = types_of(argv + 1, argc - 1);
    if (mask == 0) {
        fprintf(stderr, "usage: hwsim managed|ap|mesh|adhoc …\n");
        return 2;
    }
    struct nl_sock *socket = nl_socket_alloc();
    int error = socket ? genl_connect(socket) : -NLE_NOMEM;
    if (error == 0)
        error = make_radio(socket, mask);
    nl_socket_free(socket);
    if (error < 0)
        fprintf(stderr, "hwsim: %s\n", nl_geterror(error));
    return error < 0;
}
