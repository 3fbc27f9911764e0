/* starling chat: talking at a terminal, or through a pipe. */
#include "commands.h"

#include "ask.h"
#include "output.h"
#include "passphrase.h"
#include "screen.h"
#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_CAP 65536
#define NICK_CAP 128

/* ---- Who talks ---- */

static void take_persona(struct sl_talk *talk, json_t *persona)
{
    talk->persona = json_incref(json_object_get(persona, "persona"));
    talk->nick = sl_output_format("%s", sl_ask_text(persona, "nick"));
    talk->view.own_nick = talk->nick;
    /* First of all seen: whoever else takes this nick is shown with their code. */
    free(sl_people_label(talk->view.people, persona));
}

/* A kept persona that is locked: its passphrase brings it back. */
static json_t *unlock(struct sl_talk *talk, const char *nick)
{
    char passphrase[SL_PASSPHRASE_MAX];
    char *prompt = sl_output_format("Passphrase of %s: ", nick);
    bool given = sl_passphrase_get(talk->settings, prompt, false, passphrase);
    free(prompt);
    if (!given)
        return NULL;
    json_t *fields = json_pack("{ss ss}", "nick", nick, "passphrase", passphrase);
    explicit_bzero(passphrase, sizeof(passphrase));
    return fields != NULL ? sl_ask(talk->client, "persona.unlock", fields) : NULL;
}

static bool create(struct sl_talk *talk, const char *nick)
{
    json_t *answer = NULL, *fields = json_pack("{ss}", "nick", nick);
    if (fields == NULL) {
        sl_output_error("a nick has to be UTF-8.");
        return false;
    }
    int rc = sl_client_call(talk->client, "persona.create", json_incref(fields), &answer);
    const char *word = sl_ask_text(answer, "error");
    if (rc == -EREMOTEIO && (strcmp(word, "locked") == 0 || strcmp(word, "exists") == 0)) {
        json_decref(answer);
        answer = unlock(talk, nick);
        rc = answer != NULL ? 0 : -ECANCELED;
    } else if (rc < 0) {
        sl_ask_explain(talk->client, rc, fields, answer);
    } else {
        sl_talk_note(talk, "%s is new here, and lives in memory until starlingd ends", nick);
    }
    if (rc == 0)
        take_persona(talk, json_object_get(answer, "persona"));
    json_decref(answer);
    json_decref(fields);
    return rc == 0;
}

static bool ask_nick(struct sl_talk *talk)
{
    char nick[NICK_CAP] = "";
    if (!talk->on_terminal) {
        sl_output_error("you have no persona on this node yet. Say who you are: --as NICK");
        return false;
    }
    if (!sl_passphrase_ask_line("What do you want to be called? ", nick, sizeof(nick)))
        return false;
    return create(talk, nick);
}

static bool find_persona(struct sl_talk *talk)
{
    const char *wanted = talk->settings->persona;
    json_t *answer = sl_ask(talk->client, "personas", NULL), *persona;
    json_t *personas = json_object_get(answer, "personas");
    size_t count = json_array_size(personas), i;
    if (answer == NULL)
        return false;
    json_array_foreach (personas, i, persona) {
        if (wanted != NULL ? strcmp(sl_ask_text(persona, "nick"), wanted) == 0 : count == 1) {
            take_persona(talk, persona);
            break;
        }
    }
    bool good = talk->persona != NULL;
    if (!good && wanted != NULL)
        good = create(talk, wanted);
    else if (!good && count == 0)
        good = ask_nick(talk);
    else if (!good)
        sl_output_error("you have %zu personas here. Say which one: --as %s", count,
                        sl_ask_text(json_array_get(personas, 0), "nick"));
    json_decref(answer);
    return good;
}

/* Names to complete, from the start. */
static void load_people(struct sl_talk *talk)
{
    json_t *answer = sl_ask_all(talk->client, "people", sl_talk_fields(talk), "people"), *person;
    size_t i;
    json_array_foreach (json_object_get(answer, "people"), i, person)
        free(sl_people_label(talk->view.people, person));
    json_decref(answer);
}

static bool begin(struct sl_talk *talk, const char *target)
{
    talk->view.people = sl_people_new();
    talk->client = sl_ask_open(talk->settings);
    if (talk->view.people == NULL || talk->client == NULL || !find_persona(talk))
        return false;
    json_t *answer = sl_ask(talk->client, "subscribe", sl_talk_fields(talk));
    json_decref(answer);
    if (answer == NULL)
        return false;
    load_people(talk);
    return sl_talk_open(talk, target);
}

/* ---- The loop ---- */

static volatile sig_atomic_t got_signal;

static void note_signal(int number)
{
    got_signal = number;
}

/* These arrive while ppoll() waits, and never in the middle of readline. */
static void catch_signals(sigset_t *ret_waiting)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
    struct sigaction action = {.sa_handler = note_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < SL_ARRAY_LEN(caught); i++) {
        sigaction(caught[i], &action, NULL);
        sigaddset(&blocked, caught[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, ret_waiting);
    for (size_t i = 0; i < SL_ARRAY_LEN(caught); i++)
        sigdelset(ret_waiting, caught[i]);
}

static void handle_signal(struct sl_talk *talk, int number)
{
    if (number == SIGWINCH)
        sl_screen_resize();
    else if (number == SIGTSTP)
        sl_screen_suspend();
    else if (number != SIGINT || !talk->on_terminal || !sl_screen_abandon())
        talk->done = true;
}

/* Lines from a pipe. */
struct input {
    char bytes[LINE_CAP];
    size_t len;
};

static void take_lines(struct sl_talk *talk, struct input *input)
{
    char *feed;
    while (!talk->done && (feed = memchr(input->bytes, '\n', input->len)) != NULL) {
        *feed = '\0';
        sl_talk_line(talk, input->bytes);
        input->len -= (size_t)(feed + 1 - input->bytes);
        memmove(input->bytes, feed + 1, input->len);
    }
}

static void read_pipe(struct sl_talk *talk, struct input *input)
{
    ssize_t got = read(STDIN_FILENO, input->bytes + input->len, LINE_CAP - 1 - input->len);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got > 0) {
        input->len += (size_t)got;
        take_lines(talk, input);
        if (input->len < LINE_CAP - 1)
            return;
        sl_output_error("a line is too long: dropped.");
        input->len = 0;
        return;
    }
    if (input->len > 0) { /* the last line has no line feed */
        input->bytes[input->len] = '\0';
        input->len = 0;
        sl_talk_line(talk, input->bytes);
    }
    talk->done = true;
}

static void tell_gone(struct sl_talk *talk)
{
    sl_output_error("starlingd went away. A persona that was kept comes back with\n"
                    "  starling persona unlock %s\n  once it runs again; one in memory is gone.",
                    talk->nick);
    talk->exit_code = SL_EXIT_FAILURE;
    talk->done = true;
}

static void take_events(struct sl_talk *talk)
{
    int rc = sl_client_pump(talk->client);
    if (rc == 0 && !sl_client_has_event(talk->client))
        return;
    sl_screen_hide();
    sl_talk_events(talk);
    if (rc < 0)
        tell_gone(talk);
    sl_screen_show();
}

static void loop(struct sl_talk *talk)
{
    static struct input input;
    sigset_t waiting;
    catch_signals(&waiting);
    const struct timespec at_once = {0};
    while (!talk->done) {
        take_events(talk);
        struct pollfd ready[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                 {.fd = sl_client_fd(talk->client), .events = POLLIN}};
        /* The answer to what was asked meanwhile may have brought events along. */
        const struct timespec *wait = sl_client_has_event(talk->client) ? &at_once : NULL;
        int count = talk->done ? 0 : ppoll(ready, SL_ARRAY_LEN(ready), wait, &waiting);
        if (got_signal != 0) {
            int number = got_signal;
            got_signal = 0;
            handle_signal(talk, number);
        }
        if (count <= 0 || ready[0].revents == 0)
            continue;
        if (talk->on_terminal)
            sl_screen_read();
        else
            read_pipe(talk, &input);
        fflush(stdout);
    }
}

static void on_line(void *arg, const char *line)
{
    sl_talk_line(arg, line);
}

static const char *on_word(void *arg, size_t at)
{
    return sl_talk_word(arg, at);
}

static int run(struct sl_call *call)
{
    if (!sl_args_parse(call, NULL, 0))
        return call->exit_code;
    const char *term = getenv("TERM");
    bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
    struct sl_talk talk = {.settings = call->settings,
                           .on_terminal = terminal,
                           .can_rewrite = terminal && term != NULL && strcmp(term, "dumb") != 0,
                           .view = {.to = stdout}};
    talk.view.columns = terminal ? sl_output_columns(stdout) : 0;
    const char *target = call->arg_count > 0 ? call->args[0] : "#general";
    if (!begin(&talk, target)) {
        sl_talk_done(&talk);
        return SL_EXIT_FAILURE;
    }
    struct sl_screen_handlers handlers = {&talk, on_line, on_word};
    if (terminal) {
        sl_talk_note(&talk, "you are %s; /help lists commands, /quit leaves", talk.nick);
        fflush(stdout);
        sl_screen_open(&handlers);
    }
    loop(&talk);
    sl_screen_close();
    sl_talk_done(&talk);
    return talk.exit_code;
}

const struct sl_command sl_cmd_chat = {
    .name = "chat",
    .arguments = "[#CHANNEL|PERSON]",
    .summary = "Talks with people, in #general or elsewhere",
    .help = "What you type is sent; what comes is shown above the line you type. Below each\n"
            "message of yours stands what became of it: queued (on this node's disk), relayed\n"
            "(another node has it), delivered (the recipient's node opened it), read. Lines\n"
            "that begin with / are commands: /help lists them. Without a persona, it asks for\n"
            "a nick and makes one that lives in memory. What you type is never written to a\n"
            "history file. In a pipe, each line of input is sent and what comes is printed;\n"
            "with --json as one line of JSON for each message, and for each change of its\n"
            "state.\n\n"
            "Examples:\n"
            "  starling chat\n"
            "  starling chat '#medics' --as ana\n"
            "  starling chat ben\n",
    .takes = SL_TAKES_JSON | SL_TAKES_SOCKET | SL_TAKES_PERSONA | SL_TAKES_PASSPHRASE,
    .arg_max = 1,
    .run = run,
};
