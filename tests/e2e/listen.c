/* In place of the service manager: prints what is sent to a NOTIFY_SOCKET, a line each.
 *
 *   listen PATH
 *
 * Part of test_manager.sh. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char message[4096];
    ssize_t len;
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (argc != 2 || fd < 0 || strlen(argv[1]) >= sizeof(at.sun_path))
        return 2;
    memcpy(at.sun_path, argv[1], strlen(argv[1]));
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        perror(argv[1]);
        return 1;
    }
    while ((len = recv(fd, message, sizeof(message), 0)) >= 0) {
        printf("%.*s\n", (int)len, message);
        fflush(stdout);
    }
    return 1;
}
