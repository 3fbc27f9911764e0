/* Stands in for libFuzzer in ordinary builds: runs every file named on the command line, or found
 * in the folders named there, through the target, each twice, so that state left over from the
 * first pass shows in the second. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static size_t replayed;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t cap = (size_t)1 << 20;
    uint8_t *bytes = malloc(cap);
    size_t len = bytes != NULL ? fread(bytes, 1, cap, file) : 0;
    fclose(file);
    /* A block of exactly that size, so that a read past the end is caught. */
    uint8_t *exact = malloc(len > 0 ? len : 1);
    if (bytes == NULL || exact == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    free(bytes);
    replayed++;
}

static void replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char child[4096];
        if (entries[i]->d_name[0] != '.') {
            snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
            replay_file(child);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat about;
        if (stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    }
    printf("ok %s: %zu inputs, twice each\n", argv[0], replayed);
    return 0;
}
