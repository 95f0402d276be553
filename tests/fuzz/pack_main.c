/* Fuzzer of pack.c: an entry for libFuzzer, and a main that makes inputs by itself, the same way in every run.
 *
 *   gcc -fsanitize=address,undefined ... && ./pack 20000      number of inputs to try
 *   clang -fsanitize=fuzzer,address,undefined -DLIBFUZZER ...  to search longer
 *
 * The bytes are options, lengths, qualities and tokens. What holds for any: no fault, no sequence above its length,
 * every token of every document in exactly one piece, no cut that leaves too little, the lengths that are written.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "pack.h"

#define DOCUMENTS 64

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void *room_for(int64_t count, size_t size)
{
    void *room = calloc(count > 0 ? (size_t)count : 1, size);
    require(room != NULL, "memory");
    return room;
}

struct bytes {
    const uint8_t *at;
    size_t left;
};

/* The next number below limit; 0 when there are no more bytes. */
static int64_t number(struct bytes *bytes, int64_t limit)
{
    int64_t value = 0;
    for (int i = 0; i < 2 && bytes->left; i++, bytes->at++, bytes->left--)
        value = value << 8 | *bytes->at;
    return value % limit;
}

static struct pack_how how_of(struct bytes *bytes)
{
    struct pack_how how = {.kind = (enum pack_kind)number(bytes, 4)};
    how.length = 1 + number(bytes, number(bytes, 2) ? 70 : 5000);
    how.smallest = 1 + (how.length > 1 ? number(bytes, how.length / 2) : 0);
    how.open_bins = 1 + number(bytes, 5);
    how.shuffle = number(bytes, 2);
    how.seed = (uint64_t)number(bytes, 65536) << 40;
    return how;
}

static void check_plan(const struct pack_plan *plan, const int64_t *lengths, int64_t documents,
                       const struct pack_marks *marks, const struct pack_how *how)
{
    int64_t *document = room_for(plan->pieces, sizeof *document), *begin = room_for(plan->pieces, sizeof *begin);
    int64_t *end = room_for(plan->pieces, sizeof *end), *pieces = room_for(plan->sequences, sizeof *pieces);
    require(pack_write(plan, lengths, documents, marks, how, document, begin, end, pieces), "memory");
    int64_t placed[DOCUMENTS] = {0};
    int64_t at = 0;
    for (int64_t i = 0; i < plan->sequences; i++) {
        int64_t tokens = 0;
        require(pieces[i] > 0, "a sequence has a piece");
        for (int64_t last = at + pieces[i]; at < last; at++) {
            const int64_t length = lengths[document[at]];
            require(0 <= begin[at] && begin[at] < end[at] && end[at] <= length, "a piece is in its document");
            const bool whole = end[at] - begin[at] == length;
            require(whole || length > how->length || how->kind == PACK_CONCAT, "what fits is not cut");
            require(whole || end[at] - begin[at] >= how->smallest, "a cut leaves enough");
            placed[document[at]] += end[at] - begin[at];
            tokens += end[at] - begin[at];
        }
        require(tokens <= how->length, "a sequence has its length at most");
    }
    require(at == plan->pieces, "all pieces are in sequences");
    require(memcmp(placed, lengths, (size_t)documents * sizeof *lengths) == 0, "all tokens are in pieces");
    free(document);
    free(begin);
    free(end);
    free(pieces);
}

static void try_packing(struct bytes *bytes)
{
    const struct pack_how how = how_of(bytes);
    const int64_t documents = number(bytes, DOCUMENTS);
    int64_t *lengths = room_for(documents, sizeof *lengths), *marked = room_for(documents, sizeof *marked);
    int64_t *offsets = room_for(documents + 1, sizeof *offsets);
    struct pack_marks marks = {marked, offsets, NULL, 0};
    for (int64_t i = 0; i < documents; i++) {
        lengths[i] = number(bytes, number(bytes, 4) ? how.length + 1 : 3 * how.length + 1);
        if (number(bytes, 2))
            continue;
        marked[marks.count] = i;
        offsets[marks.count + 1] = offsets[marks.count] + lengths[i];
        marks.count++;
    }
    uint8_t *qualities = room_for(offsets[marks.count], 1);
    for (int64_t i = 0; i < offsets[marks.count] && bytes->left; i += 1 + number(bytes, 50))
        qualities[i] = (uint8_t)number(bytes, 4);
    marks.qualities = qualities;
    struct pack_plan plan = pack_deal(lengths, documents, &marks, &how);
    require(plan.fault == PACK_FINE, "memory");
    check_plan(&plan, lengths, documents, &marks, &how);
    pack_free(&plan);
    free(lengths);
    free(marked);
    free(offsets);
    free(qualities);
}

static void check_document(const struct pack_tokens *from, int64_t i, int64_t cut)
{
    const int64_t length = pack_length(from, i);
    const size_t size = (size_t)(length * from->width);
    char *whole = room_for(length, (size_t)from->width), *parts = room_for(length, (size_t)from->width);
    uint8_t *qualities = room_for(length, 1);
    static const uint8_t endings[] = {0, 1, 2, 8, 26, 56};
    require(pack_copy(from, i, 0, length, whole) == whole + size, "as many tokens as were counted");
    cut = length ? cut % (length + 1) : 0;
    require(pack_copy(from, i, cut, length, pack_copy(from, i, 0, cut, parts)) == parts + size, "in two parts as well");
    require(memcmp(whole, parts, size) == 0, "two parts are the whole");
    pack_qualities(from, i, endings, sizeof endings, qualities);
    const int64_t run = pack_longest_run(whole, from->width, 0, length);
    require(run <= length && (run > 0) == (length > 0), "a run is in its document");
    free(whole);
    free(parts);
    free(qualities);
}

static void try_tokens(struct bytes *bytes)
{
    const int64_t documents = number(bytes, DOCUMENTS), count = number(bytes, 500);
    int64_t *offsets = room_for(documents + 1, sizeof *offsets);
    for (int64_t i = 0; i < documents; i++)
        offsets[i + 1] = offsets[i] + number(bytes, count - offsets[i] + 1);
    const int width = number(bytes, 2) ? 2 : 4;
    char *tokens = room_for(offsets[documents], (size_t)width);
    const size_t filled = (size_t)(offsets[documents] * width) < bytes->left ? (size_t)(offsets[documents] * width) : bytes->left;
    memcpy(tokens, bytes->at, filled);
    const struct pack_tokens from = {tokens, offsets, documents, width, number(bytes, 6) - 1, number(bytes, 6) - 1};
    for (int64_t i = 0; i < documents; i++)
        check_document(&from, i, number(bytes, 1000));
    free(offsets);
    free(tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, size};
    if (number(&bytes, 2))
        try_tokens(&bytes);
    else
        try_packing(&bytes);
    return 0;
}

#ifndef LIBFUZZER

#define MOST 2048

int main(int count, char **values)
{
    static uint8_t data[MOST];
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    LLVMFuzzerTestOneInput(data, 0);
    for (long i = 0; i < inputs; i++) {
        const size_t size = (size_t)(next_number(&state) % MOST);
        const uint8_t mask = next_number(&state) & 1 ? 255 : 3; /* small numbers make runs and equal lengths */
        for (size_t k = 0; k < size; k++)
            data[k] = (uint8_t)(next_number(&state) >> 32) & mask;
        LLVMFuzzerTestOneInput(data, size);
    }
    printf("%ld inputs\n", inputs);
    return 0;
}

#endif
