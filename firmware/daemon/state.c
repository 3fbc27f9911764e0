/* The state folder: its lock, and the revocation list kept in it. */
#include "daemon/daemon.h"

#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CRL_NAME "network.crl"

/* A disk that may not be written can still be read, and its lock be held. */
static int open_lock(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && (errno == EROFS || errno == EACCES))
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd;
}

int sl_daemon_lock_state(struct sl_daemon *daemon)
{
    char path[SL_CONFIG_PATH_MAX + 8];
    (void)mkdir(daemon->config->state, 0700);
    snprintf(path, sizeof(path), "%s/lock", daemon->config->state);
    daemon->lock_fd = open_lock(path);
    if (daemon->lock_fd < 0)
        return 0; /* the store says what that means */
    if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        sl_log(LOG_ERR, "another starlingd works in this state folder; stop it, or give this one "
                        "another 'state' under [node]");
        return -EBUSY;
    }
    return 0;
}

static void keep_copy(struct sl_daemon *daemon, const uint8_t *crl, size_t len)
{
    uint8_t *copy = malloc(len);
    if (!copy)
        return;
    memcpy(copy, crl, len);
    free(daemon->saved_crl);
    daemon->saved_crl = copy;
    daemon->saved_crl_len = len;
}

void sl_daemon_load_crl(struct sl_daemon *daemon)
{
    uint8_t *crl = NULL;
    size_t len = 0;
    struct sl_membership membership;
    if (sl_bundle_file(daemon->config->state, CRL_NAME, &crl, &len) < 0)
        return;
    sl_credentials_membership(daemon->bundle.credentials, &membership);
    int error = membership.take_crl(membership.ctx, crl, len);
    if (error == -EBADMSG)
        sl_log(LOG_WARNING, "the revocation list in the state folder is damaged or of another "
                            "network, and is not used");
    else
        keep_copy(daemon, crl, len);
    free(crl);
}

/* A file that is there whole or not at all, whenever the power goes. */
static int replace_file(const char *folder, const char *name, const uint8_t *bytes, size_t len)
{
    char path[SL_CONFIG_PATH_MAX + 32], fresh[SL_CONFIG_PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(fresh, sizeof(fresh), "%s/%s.new", folder, name);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, bytes, len);
    int error = written < 0 ? -errno : (size_t)written < len ? -ENOSPC : 0;
    if (error == 0 && fsync(fd) < 0)
        error = -errno;
    close(fd);
    if (error == 0 && rename(fresh, path) < 0)
        error = -errno;
    return error;
}

void sl_daemon_save_crl(struct sl_daemon *daemon)
{
    size_t len = 0;
    const uint8_t *crl = sl_credentials_crl(daemon->bundle.credentials, &len);
    if (!crl || daemon->lock_fd < 0 ||
        (len == daemon->saved_crl_len && memcmp(crl, daemon->saved_crl, len) == 0))
        return;
    int error = replace_file(daemon->config->state, CRL_NAME, crl, len);
    if (error < 0)
        sl_log(LOG_WARNING, "the revocation list could not be written to the state folder: %s",
               strerror(-error));
    else
        sl_log(LOG_INFO, "a new revocation list is in force");
    keep_copy(daemon, crl, len);
}
