/* Byte-level BPE: see bpe.h. */
#if defined(__linux__)
#define _GNU_SOURCE /* madvise */
#include <sys/mman.h>
#endif
#include "bpe.h"

#include <stdlib.h>
#include <string.h>

#define NARROW_BYTES 15
#define WIDE_BYTES 60
#define WIDE_TOKENS 15
#define NONE UINT32_MAX

/* Odd numbers without pattern: the first 64 bits behind the point of the square roots of 2, 3, 5, 7, 11, 13, 17, 19
 * (those of SHA-512), made odd. Multiply and take the upper bits: each upper bit depends on all bits below. */
static const uint64_t factors[8] = {
    UINT64_C(0x6a09e667f3bcc909), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
    UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
    UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

/* ---- memory ---- */

/* Zeroed, at the start of a cache line; large blocks in large pages where the system has them: tables are read at
 * random, and each page needs an entry in the processor's short list of pages. */
static void *zeroed(size_t size)
{
    const size_t page = (size_t)1 << 21, alignment = size >= page ? page : 64;
    const size_t whole = (size + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, whole);
    if (!block)
        return NULL;
#if defined(__linux__)
    if (size >= page)
        madvise(block, whole, MADV_HUGEPAGE);
#endif
    return memset(block, 0, whole);
}

/* ---- the model ---- */

struct bpe_model {
    uint8_t *bytes;       /* of all tokens, back to back */
    uint32_t *at;         /* tokens + 1 offsets into them, in the order of the vocabulary */
    uint32_t *ids;        /* of each token */
    size_t tokens;
    uint32_t *table;      /* of tokens by their bytes, NONE where empty */
    uint32_t table_shift;
    uint64_t *pairs;      /* left << 44 | right << 24 | rank, ~0 where empty */
    uint32_t pairs_shift;
    uint8_t *maybe;       /* a bit for each hash of a pair: a clear one says that it is no merge, and is near */
    uint32_t *joined;     /* id of each rank's result */
    uint32_t *byte_pairs; /* rank of each two bytes, NONE where they are no merge */
    uint32_t byte_ids[256];
    bool ignore_merges;
};

/* 2^20 bits are 128 KB, which stay in the second-level cache; 64k merges set 6 % of them, Llama 3's 280k a quarter. */
#define MAYBE_BITS 20

static inline uint64_t pair_hash(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << 20 | right) * factors[0];
}

static uint32_t rank_of(const struct bpe_model *model, uint32_t left, uint32_t right)
{
    const uint64_t hash = pair_hash(left, right), bit = hash >> (64 - MAYBE_BITS);
    if (!(model->maybe[bit / 8] >> bit % 8 & 1))
        return NONE;
    const uint64_t key = (uint64_t)left << 20 | right, mask = (UINT64_C(1) << (64 - model->pairs_shift)) - 1;
    for (uint64_t i = hash >> model->pairs_shift;; i = (i + 1) & mask) {
        const uint64_t entry = model->pairs[i];
        if (entry >> 24 == key && entry != ~UINT64_C(0))
            return entry & 0xFFFFFF;
        if (entry == ~UINT64_C(0))
            return NONE;
    }
}

static uint64_t bytes_hash(const uint8_t *bytes, size_t size)
{
    uint64_t hash = size * factors[1];
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * factors[0], hash ^= hash >> 29;
    return hash * factors[2];
}

/* Index of the token with these bytes, NONE where there is none; *slot is where it stands or would. */
static uint32_t token_of(const struct bpe_model *model, const uint8_t *bytes, size_t size, size_t *slot)
{
    const size_t mask = ((size_t)1 << (64 - model->table_shift)) - 1;
    for (size_t i = bytes_hash(bytes, size) >> model->table_shift;; i = (i + 1) & mask) {
        const uint32_t token = model->table[i];
        *slot = i;
        if (token == NONE)
            return NONE;
        if (model->at[token + 1] - model->at[token] == size && memcmp(model->bytes + model->at[token], bytes, size) == 0)
            return token;
    }
}

/* The byte of a code point of the byte alphabet: printable Latin-1 is itself, the 68 others follow from U+0100 on. */
static int32_t byte_of(uint32_t code)
{
    if ((code >= 0x21 && code <= 0x7E) || (code >= 0xA1 && code <= 0xAC) || (code >= 0xAE && code <= 0xFF))
        return (int32_t)code;
    if (code < 0x100 || code >= 0x144)
        return -1;
    const uint32_t n = code - 0x100; /* 00 to 20, 7F to A0, AD */
    return (int32_t)(n < 0x21 ? n : n < 0x43 ? n - 0x21 + 0x7F : 0xAD);
}

/* Reads one string up to its zero byte; *out takes its bytes. Answers their number, -1 where a character is none of the
 * alphabet (such a token can never be in a text). */
static ptrdiff_t spelled(const char **text, uint8_t *out)
{
    const uint8_t *at = (const uint8_t *)*text;
    ptrdiff_t count = 0;
    bool good = true;
    while (*at) {
        uint32_t bytes;
        const int32_t byte = byte_of(utf8_at(at, &bytes));
        good = good && byte >= 0;
        out[count++] = (uint8_t)byte;
        at += bytes;
    }
    *text = (const char *)at + 1;
    return good ? count : -1;
}

static uint32_t shift_for(size_t entries)
{
    uint32_t shift = 64 - 10;
    while (((size_t)1 << (64 - shift)) < 2 * entries)
        shift--;
    return shift;
}

static enum bpe_fault read_vocabulary(struct bpe_model *model, const char *text, size_t size, const int32_t *ids,
                                      size_t tokens)
{
    model->table_shift = shift_for(tokens);
    const size_t slots = (size_t)1 << (64 - model->table_shift);
    model->bytes = malloc(size + 1);
    model->at = malloc((tokens + 1) * sizeof *model->at);
    model->ids = malloc((tokens + 1) * sizeof *model->ids);
    model->table = malloc(slots * sizeof *model->table);
    uint8_t *taken = calloc(BPE_MOST_IDS / 8, 1);
    enum bpe_fault fault = model->bytes && model->at && model->ids && model->table && taken ? BPE_FINE : BPE_MEMORY;
    if (fault == BPE_FINE)
        memset(model->table, 0xFF, slots * sizeof *model->table);
    uint32_t at = 0;
    for (size_t i = 0; i < tokens && fault == BPE_FINE; i++) {
        if (ids[i] < 0 || ids[i] >= BPE_MOST_IDS || taken[ids[i] / 8] >> ids[i] % 8 & 1) {
            fault = BPE_ID;
            break;
        }
        taken[ids[i] / 8] |= (uint8_t)(1 << ids[i] % 8);
        const ptrdiff_t count = spelled(&text, model->bytes + at);
        if (count <= 0)
            continue;
        size_t slot;
        const size_t number = model->tokens++;
        model->at[number] = at;
        model->at[number + 1] = at + (uint32_t)count;
        model->ids[number] = (uint32_t)ids[i];
        if (token_of(model, model->bytes + at, (size_t)count, &slot) == NONE)
            model->table[slot] = (uint32_t)number;
        at += (uint32_t)count;
    }
    free(taken);
    for (uint32_t byte = 0; byte < 256 && fault == BPE_FINE; byte++) {
        const uint8_t one = (uint8_t)byte;
        size_t slot;
        const uint32_t token = token_of(model, &one, 1, &slot);
        if (token == NONE)
            fault = BPE_BYTES;
        else
            model->byte_ids[byte] = model->ids[token];
    }
    return fault;
}

static enum bpe_fault add_merge(struct bpe_model *model, const uint8_t *bytes, size_t left, size_t right, uint32_t rank)
{
    size_t slot;
    const uint32_t a = token_of(model, bytes, left, &slot), b = token_of(model, bytes + left, right, &slot);
    const uint32_t both = token_of(model, bytes, left + right, &slot);
    if (a == NONE || b == NONE || both == NONE)
        return BPE_MERGE;
    const uint32_t x = model->ids[a], y = model->ids[b];
    if (rank_of(model, x, y) != NONE)
        return BPE_MERGE;
    const uint64_t hash = pair_hash(x, y), bit = hash >> (64 - MAYBE_BITS);
    const uint64_t mask = (UINT64_C(1) << (64 - model->pairs_shift)) - 1;
    uint64_t i = hash >> model->pairs_shift;
    while (model->pairs[i] != ~UINT64_C(0))
        i = (i + 1) & mask;
    model->pairs[i] = (uint64_t)x << 44 | (uint64_t)y << 24 | rank;
    model->maybe[bit / 8] |= (uint8_t)(1 << bit % 8);
    model->joined[rank] = model->ids[both];
    if (left == 1 && right == 1)
        model->byte_pairs[bytes[0] << 8 | bytes[1]] = rank;
    return BPE_FINE;
}

static enum bpe_fault read_merges(struct bpe_model *model, const char *text, size_t size, size_t merges)
{
    if (merges > BPE_MOST_MERGES)
        return BPE_MANY;
    model->pairs_shift = shift_for(merges);
    const size_t slots = (size_t)1 << (64 - model->pairs_shift);
    model->pairs = zeroed(slots * sizeof *model->pairs);
    model->maybe = zeroed(((size_t)1 << MAYBE_BITS) / 8);
    model->joined = malloc((merges + 1) * sizeof *model->joined);
    model->byte_pairs = malloc(65536 * sizeof *model->byte_pairs);
    uint8_t *bytes = malloc(size + 2);
    enum bpe_fault fault = model->pairs && model->maybe && model->joined && model->byte_pairs && bytes ? BPE_FINE
                                                                                                       : BPE_MEMORY;
    if (fault == BPE_FINE) {
        memset(model->pairs, 0xFF, slots * sizeof *model->pairs);
        memset(model->byte_pairs, 0xFF, 65536 * sizeof *model->byte_pairs);
    }
    for (size_t rank = 0; rank < merges && fault == BPE_FINE; rank++) {
        const ptrdiff_t left = spelled(&text, bytes), right = left > 0 ? spelled(&text, bytes + left) : -1;
        fault = left > 0 && right > 0 ? add_merge(model, bytes, (size_t)left, (size_t)right, (uint32_t)rank) : BPE_MERGE;
    }
    free(bytes);
    return fault;
}

enum bpe_fault bpe_load(struct bpe_model **made, const char *vocabulary, size_t vocabulary_size, const int32_t *ids,
                        size_t tokens, const char *merges_text, size_t merges_size, size_t merges, bool ignore_merges)
{
    struct bpe_model *model = calloc(1, sizeof *model);
    if (!model)
        return BPE_MEMORY;
    model->ignore_merges = ignore_merges;
    enum bpe_fault fault = read_vocabulary(model, vocabulary, vocabulary_size, ids, tokens);
    if (fault == BPE_FINE)
        fault = read_merges(model, merges_text, merges_size, merges);
    if (fault == BPE_FINE)
        *made = model;
    else
        bpe_free(model);
    return fault;
}

void bpe_free(struct bpe_model *model)
{
    if (!model)
        return;
    void *const blocks[] = {model->bytes, model->at,    model->ids,    model->table,
                            model->pairs, model->maybe, model->joined, model->byte_pairs};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    free(model);
}

/* ---- the tables ---- */

/* Two to a cache line. Key: the bytes, zeros, the number of bytes in the last. Of the tokens the first has the number of
 * tokens and a mark in its upper byte, which ids below 2^20 leave free. */
struct narrow {
    uint64_t key[2];
    uint32_t tokens[4];
};
#define IDS 0xFFFFFFu
#define ASKED (1u << 31)      /* since room was last wanted beside it */
#define COUNT(first) ((first) >> 24 & 0x7F)
#define ELSEWHERE (0x7Fu << 24) /* more than four tokens: in a wide entry */

/* Two lines. Key as above; the number of bytes stands in the last four. */
struct wide {
    uint64_t key[8];
    uint32_t count; /* and ASKED */
    uint32_t tokens[WIDE_TOKENS];
};

/* Entries stand at most this far behind the place of their hash: narrow in pairs, wide alone. */
#define REACH 4

struct bpe_worker {
    const struct bpe_model *model;
    struct narrow *narrow;
    struct wide *wide;
    uint32_t narrow_shift, wide_shift; /* 2^(64 - shift) pairs, entries */
    uint32_t narrow_least, wide_least; /* shifts of the largest tables */
    size_t narrow_used, wide_used;
    bool lost; /* an entry had to make room: the vocabulary may no longer be there as a whole */
    struct pretokens pieces;
    struct symbol *symbols;
    uint64_t *heap;
    uint32_t *found; /* tokens of a pretoken that no entry holds */
    size_t room;
};

static inline uint64_t narrow_hash(uint64_t a, uint64_t b) { return a * factors[0] + b * factors[1]; }

static inline uint64_t wide_hash(const uint64_t key[8])
{
    uint64_t hash = 0;
    for (int i = 0; i < 8; i++)
        hash += key[i] * factors[i];
    return hash;
}

static struct narrow *narrow_find(const struct bpe_worker *worker, uint64_t a, uint64_t b)
{
    const uint64_t mask = (UINT64_C(1) << (64 - worker->narrow_shift)) - 1;
    const uint64_t place = narrow_hash(a, b) >> worker->narrow_shift;
    for (uint64_t i = 0; i < REACH; i++) {
        struct narrow *pair = worker->narrow + 2 * ((place + i) & mask);
        for (int k = 0; k < 2; k++) {
            if (pair[k].key[0] == a && pair[k].key[1] == b)
                return pair + k;
            if (pair[k].key[1] == 0)
                return NULL;
        }
    }
    return NULL;
}

/* An empty entry, or NULL where none is near. */
static struct narrow *narrow_room(const struct bpe_worker *worker, uint64_t a, uint64_t b)
{
    const uint64_t mask = (UINT64_C(1) << (64 - worker->narrow_shift)) - 1;
    const uint64_t place = narrow_hash(a, b) >> worker->narrow_shift;
    for (uint64_t i = 0; i < 2 * REACH; i++) {
        struct narrow *entry = worker->narrow + ((2 * place + i) & (2 * mask + 1));
        if (entry->key[1] == 0)
            return entry;
    }
    return NULL;
}

/* The first entry near that was not asked for; those passed by must be asked for again. */
static struct narrow *narrow_loser(const struct bpe_worker *worker, uint64_t a, uint64_t b)
{
    const uint64_t mask = (UINT64_C(1) << (64 - worker->narrow_shift)) - 1;
    const uint64_t first = 2 * (narrow_hash(a, b) >> worker->narrow_shift);
    for (uint64_t i = 0; i < 2 * REACH; i++) {
        struct narrow *entry = worker->narrow + ((first + i) & (2 * mask + 1));
        if (!(entry->tokens[0] & ASKED))
            return entry;
        entry->tokens[0] &= ~ASKED;
    }
    return worker->narrow + first;
}

static bool narrow_grow(struct bpe_worker *worker)
{
    struct narrow *const before = worker->narrow;
    const size_t entries = (size_t)2 << (64 - worker->narrow_shift);
    struct narrow *larger = zeroed(2 * entries * sizeof *larger + 64);
    if (!larger)
        return false;
    worker->narrow = larger;
    worker->narrow_shift--;
    for (size_t i = 0; i < entries; i++) {
        if (before[i].key[1] == 0)
            continue;
        struct narrow *entry = narrow_room(worker, before[i].key[0], before[i].key[1]);
        if (entry)
            *entry = before[i];
        else
            worker->narrow_used--, worker->lost = true;
    }
    free(before);
    return true;
}

static void narrow_keep(struct bpe_worker *worker, uint64_t a, uint64_t b, const uint32_t tokens[4])
{
    const size_t entries = (size_t)2 << (64 - worker->narrow_shift);
    struct narrow *entry = narrow_room(worker, a, b);
    if (worker->narrow_shift > worker->narrow_least && (!entry || worker->narrow_used >= entries / 2)) {
        if (narrow_grow(worker))
            entry = narrow_room(worker, a, b);
    }
    if (entry)
        worker->narrow_used++;
    else
        entry = narrow_loser(worker, a, b), worker->lost = true;
    entry->key[0] = a;
    entry->key[1] = b;
    memcpy(entry->tokens, tokens, sizeof entry->tokens);
}

static inline bool same_key(const uint64_t a[8], const uint64_t b[8])
{
    uint64_t differs = 0;
    for (int i = 0; i < 8; i++)
        differs |= a[i] ^ b[i];
    return differs == 0;
}

static inline bool wide_empty(const struct wide *entry) { return entry->count == 0; }

static struct wide *wide_find(const struct bpe_worker *worker, const uint64_t key[8], uint64_t hash)
{
    const uint64_t mask = (UINT64_C(1) << (64 - worker->wide_shift)) - 1;
    for (uint64_t i = 0; i < REACH; i++) {
        struct wide *entry = worker->wide + (((hash >> worker->wide_shift) + i) & mask);
        if (same_key(entry->key, key))
            return entry;
        if (wide_empty(entry))
            return NULL;
    }
    return NULL;
}

static struct wide *wide_room(const struct bpe_worker *worker, uint64_t hash)
{
    const uint64_t mask = (UINT64_C(1) << (64 - worker->wide_shift)) - 1;
    for (uint64_t i = 0; i < REACH; i++) {
        struct wide *entry = worker->wide + (((hash >> worker->wide_shift) + i) & mask);
        if (wide_empty(entry))
            return entry;
    }
    return NULL;
}

static struct wide *wide_loser(const struct bpe_worker *worker, uint64_t hash)
{
    const uint64_t mask = (UINT64_C(1) << (64 - worker->wide_shift)) - 1, first = hash >> worker->wide_shift;
    for (uint64_t i = 0; i < REACH; i++) {
        struct wide *entry = worker->wide + ((first + i) & mask);
        if (!(entry->count & ASKED))
            return entry;
        entry->count &= ~ASKED;
    }
    return worker->wide + first;
}

static bool wide_grow(struct bpe_worker *worker)
{
    struct wide *const before = worker->wide;
    const size_t entries = (size_t)1 << (64 - worker->wide_shift);
    struct wide *larger = zeroed(2 * entries * sizeof *larger);
    if (!larger)
        return false;
    worker->wide = larger;
    worker->wide_shift--;
    for (size_t i = 0; i < entries; i++) {
        if (wide_empty(before + i))
            continue;
        struct wide *entry = wide_room(worker, wide_hash(before[i].key));
        if (entry)
            *entry = before[i];
        else
            worker->wide_used--, worker->lost = true;
    }
    free(before);
    return true;
}

static void wide_keep(struct bpe_worker *worker, const uint64_t key[8], const uint32_t *tokens, size_t count)
{
    const size_t entries = (size_t)1 << (64 - worker->wide_shift);
    const uint64_t hash = wide_hash(key);
    struct wide *entry = wide_room(worker, hash);
    if (worker->wide_shift > worker->wide_least && (!entry || worker->wide_used >= entries / 2)) {
        if (wide_grow(worker))
            entry = wide_room(worker, hash);
    }
    if (entry)
        worker->wide_used++;
    else
        entry = wide_loser(worker, hash), worker->lost = true;
    memcpy(entry->key, key, sizeof entry->key);
    memcpy(entry->tokens, tokens, count * sizeof *tokens);
    entry->count = (uint32_t)count;
}

/* ---- merging ---- */

struct symbol {
    uint32_t id, rank; /* rank of the pair with the next */
    uint32_t before, next;
};

static bool make_room(struct bpe_worker *worker, size_t size)
{
    if (size <= worker->room)
        return true;
    const size_t room = size + size / 2 + 64;
    free(worker->symbols);
    free(worker->heap);
    free(worker->found);
    worker->symbols = malloc(room * sizeof *worker->symbols);
    worker->heap = malloc(3 * room * sizeof *worker->heap); /* every pair at first, and two for each merge */
    worker->found = malloc(room * sizeof *worker->found);
    worker->room = worker->symbols && worker->heap && worker->found ? room : 0;
    return worker->room != 0;
}

/* Few symbols: the lowest rank is found by looking at all. */
static size_t merge_few(const struct bpe_model *model, const uint8_t *bytes, size_t size, uint32_t *ids)
{
    uint32_t ranks[WIDE_BYTES + 4];
    for (size_t i = 0; i + 1 < size; i++) {
        ids[i] = model->byte_ids[bytes[i]];
        ranks[i] = model->byte_pairs[bytes[i] << 8 | bytes[i + 1]];
    }
    ids[size - 1] = model->byte_ids[bytes[size - 1]];
    while (size > 1) {
        uint32_t lowest = NONE;
        size_t at = 0;
        for (size_t i = 0; i + 1 < size; i++)
            if (ranks[i] < lowest)
                lowest = ranks[i], at = i;
        if (lowest == NONE)
            break;
        ids[at] = model->joined[lowest];
        size--;
        for (size_t i = at + 1; i < size; i++) {
            ids[i] = ids[i + 1];
            ranks[i] = ranks[i + 1]; /* the last is not looked at */
        }
        if (at > 0)
            ranks[at - 1] = rank_of(model, ids[at - 1], ids[at]);
        if (at + 1 < size)
            ranks[at] = rank_of(model, ids[at], ids[at + 1]);
    }
    return size;
}

static void heap_down(uint64_t *heap, size_t size, size_t at)
{
    const uint64_t value = heap[at];
    for (size_t child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= value)
            break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

static void heap_add(uint64_t *heap, size_t *size, uint64_t value)
{
    size_t at = (*size)++;
    for (; at > 0 && heap[(at - 1) / 2] > value; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = value;
}

/* Many: a heap of rank and place. An entry is out of date where the pair at its place has another rank by now. */
static size_t merge_many(struct bpe_worker *worker, const uint8_t *bytes, size_t size)
{
    const struct bpe_model *model = worker->model;
    struct symbol *symbols = worker->symbols;
    uint64_t *heap = worker->heap;
    size_t waiting = 0;
    for (size_t i = 0; i < size; i++) {
        const uint32_t rank = i + 1 < size ? model->byte_pairs[bytes[i] << 8 | bytes[i + 1]] : NONE;
        symbols[i] = (struct symbol){model->byte_ids[bytes[i]], rank, (uint32_t)i - 1, (uint32_t)i + 1};
        if (rank != NONE)
            heap[waiting++] = (uint64_t)rank << 32 | i;
    }
    for (size_t i = waiting / 2; i-- > 0;)
        heap_down(heap, waiting, i);
    while (waiting) {
        const uint32_t at = (uint32_t)heap[0], rank = (uint32_t)(heap[0] >> 32);
        heap[0] = heap[--waiting];
        heap_down(heap, waiting, 0);
        struct symbol *const left = symbols + at;
        if (left->rank != rank)
            continue;
        struct symbol *const right = symbols + left->next;
        right->rank = NONE;
        left->id = model->joined[rank];
        left->next = right->next;
        left->rank = NONE;
        if (left->next < size) {
            symbols[left->next].before = at;
            left->rank = rank_of(model, left->id, symbols[left->next].id);
            if (left->rank != NONE)
                heap_add(heap, &waiting, (uint64_t)left->rank << 32 | at);
        }
        if (at > 0) {
            struct symbol *const first = symbols + left->before;
            first->rank = rank_of(model, first->id, left->id);
            if (first->rank != NONE)
                heap_add(heap, &waiting, (uint64_t)first->rank << 32 | left->before);
        }
    }
    size_t count = 0;
    for (size_t i = 0; i < size; i = symbols[i].next)
        worker->found[count++] = symbols[i].id;
    return count;
}

/* Tokens of a pretoken, in worker->found. SIZE_MAX where memory ran out. */
static size_t merge(struct bpe_worker *worker, const uint8_t *bytes, size_t size, bool whole)
{
    if (!make_room(worker, size < WIDE_BYTES + 4 ? WIDE_BYTES + 4 : size))
        return SIZE_MAX;
    if (whole) {
        size_t slot;
        const uint32_t token = token_of(worker->model, bytes, size, &slot);
        if (token != NONE)
            return worker->found[0] = worker->model->ids[token], 1;
    }
    if (size <= WIDE_BYTES)
        return merge_few(worker->model, bytes, size, worker->found);
    return merge_many(worker, bytes, size);
}

/* ---- encoding ---- */

static void narrow_key(const uint8_t *bytes, size_t size, uint64_t key[2])
{
    uint8_t all[16] = {0};
    memcpy(all, bytes, size);
    all[15] = (uint8_t)size;
    memcpy(key, all, sizeof all);
}

static void wide_key(const uint8_t *bytes, size_t size, uint64_t key[8])
{
    uint8_t all[64] = {0};
    const uint32_t count = (uint32_t)size;
    memcpy(all, bytes, size);
    memcpy(all + WIDE_BYTES, &count, sizeof count);
    memcpy(key, all, sizeof all);
}

static void keep(struct bpe_worker *worker, const uint8_t *bytes, size_t size, const uint32_t *tokens, size_t count)
{
    if (size > WIDE_BYTES || count > WIDE_TOKENS)
        return;
    if (size > NARROW_BYTES || count > 4) {
        uint64_t key[8];
        wide_key(bytes, size, key);
        if (size > NARROW_BYTES || !wide_find(worker, key, wide_hash(key)))
            wide_keep(worker, key, tokens, count);
    }
    if (size <= NARROW_BYTES) {
        uint64_t key[2];
        uint32_t four[4] = {ELSEWHERE, 0, 0, 0};
        narrow_key(bytes, size, key);
        if (count <= 4) {
            memcpy(four, tokens, count * sizeof *tokens);
            four[0] |= (uint32_t)count << 24;
        }
        if (!narrow_find(worker, key[0], key[1]))
            narrow_keep(worker, key[0], key[1], four);
    }
}

static inline void *put(void *out, const uint32_t *tokens, size_t count, bool small)
{
    if (small) {
        uint16_t *to = out;
        for (size_t i = 0; i < count; i++)
            to[i] = (uint16_t)tokens[i];
        return to + count;
    }
    memcpy(out, tokens, count * sizeof *tokens);
    return (uint32_t *)out + count;
}

/* A pretoken that stands in no narrow entry near the place of its hash. NULL where memory ran out. */
static void *encode_rare(struct bpe_worker *worker, const uint8_t *bytes, size_t size, void *out, bool small)
{
    if (size <= NARROW_BYTES) {
        uint64_t key[2];
        narrow_key(bytes, size, key);
        struct narrow *entry = narrow_find(worker, key[0], key[1]);
        if (entry) {
            entry->tokens[0] |= ASKED;
            const uint32_t count = COUNT(entry->tokens[0]);
            if (count <= 4) {
                uint32_t tokens[4];
                memcpy(tokens, entry->tokens, sizeof tokens);
                tokens[0] &= IDS;
                return put(out, tokens, count, small);
            }
        }
    }
    if (size <= WIDE_BYTES) {
        uint64_t key[8];
        wide_key(bytes, size, key);
        struct wide *entry = wide_find(worker, key, wide_hash(key));
        if (entry) {
            const uint32_t count = entry->count & ~ASKED;
            entry->count |= ASKED;
            return put(out, entry->tokens, count, small);
        }
    }
    const bool whole = worker->model->ignore_merges && (worker->lost || size > WIDE_BYTES);
    const size_t count = merge(worker, bytes, size, whole);
    if (count == SIZE_MAX)
        return NULL;
    keep(worker, bytes, size, worker->found, count);
    return put(out, worker->found, count, small);
}

size_t bpe_encode(struct bpe_worker *worker, const struct splitter *splitters, size_t count, const uint8_t *text,
                  size_t size, const uint8_t *limit, void *out, bool small)
{
    (void)limit;
    if (!pretokenize(splitters, count, text, size, &worker->pieces))
        return SIZE_MAX;
    uint8_t *const begin = out;
    size_t at = 0;
    for (size_t i = 0; i < worker->pieces.count; i++) {
        const size_t end = worker->pieces.ends[i];
        out = encode_rare(worker, text + at, end - at, out, small);
        if (!out)
            return SIZE_MAX;
        at = end;
    }
    return (size_t)((uint8_t *)out - begin) / (small ? sizeof(uint16_t) : sizeof(uint32_t));
}

/* ---- workers ---- */

/* The vocabulary's own pretokens, most frequent first (ids are given in the order of merging). */
static bool fill(struct bpe_worker *worker)
{
    const struct bpe_model *model = worker->model;
    for (size_t i = 0; i < model->tokens; i++) {
        const uint8_t *bytes = model->bytes + model->at[i];
        const size_t size = model->at[i + 1] - model->at[i];
        if (size > WIDE_BYTES)
            continue;
        const size_t count = merge(worker, bytes, size, model->ignore_merges);
        if (count == SIZE_MAX)
            return false;
        if (count == 1 || !model->ignore_merges)
            keep(worker, bytes, size, worker->found, count);
    }
    return true;
}

static uint32_t floor_log2(size_t value)
{
    uint32_t bits = 0;
    while (value >>= 1)
        bits++;
    return bits;
}

struct bpe_worker *bpe_worker(const struct bpe_model *model, size_t bound)
{
    struct bpe_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->model = model;
    /* Two thirds for narrow entries; a table and its larger successor never stand beside each other at the bound. */
    worker->narrow_least = 64 - floor_log2(bound * 2 / 3 / (2 * sizeof(struct narrow)));
    worker->wide_least = 64 - floor_log2(bound / 3 / sizeof(struct wide));
    worker->narrow_shift = shift_for(model->tokens / 2);
    worker->wide_shift = 64 - 12;
    if (worker->narrow_least > worker->narrow_shift)
        worker->narrow_least = worker->narrow_shift;
    if (worker->wide_least > worker->wide_shift)
        worker->wide_least = worker->wide_shift;
    worker->narrow = zeroed(((size_t)2 << (64 - worker->narrow_shift)) * sizeof *worker->narrow + 64);
    worker->wide = zeroed(((size_t)1 << (64 - worker->wide_shift)) * sizeof *worker->wide);
    if (!worker->narrow || !worker->wide || !fill(worker)) {
        bpe_worker_free(worker);
        return NULL;
    }
    return worker;
}

void bpe_worker_free(struct bpe_worker *worker)
{
    if (!worker)
        return;
    pretokenize_free(&worker->pieces);
    free(worker->narrow);
    free(worker->wide);
    free(worker->symbols);
    free(worker->heap);
    free(worker->found);
    free(worker);
}
