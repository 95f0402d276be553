/* Tables of known pretokens that grow and forget: see bpe_tables.h. */
#if defined(__linux__)
#define _GNU_SOURCE /* madvise */
#include <sys/mman.h>
#endif
#include "bpe_tables.h"

#include <stdlib.h>

/* Zeroed, at the start of a cache line. Large blocks come from the system, which gives zeros, and in large pages where it
 * has them: tables are read at random, and each page needs an entry in the processor's short list of pages. */
#define LARGE ((size_t)1 << 21)

static void *zeroed(size_t size)
{
#if defined(__linux__)
    if (size >= LARGE) {
        uint8_t *block = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return NULL;
        uint8_t *const start = block + (LARGE - (uintptr_t)block % LARGE) % LARGE;
        if (start > block)
            munmap(block, (size_t)(start - block));
        if (start < block + LARGE)
            munmap(start + size, (size_t)(block + LARGE - start));
        madvise(start, size, MADV_HUGEPAGE);
        return start;
    }
#endif
    void *const block = aligned_alloc(64, (size + 63) / 64 * 64);
    return block ? memset(block, 0, size) : NULL;
}

/* What zeroed() gave. */
static void release(void *block, size_t size)
{
#if defined(__linux__)
    if (block && size >= LARGE) {
        munmap(block, size);
        return;
    }
#endif
    (void)size;
    free(block);
}

/* ---- making room ---- */

/* The first entry near that was not asked for; those passed by must be asked for again. Where there is room for the whole
 * vocabulary, entries of one token stay: there are no more of them than tokens, and where the model has ignore_merges they
 * are what a look-up among all tokens would find. NULL where all stay. */
static struct narrow *narrow_loser(struct bpe_tables *tables, const uint64_t key[2])
{
    const size_t mask = ((size_t)2 << (64 - tables->narrow_shift)) - 1;
    const size_t place = 2 * (narrow_hash(key) >> tables->narrow_shift);
    struct narrow *last = NULL;
    for (size_t i = 0; i < REACH; i++) {
        struct narrow *const entry = tables->narrow + ((place + i) & mask);
        const uint32_t head = head_of(entry, tables->small);
        if ((head & COUNT) == 1 && tables->singles_stay)
            continue;
        last = last ? last : entry;
        if (!(head & ASKED)) {
            last = entry;
            break;
        }
        forget(entry, tables->small);
    }
    tables->lost = tables->lost || (last && (head_of(last, tables->small) & COUNT) == 1);
    return last;
}

static struct wide *wide_loser(struct bpe_tables *tables, const uint64_t key[8])
{
    const size_t mask = ((size_t)1 << (64 - tables->wide_shift)) - 1, place = wide_hash(key) >> tables->wide_shift;
    struct wide *last = NULL;
    for (size_t i = 0; i < REACH; i++) {
        struct wide *const entry = tables->wide + ((place + i) & mask);
        if ((entry->head & COUNT) == 1 && tables->singles_stay)
            continue;
        last = last ? last : entry;
        if (!(entry->head & ASKED)) {
            last = entry;
            break;
        }
        entry->head &= ~ASKED;
    }
    tables->lost = tables->lost || (last && (last->head & COUNT) == 1);
    return last;
}

static void narrow_grow(struct bpe_tables *tables)
{
    struct narrow *const before = tables->narrow, *const larger = zeroed(narrow_size(tables->narrow_shift - 1));
    const size_t entries = (size_t)2 << (64 - tables->narrow_shift);
    if (!larger)
        return; /* the table stays as it is, and entries make room */
    tables->narrow = larger;
    tables->narrow_shift--;
    for (size_t i = 0; i < entries; i++) {
        if (before[i].key[1] == 0)
            continue;
        struct narrow *entry = narrow_near(tables, before[i].key);
        if (!entry) {
            entry = narrow_loser(tables, before[i].key);
            tables->narrow_used--;
        }
        if (entry)
            *entry = before[i];
        else if ((head_of(before + i, tables->small) & COUNT) == 1)
            tables->lost = true;
    }
    release(before, narrow_size(tables->narrow_shift + 1));
}

static void wide_grow(struct bpe_tables *tables)
{
    struct wide *const before = tables->wide, *const larger = zeroed(wide_size(tables->wide_shift - 1));
    const size_t entries = (size_t)1 << (64 - tables->wide_shift);
    if (!larger)
        return;
    tables->wide = larger;
    tables->wide_shift--;
    for (size_t i = 0; i < entries; i++) {
        if (before[i].head == 0)
            continue;
        struct wide *entry = wide_near(tables, before[i].key);
        if (!entry) {
            entry = wide_loser(tables, before[i].key);
            tables->wide_used--;
        }
        if (entry)
            *entry = before[i];
        else if ((before[i].head & COUNT) == 1)
            tables->lost = true;
    }
    release(before, wide_size(tables->wide_shift + 1));
}

/* Six tokens of 20 bits and the head. */
static void pack(uint8_t bytes[16], const uint32_t *tokens, size_t count, uint8_t head)
{
    uint64_t six[NARROW_LARGE];
    for (size_t i = 0; i < NARROW_LARGE; i++)
        six[i] = i < count ? tokens[i] : 0;
    const uint64_t low = six[0] | six[1] << 20 | six[2] << 40 | six[3] << 60;
    const uint64_t high = six[3] >> 4 | six[4] << 16 | six[5] << 36 | (uint64_t)head << 56;
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(low >> 8 * i);
        bytes[8 + i] = (uint8_t)(high >> 8 * i);
    }
}

void bpe_narrow_keep(struct bpe_tables *tables, struct narrow *entry, const uint64_t key[2], const uint32_t *tokens,
                     size_t count)
{
    if (tables->narrow_used >= (size_t)1 << (64 - tables->narrow_shift) && tables->narrow_shift > tables->narrow_least) {
        narrow_grow(tables);
        entry = narrow_near(tables, key);
    }
    if (entry)
        tables->narrow_used++;
    else
        entry = narrow_loser(tables, key);
    if (!entry) {
        tables->lost = tables->lost || count == 1;
        return;
    }
    entry->key[0] = key[0];
    entry->key[1] = key[1];
    if (tables->small) {
        for (size_t i = 0; i < NARROW_SMALL; i++)
            entry->seven[i] = (uint16_t)(count <= NARROW_SMALL ? tokens[i] : 0);
        entry->seven[7] = (uint16_t)(count <= NARROW_SMALL ? count : ELSEWHERE);
    } else {
        const bool here = count <= NARROW_LARGE;
        pack(entry->bytes, tokens, here ? count : 0, (uint8_t)(here ? count : ELSEWHERE));
    }
}

void bpe_wide_keep(struct bpe_tables *tables, struct wide *entry, const uint64_t key[8], const uint32_t *tokens,
                   size_t count)
{
    if (count > (tables->small ? WIDE_SMALL : WIDE_LARGE))
        return;
    if (tables->wide_used >= (size_t)1 << (63 - tables->wide_shift) && tables->wide_shift > tables->wide_least) {
        wide_grow(tables);
        entry = wide_near(tables, key);
    }
    if (entry)
        tables->wide_used++;
    else
        entry = wide_loser(tables, key);
    if (!entry) {
        tables->lost = tables->lost || count == 1;
        return;
    }
    memcpy(entry->key, key, sizeof entry->key);
    for (size_t i = 0; i < count; i++) {
        if (tables->small)
            entry->thirty[i] = (uint16_t)tokens[i];
        else
            entry->fifteen[i] = tokens[i];
    }
    entry->head = (uint32_t)count;
}

/* ---- from start to end ---- */

static uint32_t floor_log2(size_t value)
{
    uint32_t bits = 0;
    while (value >>= 1)
        bits++;
    return bits;
}

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

#define LEAST (64 - 10) /* shift of the smallest table: of 64 KiB and 128 KiB, whatever the bound */

bool bpe_tables_start(struct bpe_tables *tables, size_t narrow, size_t wide, size_t bound, bool small)
{
    tables->small = small;
    /* Two thirds are narrow: most pretokens are. */
    tables->narrow_least = smaller(64 - floor_log2(bound * 2 / 3 / (2 * sizeof(struct narrow))), LEAST);
    tables->wide_least = smaller(64 - floor_log2(bound / 3 / sizeof(struct wide)), LEAST);
    tables->narrow_shift = larger(bpe_shift_for(narrow), tables->narrow_least); /* of pairs, so four entries for each */
    tables->wide_shift = larger(smaller(64 - 13, bpe_shift_for(2 * wide)), tables->wide_least);
    tables->singles_stay = tables->narrow_shift == bpe_shift_for(narrow);
    tables->narrow = zeroed(narrow_size(tables->narrow_shift));
    tables->wide = zeroed(wide_size(tables->wide_shift));
    return tables->narrow && tables->wide;
}

void bpe_tables_free(struct bpe_tables *tables)
{
    release(tables->narrow, narrow_size(tables->narrow_shift));
    release(tables->wide, wide_size(tables->wide_shift));
}
