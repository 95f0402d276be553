/* Fuzzer of match.c and unite.c: a main that makes buckets by itself, always the same.
 *
 *   gcc -fsanitize=address,undefined ... && ./match 20000       number of inputs to try
 *
 * An input is rows of few keys, and blocks of signatures that are copies of a few with bytes changed; now and then a
 * block is missing. What holds: no fault; the forest is that of comparing all pairs or, in large buckets, leaders in the
 * order of bytes, with vectors and without; a missing signature is said.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "numbers.h"
#include "unite.h"

#define DOCUMENTS 24
#define ROWS 48
#define BLOCKS 4

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

struct input {
    uint32_t first;                               /* number of document 0 */
    uint8_t signatures[DOCUMENTS][MATCH_SIZE];
    bool known[DOCUMENTS];
    uint64_t keys[ROWS];
    uint32_t numbers[ROWS];
    struct match_block blocks[BLOCKS];
    struct match_how how;
};

static void make_signatures(struct input *input, uint64_t *state)
{
    for (size_t i = 0; i < DOCUMENTS; i++) {
        for (size_t k = 0; k < MATCH_SIZE; k++)
            input->signatures[i][k] = (uint8_t)next_number(state);
        if (i && below(state, 4))
            memcpy(input->signatures[i], input->signatures[below(state, i)], MATCH_SIZE);
        for (size_t changes = below(state, 2) ? 0 : below(state, 60); changes; changes--)
            input->signatures[i][below(state, MATCH_SIZE)] = (uint8_t)next_number(state);
    }
}

static void make_blocks(struct input *input, uint64_t *state)
{
    size_t at = 0, count = 0;
    memset(input->known, 0, sizeof input->known);
    while (count < BLOCKS && at < DOCUMENTS) {
        at += below(state, 16) ? 0 : below(state, DOCUMENTS - at);
        const size_t rows = count + 1 < BLOCKS ? below(state, DOCUMENTS - at + 1) : DOCUMENTS - at;
        input->blocks[count++] = (struct match_block){input->first + (uint32_t)at, rows, input->signatures[at]};
        memset(input->known + at, 1, rows);
        at += rows;
    }
    input->how.blocks = input->blocks;
    input->how.blocks_count = count;
}

static int by_row(const void *one, const void *other)
{
    const uint64_t *const a = one, *const b = other;
    return a[0] != b[0] ? (a[0] > b[0]) - (a[0] < b[0]) : (a[1] > b[1]) - (a[1] < b[1]);
}

static void make_rows(struct input *input, uint64_t *state)
{
    uint64_t rows[ROWS][2];
    const size_t count = below(state, ROWS + 1), keys = 1 + below(state, 8);
    for (size_t i = 0; i < count; i++) {
        rows[i][0] = below(state, keys);
        rows[i][1] = input->first + below(state, DOCUMENTS);
    }
    qsort(rows, count, sizeof *rows, by_row);
    for (size_t i = 0; i < count; i++) {
        input->keys[i] = rows[i][0];
        input->numbers[i] = (uint32_t)rows[i][1];
    }
    input->how.keys = input->keys;
    input->how.numbers = input->numbers;
    input->how.rows = count;
    input->how.needed = below(state, 8) ? 60 + below(state, MATCH_SIZE - 59) : 0;
    input->how.most = 1 + below(state, 12);
}

/* ---- plainly ---- */

static size_t alike(const struct input *input, size_t one, size_t other)
{
    size_t equal = 0;
    for (size_t i = 0; i < MATCH_SIZE; i++)
        equal += input->signatures[one][i] == input->signatures[other][i];
    return equal;
}

static int compare(const struct input *input, size_t one, size_t other)
{
    return memcmp(input->signatures[one], input->signatures[other], MATCH_SIZE);
}

/* Different signatures of a bucket in the order of their bytes. */
static size_t sort_distinct(const struct input *input, const size_t *bucket, size_t count, size_t *distinct)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < found && compare(input, distinct[at], bucket[i]) < 0)
            at++;
        if (at < found && compare(input, distinct[at], bucket[i]) == 0)
            continue;
        memmove(distinct + at + 1, distinct + at, (found - at) * sizeof *distinct);
        distinct[at] = bucket[i];
        found++;
    }
    return found;
}

static void join(size_t *labels, size_t one, size_t other)
{
    const size_t a = labels[one], b = labels[other], least = a < b ? a : b;
    for (size_t i = 0; i < DOCUMENTS; i++)
        if (labels[i] == a || labels[i] == b)
            labels[i] = least;
}

static void join_leaders(const struct input *input, const size_t *distinct, size_t count, size_t *labels)
{
    size_t leaders[ROWS], led = 0;
    const bool all = count <= input->how.most;
    for (size_t i = 0; i < count; i++) {
        bool matched = false;
        for (size_t k = 0; k < led; k++)
            if (alike(input, distinct[i], leaders[k]) >= input->how.needed) {
                join(labels, distinct[i], leaders[k]);
                matched = true;
            }
        if (all || (!matched && led < input->how.most))
            leaders[led++] = distinct[i];
    }
}

/* Labels of a bucket's matches; false where a signature is missing that is wanted. */
static bool join_bucket(const struct input *input, size_t begin, size_t end, size_t *labels)
{
    size_t bucket[ROWS], distinct[ROWS];
    const size_t count = end - begin;
    const bool all = input->how.needed == 0;
    for (size_t i = 0; i < count; i++) {
        bucket[i] = input->numbers[begin + i] - input->first;
        if (count > 1 && !all && !input->known[bucket[i]])
            return false;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (all || compare(input, bucket[i], bucket[k]) == 0)
                join(labels, bucket[i], bucket[k]);
    if (!all && count > 1)
        join_leaders(input, distinct, sort_distinct(input, bucket, count, distinct), labels);
    return true;
}

/* ---- what holds ---- */

static void check(const struct input *input)
{
    size_t labels[DOCUMENTS], edge = 0;
    bool known = true;
    for (size_t i = 0; i < DOCUMENTS; i++)
        labels[i] = i;
    for (size_t begin = 0, end; begin < input->how.rows && known; begin = end) {
        for (end = begin + 1; end < input->how.rows && input->keys[end] == input->keys[begin];)
            end++;
        known = join_bucket(input, begin, end, labels);
    }
    const struct match_result found = match(&input->how);
    require(found.status == (known ? MATCH_DONE : MATCH_UNKNOWN), "a missing signature is said");
    require(known || !input->known[found.unknown - input->first], "the number that is missing");
    for (size_t root = 0; known && root < DOCUMENTS; root++)
        for (size_t i = root + 1; i < DOCUMENTS; i++)
            if (labels[i] == root) {
                const uint64_t expected = (uint64_t)(input->first + root) << 32 | (input->first + i);
                require(edge < found.count && found.edges[edge++] == expected, "the forest");
            }
    require(!known || edge == found.count, "no more of it");
    free(found.edges);
}

int main(int count, char **values)
{
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    struct input *const input = calloc(1, sizeof *input); /* a block of its own, so that a read past the end is seen */
    require(input != NULL, "memory");
    for (long i = 0; i < inputs; i++) {
        input->first = below(&state, 2) ? UINT32_MAX - DOCUMENTS + 1 : (uint32_t)below(&state, 9);
        make_signatures(input, &state);
        make_blocks(input, &state);
        make_rows(input, &state);
        check(input);
    }
    free(input);
    printf("%ld inputs\n", inputs);
    return 0;
}
