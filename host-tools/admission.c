#include "admission.h"

#include "base/text.h"
#include "base/wire.h"
#include "bundle.h"
#include "crypto/sodium.h"
#include "files.h"
#include "mesh/envelope.h"
#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_VERSION 1
#define ANSWER_MAX     (SL_CRL_MAX + 4 * SL_PEM_MAX)
#define TEXT_MAX       (2 * ANSWER_MAX)

/* ---- Lines ---- */

static char *encode(const char *prefix, const uint8_t *bytes, size_t len)
{
    size_t prefix_len = strlen(prefix), cap = prefix_len + sl_base64_len(len) + 2;
    char *line = malloc(cap);
    if (line == NULL)
        return NULL;
    strcpy(line, prefix);
    sl_base64_encode(bytes, len, line + prefix_len, cap - prefix_len);
    strcat(line, "\n");
    return line;
}

/* Number of bytes; -EINVAL if it begins otherwise, -EBADMSG if it is damaged. */
static int decode(const char *prefix, const char *line, uint8_t *ret_bytes, size_t cap)
{
    size_t prefix_len = strlen(prefix);
    line += strspn(line, " \t\r\n");
    if (strncmp(line, prefix, prefix_len) != 0)
        return -EINVAL;
    const char *text = line + prefix_len;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    int count = sl_base64_decode(text, len, ret_bytes, cap);
    return count < 0 ? -EBADMSG : count;
}

/* ---- Request ---- */

static int write_request(const char *folder, const void *arg)
{
    (void)arg;
    struct sl_primitives primitives;
    sl_sodium_primitives(&primitives);
    uint8_t seed[SL_KEY_LEN], bytes[SL_REQUEST_MAX];
    char key[SL_PEM_MAX], digits[2 * SL_KEY_LEN + 2];
    char *line = NULL;
    primitives.random(primitives.ctx, seed, sizeof(seed));
    int rc = sl_authority_key(key);
    int len = rc == 0 ? sl_request_make(seed, key, bytes, sizeof(bytes)) : rc;
    if (len > 0)
        line = encode(SL_REQUEST_PREFIX, bytes, (size_t)len);
    rc = line != NULL ? 0 : len < 0 ? len : -ENOMEM;
    sl_hex_encode(seed, sizeof(seed), digits);
    strcat(digits, "\n");
    if (rc == 0)
        rc = sl_files_write(folder, "node.key", key, strlen(key), 0600);
    if (rc == 0)
        rc = sl_files_write(folder, "node.seed", digits, strlen(digits), 0600);
    if (rc == 0)
        rc = sl_files_write(folder, "request.txt", line, strlen(line), 0644);
    explicit_bzero(seed, sizeof(seed));
    explicit_bzero(key, sizeof(key));
    explicit_bzero(digits, sizeof(digits));
    free(line);
    return rc;
}

int sl_admission_begin(const char *folder)
{
    int rc = sl_files_make_folder(folder, write_request, NULL);
    if (rc == -EEXIST)
        sl_output_error("%s is there already: its keys are not replaced. `starling node request "
                        "--show %s` shows its request.",
                        folder, folder);
    else if (rc < 0)
        sl_output_error("%s cannot be made: %s.", folder, strerror(-rc));
    return rc;
}

char *sl_admission_line(const char *folder)
{
    char *line = NULL;
    int rc = sl_files_read(folder, "request.txt", 2 * SL_REQUEST_MAX, &line, NULL);
    if (rc < 0)
        sl_output_error("%s/request.txt cannot be read: %s.", folder, strerror(-rc));
    return line;
}

/* ---- Answer ---- */

/* Every certificate of a PEM as DER, each behind its length; their number first. */
static void write_chain(struct sl_writer *w, const char *pem)
{
    static const char begin[] = "-----BEGIN ";
    uint8_t *count = sl_write_reserve(w, 1);
    uint8_t certificates = 0;
    for (const char *at = strstr(pem, begin); at != NULL; at = strstr(at + 1, begin)) {
        uint8_t der[SL_PEM_MAX];
        int len = sl_pem_to_der(at, der, sizeof(der));
        if (len <= 0)
            continue;
        sl_write_u16(w, (uint16_t)len);
        sl_write_bytes(w, der, (size_t)len);
        certificates++;
    }
    if (count != NULL)
        *count = certificates;
}

static char *seal_answer(const struct sl_network *network, const struct sl_request *request,
                         const char *chain, int64_t now)
{
    uint8_t *plain = malloc(ANSWER_MAX), *sealed = malloc(ANSWER_MAX), *crl = malloc(SL_CRL_MAX);
    char *line = NULL;
    int crl_len = crl != NULL ? sl_bundle_crl(network, now, crl) : -ENOMEM;
    if (plain != NULL && sealed != NULL && crl_len >= 0) {
        struct sl_writer w;
        sl_writer_init(&w, plain, ANSWER_MAX - SL_ANSWER_OVERHEAD - 1);
        sl_write_bytes(&w, network->secret, SL_KEY_LEN);
        write_chain(&w, network->certificate);
        write_chain(&w, chain);
        sl_write_u32(&w, (uint32_t)crl_len);
        sl_write_bytes(&w, crl, (size_t)crl_len);
        sealed[0] = ANSWER_VERSION;
        int len = sl_write_done(&w);
        if (len > 0)
            len = sl_answer_seal(request->sign_key, plain, (size_t)len, sealed + 1, ANSWER_MAX - 1);
        if (len > 0)
            line = encode(SL_ANSWER_PREFIX, sealed, (size_t)len + 1);
        explicit_bzero(plain, ANSWER_MAX);
    }
    free(plain);
    free(sealed);
    free(crl);
    return line;
}

static int read_request(const char *line, struct sl_request *ret_request)
{
    uint8_t bytes[SL_REQUEST_MAX];
    int len = decode(SL_REQUEST_PREFIX, line, bytes, sizeof(bytes));
    int rc = len < 0 ? len : sl_request_read(bytes, (size_t)len, ret_request);
    if (rc == -EINVAL)
        sl_output_error("that is no request: a request begins with " SL_REQUEST_PREFIX);
    else if (rc == -ENOTSUP)
        sl_output_error("that request was made by a newer starling. Update this one.");
    else if (rc < 0)
        sl_output_error(
            "that request is damaged: a character is wrong or missing. Copy all of it.");
    return rc;
}

struct admitted {
    const char *chain, *answer;
};

static int write_answer(const char *folder, const void *arg)
{
    const struct admitted *admitted = arg;
    int rc = sl_files_write(folder, "node.crt", admitted->chain, strlen(admitted->chain), 0644);
    if (rc == 0)
        rc = sl_files_write(folder, "answer", admitted->answer, strlen(admitted->answer), 0644);
    return rc;
}

static int place_answer(const struct sl_network *network, const char *name,
                        const struct admitted *admitted)
{
    char *destination = sl_output_format("%s/nodes/%s", network->folder, name);
    int rc = sl_files_make_folder(destination, write_answer, admitted);
    if (rc < 0)
        sl_output_error("%s cannot be written: %s.", destination, strerror(-rc));
    free(destination);
    return rc;
}

/* -EEXIST (told) if a board with that key is a member already: a request is for one name. */
static int check_new(const struct sl_network *network, const uint8_t origin[SL_ORIGIN_LEN])
{
    for (size_t i = 0; i < network->issued_count; i++) {
        const struct sl_issued *issued = &network->issued[i];
        if (issued->kind != SL_ISSUED_NODE || issued->revoked != 0 ||
            memcmp(issued->origin, origin, SL_ORIGIN_LEN) != 0)
            continue;
        sl_output_error(
            "that board was admitted already, as %s: its answer is in "
            "%s/nodes/%s/answer\n"
            "  To give it another name, revoke that one first: starling network revoke %s",
            issued->name, network->folder, issued->name, issued->name);
        return -EEXIST;
    }
    return 0;
}

int sl_admission_answer(struct sl_network *network, const struct sl_admission_draft *draft)
{
    struct sl_request request;
    struct sl_primitives primitives;
    struct sl_issued issued = {.kind = SL_ISSUED_NODE};
    char chain[2 * SL_PEM_MAX];
    char *answer = NULL;
    int rc = read_request(draft->request, &request);
    if (rc == 0)
        rc = sl_network_may_add(network, draft->name);
    if (rc < 0)
        return rc;
    sl_sodium_primitives(&primitives);
    sl_origin_of_key(&primitives, request.sign_key, issued.origin);
    snprintf(issued.name, sizeof(issued.name), "%s", draft->name);
    rc = check_new(network, issued.origin);
    if (rc < 0)
        return rc;
    struct sl_issue issue = {.issuer_certificate = network->certificate,
                             .issuer_key = network->key,
                             .subject_key = request.key,
                             .name = draft->name,
                             .sign_key = request.sign_key,
                             .now_unix = draft->now,
                             .lifetime = draft->lifetime};
    struct sl_certificate_info info;
    rc = sl_authority_issue(&issue, chain, issued.serial);
    if (rc == 0)
        rc = sl_certificate_read(chain, &info);
    if (rc == 0) {
        issued.not_after = info.not_after;
        answer = seal_answer(network, &request, chain, draft->now);
        rc = answer != NULL ? 0 : -ENOMEM;
    }
    if (rc < 0)
        sl_output_error("no certificate could be made for %s: %s.", draft->name, strerror(-rc));
    if (rc == 0)
        rc = place_answer(network, draft->name, &(struct admitted){chain, answer});
    if (rc == 0)
        rc = sl_network_record(network, &issued);
    free(answer);
    return rc;
}

/* ---- Accepting ---- */

struct opened {
    char secret[2 * SL_KEY_LEN + 2];
    char authority[2 * SL_PEM_MAX];
    char chain[2 * SL_PEM_MAX];
    const uint8_t *crl; /* in what was opened */
    size_t crl_len;
};

static void read_chain(struct sl_reader *r, char ret_pem[2 * SL_PEM_MAX])
{
    char pem[SL_PEM_MAX];
    uint8_t count = sl_read_u8(r);
    ret_pem[0] = '\0';
    if (count == 0 || count > 2)
        sl_read_fail(r);
    for (uint8_t i = 0; i < count && !sl_read_failed(r); i++) {
        size_t len = sl_read_u16(r);
        const uint8_t *der = sl_read_slice(r, len);
        if (der == NULL || len == 0 || sl_der_to_pem("CERTIFICATE", der, len, pem) < 0)
            sl_read_fail(r);
        else
            strcat(ret_pem, pem);
    }
}

static int read_answer(const uint8_t *bytes, size_t len, struct opened *ret_opened)
{
    struct sl_reader r;
    uint8_t secret[SL_KEY_LEN];
    sl_reader_init(&r, bytes, len);
    sl_read_copy(&r, secret, sizeof(secret));
    read_chain(&r, ret_opened->authority);
    read_chain(&r, ret_opened->chain);
    ret_opened->crl_len = sl_read_u32(&r);
    ret_opened->crl = sl_read_slice(&r, ret_opened->crl_len);
    sl_hex_encode(secret, sizeof(secret), ret_opened->secret);
    strcat(ret_opened->secret, "\n");
    explicit_bzero(secret, sizeof(secret));
    return sl_read_done(&r);
}

/* The keys that wait in the folder. */
static int load_keys(const char *folder, char **ret_key, char **ret_seed_text,
                     uint8_t ret_seed[SL_KEY_LEN])
{
    int rc = sl_files_read(folder, "node.key", SL_PEM_MAX, ret_key, NULL);
    if (rc == 0)
        rc = sl_files_read(folder, "node.seed", 2 * SL_KEY_LEN + 2, ret_seed_text, NULL);
    if (rc == 0) {
        char digits[2 * SL_KEY_LEN + 1];
        snprintf(digits, sizeof(digits), "%s", *ret_seed_text); /* without the line's end */
        rc = sl_hex_decode(digits, ret_seed, SL_KEY_LEN) < 0 ? -EBADMSG : 0;
        explicit_bzero(digits, sizeof(digits));
    }
    if (rc < 0)
        sl_output_error("the keys in %s cannot be read: %s.", folder, strerror(-rc));
    return rc;
}

/* Length of the plaintext; -EBADMSG if the line is no answer or damaged, -ENOTSUP if it is of a
 * later version, -EACCES if it was sealed to another board. */
static int unseal(const char *line, const uint8_t seed[SL_KEY_LEN], uint8_t ret_plain[ANSWER_MAX])
{
    uint8_t *sealed = malloc(ANSWER_MAX);
    if (sealed == NULL)
        return -ENOMEM;
    int rc = decode(SL_ANSWER_PREFIX, line, sealed, ANSWER_MAX);
    if (rc < 1)
        rc = -EBADMSG;
    else if (sealed[0] != ANSWER_VERSION)
        rc = -ENOTSUP;
    else if ((rc = sl_answer_open(seed, sealed + 1, (size_t)rc - 1, ret_plain, ANSWER_MAX)) <= 0)
        rc = -EACCES;
    free(sealed);
    return rc;
}

static void tell_unsealed(const char *file, int rc)
{
    if (rc == -EBADMSG)
        sl_output_error("%s is no answer, or damaged: copy it again.", file);
    else if (rc == -ENOTSUP)
        sl_output_error("%s was made by a newer starling. Update this board.", file);
    else if (rc == -EACCES)
        sl_output_error("%s is for another board, or damaged.", file);
    else
        sl_output_error("%s cannot be opened: %s.", file, strerror(-rc));
}

/* The plaintext of an answer file. Length or -errno (told). */
static int open_answer(const char *file, const uint8_t seed[SL_KEY_LEN],
                       uint8_t ret_plain[ANSWER_MAX])
{
    char *parent = sl_files_parent(file), *line = NULL;
    const char *slash = strrchr(file, '/');
    int rc = sl_files_read(parent, slash != NULL ? slash + 1 : file, TEXT_MAX, &line, NULL);
    free(parent);
    if (rc < 0) {
        sl_output_error("%s cannot be read: %s.", file, strerror(-rc));
        return rc;
    }
    rc = unseal(line, seed, ret_plain);
    if (rc < 0)
        tell_unsealed(file, rc);
    free(line);
    return rc;
}

/* What a board has to become a node; all of it secret. */
struct acceptance {
    uint8_t seed[SL_KEY_LEN];
    char *key, *seed_text;
    uint8_t plain[ANSWER_MAX];
    struct opened opened; /* borrows from `plain` */
};

static void free_secret(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void acceptance_free(struct acceptance *acceptance)
{
    free_secret(acceptance->key);
    free_secret(acceptance->seed_text);
    explicit_bzero(acceptance, sizeof(*acceptance));
    free(acceptance);
}

static int accept_answer(struct acceptance *a, const char *answer_file, const char *destination,
                         char ret_network[SL_NETWORK_NAME_MAX + 1])
{
    struct sl_certificate_info authority, node;
    int len = open_answer(answer_file, a->seed, a->plain);
    if (len < 0)
        return len;
    if (read_answer(a->plain, (size_t)len, &a->opened) < 0 ||
        sl_certificate_read(a->opened.authority, &authority) < 0 ||
        sl_certificate_read(a->opened.chain, &node) < 0) {
        sl_output_error("%s holds no usable certificates.", answer_file);
        return -EBADMSG;
    }
    snprintf(ret_network, SL_NETWORK_NAME_MAX + 1, "%s", authority.identity.name);
    struct sl_bundle_files files = {.network = authority.identity.name,
                                    .name = node.identity.name,
                                    .authority = a->opened.authority,
                                    .chain = a->opened.chain,
                                    .key = a->key,
                                    .seed = a->seed_text,
                                    .secret = a->opened.secret,
                                    .crl = a->opened.crl,
                                    .crl_len = a->opened.crl_len};
    return sl_bundle_place(destination, &files);
}

int sl_admission_accept(const char *folder, const char *answer_file, const char *destination,
                        char ret_network[SL_NETWORK_NAME_MAX + 1])
{
    struct acceptance *acceptance = calloc(1, sizeof(*acceptance));
    if (acceptance == NULL)
        return -ENOMEM;
    int rc = load_keys(folder, &acceptance->key, &acceptance->seed_text, acceptance->seed);
    if (rc == 0)
        rc = accept_answer(acceptance, answer_file, destination, ret_network);
    acceptance_free(acceptance);
    return rc;
}
