/* Fuzzer of scan.c: an entry for libFuzzer, and a main that mutates seeds by itself, the same way in every run.
 *
 *   gcc -fsanitize=address,undefined ... && ./scan 20000      number of inputs to try
 *   clang -fsanitize=fuzzer,address,undefined -DLIBFUZZER ...  to search longer
 *
 * What holds for any bytes: no fault, the same counts twice, counts that the size bounds, room left all zero.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "scan.h"

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct scan_room room;
    static const struct scan_room clean;
    uint8_t *exact = malloc(size ? size : 1); /* a block of its own, so that a read past the end is seen */
    require(exact != NULL, "memory");
    memcpy(exact, bytes, size);
    const struct scan_counts counts = scan_html(exact, size, &room);
    require(memcmp(room.open, clean.open, sizeof room.open) == 0, "open elements are counted back to zero");
    const struct scan_counts again = scan_html(exact, size, &room);
    require(memcmp(&counts, &again, sizeof counts) == 0, "a scan leaves nothing behind");
    const int64_t most = (int64_t)size;
    require(counts.nodes >= 0 && counts.nodes <= most, "nodes");
    require(counts.depth >= 0 && counts.depth <= counts.nodes && counts.depth <= SCAN_DEPTH, "depth");
    require(counts.attributes >= 0 && counts.attributes <= most, "attributes");
    require(counts.links >= 0 && counts.links <= counts.nodes, "links");
    require(counts.controls >= 0 && counts.controls <= most, "controls");
    free(exact);
    return 0;
}

#ifndef LIBFUZZER

static const char *const pieces[] = {
    "<", ">", "</", "/>", "<!--", "-->", "--!>", "<!", "<?", "</>", "=", "'", "\"", " ", "\n", "-", "!", "a", "<a ", "<p>",
    "</p>", "<b>", "</b>", "<li>", "<td>", "<tr>", "<div>", "</div>", "<br>", "<script>", "</script", "</script>",
    "<title>", "</title ", "<textarea>", "<plaintext>", "<x-y a=b c='d' e=\"f\">", "text", "<![CDATA[", "<noframes>",
};
#define PIECES (sizeof pieces / sizeof *pieces)
#define MOST 4096

static size_t grow(uint8_t *page, uint64_t *state)
{
    size_t size = 0;
    const size_t parts = below(state, 200);
    for (size_t i = 0; i < parts; i++) {
        const char *piece = pieces[below(state, PIECES)];
        const size_t length = strlen(piece);
        if (size + length > MOST)
            break;
        memcpy(page + size, piece, length);
        size += length;
    }
    return size;
}

static size_t mutate(uint8_t *page, size_t size, uint64_t *state)
{
    for (size_t changes = below(state, 8); changes && size; changes--) {
        const size_t at = below(state, size);
        switch (below(state, 3)) {
        case 0: page[at] = (uint8_t)next_number(state); break;
        case 1: size = at; break;
        default: memmove(page + at, page + at + 1, --size - at); break;
        }
    }
    return size;
}

int main(int count, char **values)
{
    static uint8_t page[MOST];
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    LLVMFuzzerTestOneInput(page, 0);
    for (long i = 0; i < inputs; i++)
        LLVMFuzzerTestOneInput(page, mutate(page, grow(page, &state), &state));
    printf("%ld inputs\n", inputs);
    return 0;
}

#endif
