#include "daemon/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int sl_privileges_drop(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    const uint32_t bit = CAP_TO_MASK(CAP_NET_ADMIN);
    if (syscall(SYS_capget, &header, sets) < 0)
        return -errno;
    struct __user_cap_data_struct *set = &sets[CAP_TO_INDEX(CAP_NET_ADMIN)];
    if (((set->effective | set->permitted | set->inheritable) & bit) == 0)
        return 0;
    set->effective &= ~bit;
    set->permitted &= ~bit;
    set->inheritable &= ~bit;
    /* The ambient set follows: it never holds what is not permitted. */
    return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}
