/* starlingd: a Starling node. See starlingd(8). */
#include "crypto/sodium.h"
#include "daemon/daemon.h"
#include "daemon/version.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define EXIT_WRONG 2 /* arguments, configuration or bundle: starting again would not help */

static const char usage[] =
    "usage: starlingd [-c FILE] [--check]\n"
    "\n"
    "  -c, --config FILE  configuration (default " SL_CONFIG_PATH_DEFAULT ")\n"
    "      --check        say what is wrong with configuration, certificate and keys, and end\n"
    "      --version\n"
    "  -h, --help\n"
    "\n"
    "Talk to a running node with 'starling status', 'starling chat' and the rest.\n";

struct arguments {
    const char *config_path;
    bool check;
};

/* Exit status, or -1 to go on. */
static int parse_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) >= 0) {
        switch (option) {
        case 'c':
            ret_arguments->config_path = optarg;
            break;
        case 'k':
            ret_arguments->check = true;
            break;
        case 'v':
            puts("starlingd " SL_VERSION);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return EXIT_WRONG;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "starlingd: '%s' is not understood\n%s", argv[optind], usage);
        return EXIT_WRONG;
    }
    return -1;
}

/* Small and steady: one arena, and what is freed goes back to the kernel. */
static void save_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 4096);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    mallopt(M_MMAP_THRESHOLD, 16 * 1024);
}

/* A core file would hold every key. */
static void forbid_core_files(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

/* By the system's clock: one that is not set is far behind, and says no. */
static bool has_expired(const struct sl_bundle *bundle)
{
    return (int64_t)time(NULL) > bundle->own.not_after;
}

static int check(const struct sl_config *config)
{
    struct sl_problems problems = {0};
    struct sl_primitives primitives;
    struct sl_bundle bundle;
    if (sl_sodium_init() < 0) {
        fputs("starlingd: the kernel has no source of random numbers\n", stderr);
        return EXIT_FAILURE;
    }
    sl_sodium_primitives(&primitives);
    int error = sl_bundle_load(config->bundle, &primitives, &bundle, &problems);
    bool expired = error == 0 && has_expired(&bundle);
    sl_bundle_done(&bundle, &primitives);
    fputs(problems.text, stderr);
    if (expired)
        fprintf(stderr,
                "%s/node.crt: has expired: other nodes will refuse it; make a new bundle with "
                "'starling node add'\n",
                config->bundle);
    if (error < 0 || expired)
        return EXIT_WRONG;
    printf("%s is good, and so is the bundle it names.\n", config->path);
    return EXIT_SUCCESS;
}

static int run(const struct sl_config *config)
{
    struct sl_daemon daemon;
    int error = sl_daemon_open(&daemon, config);
    if (error == 0)
        error = sl_daemon_run(&daemon);
    sl_daemon_close(&daemon);
    return error == -EINVAL ? EXIT_WRONG : error < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.config_path = SL_CONFIG_PATH_DEFAULT};
    struct sl_problems problems = {0};
    struct sl_config config;
    int status = parse_arguments(argc, argv, &arguments);
    if (status >= 0)
        return status;
    save_memory();
    forbid_core_files();
    setvbuf(stderr, NULL, _IOLBF, 1024);
    status = sl_config_read(arguments.config_path, &config, &problems);
    fputs(problems.text, stderr);
    if (status < 0)
        return EXIT_WRONG;
    return arguments.check ? check(&config) : run(&config);
}
