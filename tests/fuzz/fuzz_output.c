/* What others wrote, on its way to a terminal: whatever comes in, what comes out may be shown, and
 * a broken line begins where it has to. */
#include "base/text.h"
#include "output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_clean(const char *text, enum sl_clean how)
{
    char *clean = sl_output_cleaned(text, how);
    assert(sl_text_showable((const uint8_t *)clean, strlen(clean)));
    assert(how == SL_CLEAN_TEXT || strpbrk(clean, "\n\t") == NULL);
    char *twice = sl_output_cleaned(clean, how);
    assert(strcmp(clean, twice) == 0);
    free(twice);
    free(clean);
}

static void check_flow(const char *text, struct sl_flow flow)
{
    char *out = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&out, &len);
    assert(to != NULL);
    sl_output_flow(to, text, flow);
    fclose(to);
    for (const char *line = strchr(out, '\n'); line != NULL; line = strchr(line + 1, '\n'))
        assert(strspn(line + 1, " ") >= flow.indent);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool ready;
    if (!ready)
        sl_output_setup();
    ready = true;
    if (len < 1)
        return 0;
    char *text = strndup((const char *)bytes + 1, len - 1);
    assert(text != NULL);
    check_clean(text, SL_CLEAN_TEXT);
    check_clean(text, SL_CLEAN_NAME);
    check_flow(text, (struct sl_flow){bytes[0] % 40, bytes[0] % 8, bytes[0] % 2 == 0 ? 0 : 40});
    free(text);
    return 0;
}
