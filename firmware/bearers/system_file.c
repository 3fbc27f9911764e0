#include "bearers/system_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void sl_system_read_line(const char *path, char *ret_line, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, ret_line, cap - 1) : -1;
    ret_line[len > 0 ? len : 0] = '\0';
    ret_line[strcspn(ret_line, "\n")] = '\0';
    if (fd >= 0)
        close(fd);
}
