/* starling sheet: what goes on the box of a node, one page of paper (SVG). */
#include "commands.h"

#include "base/text.h"
#include "invite.h"
#include "network.h"
#include "output.h"
#include "qr.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A5, in millimetres. */
#define WIDTH      148
#define HEIGHT     210
#define MARGIN     12
#define CODE_WIDTH 88.0
#define PATH_CAP   512

/* The invite whose code is printed, if any. */
struct code {
    const char *link; /* NULL: none */
    int64_t expires;  /* Unix seconds */
};

/* A name as it may stand in XML. */
static void print_text(FILE *to, const char *text)
{
    char *clean = sl_output_cleaned(text, SL_CLEAN_NAME);
    for (const char *at = clean; *at; at++) {
        if (*at == '<')
            fputs("&lt;", to);
        else if (*at == '&')
            fputs("&amp;", to);
        else
            fputc(*at, to);
    }
    free(clean);
}

static void print_line(FILE *to, double y, double size, const char *style, const char *text)
{
    fprintf(to, "<text x=\"%d\" y=\"%.1f\" font-size=\"%.1f\" %s>", MARGIN, y, size, style);
    print_text(to, text);
    fputs("</text>\n", to);
}

static void print_lights(FILE *to, double y)
{
    static const char *const lines[] = {
        "Its light beats like a heart: it works. Leave it where it is.",
        "One blink a second: it was not admitted yet. Tell the organiser.",
        "It blinks fast: something is wrong. Pull the plug and put it back.",
        "     If it still blinks fast, bring it here again.",
        "It does not blink: is there power? Is the card in? Try another cable;",
        "     it starts within two minutes.",
        "The plug may be pulled at any time. Nothing is lost.",
    };
    for (size_t i = 0; i < SL_ARRAY_LEN(lines); i++)
        print_line(to, y + 5.2 * (double)i, 3.6, "xml:space=\"preserve\"", lines[i]);
}

/* The first part of its origin, in groups: to tell boards of like names apart. */
static void short_code(const struct sl_issued *issued, char ret_code[16])
{
    char digits[2 * SL_ORIGIN_LEN + 1];
    sl_hex_encode(issued->origin, SL_ORIGIN_LEN, digits);
    snprintf(ret_code, 16, "%.4s-%.4s", digits, digits + 4);
}

static int print_code(FILE *to, const struct code *code)
{
    char date[SL_WORDS_MAX], line[256];
    sl_words_date_time(code->expires, date);
    print_line(to, 92, 3.6, "font-weight=\"bold\"",
               "To add a board: starling node add NAME --invite LINK");
    int rc = sl_qr_svg(to, code->link, (WIDTH - CODE_WIDTH) / 2, 97, CODE_WIDTH);
    snprintf(line, sizeof(line), "Until %s, who can read this code can add boards:", date);
    print_line(to, 194, 3.2, "fill=\"#444\"", line);
    print_line(to, 199, 3.2, "fill=\"#444\"", "do not leave it lying.");
    return rc;
}

static int print_sheet(FILE *to, const struct sl_network *network, const struct sl_issued *issued,
                       const struct code *code)
{
    char digits[16], date[SL_WORDS_MAX], line[256];
    short_code(issued, digits);
    sl_words_date(issued->not_after, date);
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%dmm\" height=\"%dmm\" "
            "viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    /* 63 letters at most; a letter is about two thirds of its height wide. */
    double fitting = (WIDTH - 2 * MARGIN) / (0.68 * (double)(sl_output_width(issued->name) + 1));
    print_line(to, 22, fitting < 11 ? fitting : 11, "font-weight=\"bold\"", issued->name);
    snprintf(line, sizeof(line), "%s   \xc2\xb7   network %s   \xc2\xb7   until %s", digits,
             network->name, date);
    print_line(to, 31, 4.2, "fill=\"#444\"", line);
    fprintf(to,
            "<line x1=\"%d\" y1=\"36\" x2=\"%d\" y2=\"36\" stroke=\"black\" "
            "stroke-width=\"0.4\"/>\n",
            MARGIN, WIDTH - MARGIN);
    print_lights(to, 45);
    int rc = code->link ? print_code(to, code) : 0;
    fputs("</svg>\n", to);
    return rc;
}

/* The link must lead into this network, and still do so. */
static int check_code(const struct sl_network *network, struct code *code)
{
    struct sl_invite invite;
    int rc = sl_invite_decode(code->link, &invite);
    bool ours = rc == 0 && memcmp(invite.secret, network->secret, SL_KEY_LEN) == 0;
    bool valid = rc == 0 && invite.expires > sl_network_now();
    code->expires = rc == 0 ? invite.expires : 0;
    explicit_bzero(&invite, sizeof(invite));
    if (rc < 0)
        sl_output_error(
            "that is no invite, or damaged: copy all of what starling network invite printed.");
    else if (!ours)
        sl_output_error("that invite is of another network.");
    else if (!valid)
        sl_output_error("that invite has expired. Make a new one: starling network invite");
    return ours && valid ? 0 : -EINVAL;
}

/* A new file. An invite is a secret: its sheet is never anybody else's to read, not even while it
 * is empty. NULL: told. */
static FILE *create(const char *path, bool secret)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file)
        return file;
    sl_output_error(errno == EEXIST ? "%s is there already: take another name with --out."
                                    : "%s cannot be written: %s.",
                    path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int write_sheet(const struct sl_network *network, const struct sl_issued *issued,
                       const struct code *code, const char *out)
{
    FILE *to = strcmp(out, "-") == 0 ? stdout : create(out, code->link != NULL);
    if (!to)
        return SL_EXIT_FAILURE;
    int rc = print_sheet(to, network, issued, code);
    if (to != stdout && fclose(to) != 0)
        rc = -EIO;
    if (rc < 0) {
        sl_output_error("%s could not be written: %s.", out, strerror(-rc));
        if (to != stdout)
            unlink(out);
    } else if (to != stdout) {
        printf("The sheet of %s is %s. Print it, or open it in a browser.\n", issued->name, out);
    }
    return rc < 0 ? SL_EXIT_FAILURE : SL_EXIT_OK;
}

static int run_sheet(struct sl_call *call)
{
    struct code invite = {0};
    const char *out = NULL;
    char path[PATH_CAP];
    const struct sl_option options[] = {
        {"invite", 0, "LINK", "print its code too (from starling network invite)", &invite.link,
         NULL},
        {"out", 0, "FILE", "where to write it (NAME.svg; - is standard output)", &out, NULL},
    };
    if (!sl_args_parse(call, options, SL_ARRAY_LEN(options)))
        return call->exit_code;
    struct sl_network *network = NULL;
    if (sl_network_open(call->settings->network, false, &network) < 0)
        return SL_EXIT_FAILURE;
    const struct sl_issued *issued = sl_network_find(network, call->args[0]);
    int code = SL_EXIT_FAILURE;
    snprintf(path, sizeof(path), "%s.svg", call->args[0]);
    if (!issued || issued->kind != SL_ISSUED_NODE)
        sl_output_error("%s is no node of %s. `starling node list` shows them.", call->args[0],
                        network->name);
    else if (issued->revoked != 0)
        sl_output_error("%s was revoked: it needs no sheet.", call->args[0]);
    else if (!invite.link || check_code(network, &invite) == 0)
        code = write_sheet(network, issued, &invite, out ? out : path);
    sl_network_close(network);
    return code;
}

const struct sl_command sl_cmd_sheet = {
    .name = "sheet",
    .arguments = "NODE [--invite LINK] [--out FILE]",
    .summary = "Makes the sheet of paper for the box of a node (organisers)",
    .help = "A page (A5, SVG) with its name, a short code, what its light means and, if\n"
            "wanted, the code of an invite.\n\n"
            "Examples:\n"
            "  starling sheet lamp-post\n"
            "  starling sheet lamp-post --invite starling:invite/AbC...\n",
    .takes = SL_TAKES_NETWORK,
    .arg_min = 1,
    .arg_max = 1,
    .run = run_sheet,
};
