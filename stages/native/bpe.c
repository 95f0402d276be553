/* Byte-level BPE: see bpe.h. */
#if defined(__linux__)
#define _GNU_SOURCE /* madvise */
#include <sys/mman.h>
#endif
#include "bpe.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define NARROW_BYTES 15
#define WIDE_BYTES 60
#define NONE UINT32_MAX
#define NO_RANK 0xFFFFFFu        /* of a pair that is no merge */
#define NO_PAIR (NO_RANK << 6) /* with a place below 64 beside it */

/* Odd numbers without pattern: the first 64 bits behind the point of the square roots of 2, 3, 5, 7, 11, 13, 17, 19
 * (those of SHA-512), made odd. Multiply and take the upper bits: each upper bit depends on all bits below. */
static const uint64_t factors[8] = {
    UINT64_C(0x6a09e667f3bcc909), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
    UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
    UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};

/* ---- memory ---- */

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

/* ---- the model ---- */

struct bpe_model {
    uint8_t *bytes;       /* of all tokens, back to back */
    uint32_t *at;         /* tokens + 1 offsets into them, in the order of the vocabulary */
    uint32_t *ids;        /* of each token */
    size_t tokens;
    uint32_t *table;      /* of tokens by their bytes, NONE where empty */
    uint32_t table_shift;
    uint64_t *pairs;      /* left << 44 | right << 24 | rank, or EMPTY */
    uint32_t pairs_shift;
    uint8_t *maybe;       /* a bit for each hash of a pair: a clear one says that it is no merge, and is near */
    uint32_t *joined;     /* id of each rank's result */
    uint32_t *byte_pairs; /* rank of each two bytes */
    uint32_t byte_ids[256];
    bool ignore_merges;
};

#define EMPTY UINT64_MAX /* no pair: its rank would be NO_RANK */

/* 2^20 bits are 128 KB, which stay in the second-level cache; 64k merges set 6 % of them, Llama 3's 280k a quarter. */
#define MAYBE_BITS 20

static inline uint64_t pair_hash(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << 20 | right) * factors[0];
}

static inline uint32_t rank_of(const struct bpe_model *model, uint32_t left, uint32_t right)
{
    const uint64_t hash = pair_hash(left, right), bit = hash >> (64 - MAYBE_BITS);
    if (!(model->maybe[bit / 8] >> bit % 8 & 1))
        return NO_RANK;
    const uint64_t key = (uint64_t)left << 20 | right, mask = (UINT64_C(1) << (64 - model->pairs_shift)) - 1;
    for (uint64_t i = hash >> model->pairs_shift;; i = (i + 1) & mask) {
        const uint64_t entry = model->pairs[i];
        if (entry == EMPTY)
            return NO_RANK;
        if (entry >> 24 == key)
            return entry & 0xFFFFFF;
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
    if (rank_of(model, x, y) != NO_RANK)
        return BPE_MERGE;
    const uint64_t hash = pair_hash(x, y), bit = hash >> (64 - MAYBE_BITS);
    const uint64_t mask = (UINT64_C(1) << (64 - model->pairs_shift)) - 1;
    uint64_t i = hash >> model->pairs_shift;
    while (model->pairs[i] != EMPTY)
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
    model->pairs = malloc(slots * sizeof *model->pairs);
    model->maybe = calloc(((size_t)1 << MAYBE_BITS) / 8, 1);
    model->joined = malloc((merges + 1) * sizeof *model->joined);
    model->byte_pairs = malloc(65536 * sizeof *model->byte_pairs);
    uint8_t *bytes = malloc(size + 2);
    enum bpe_fault fault = model->pairs && model->maybe && model->joined && model->byte_pairs && bytes ? BPE_FINE
                                                                                                       : BPE_MEMORY;
    if (fault == BPE_FINE) {
        memset(model->pairs, 0xFF, slots * sizeof *model->pairs);
        for (size_t i = 0; i < 65536; i++)
            model->byte_pairs[i] = NO_RANK;
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

#define ASKED 0x80u     /* since room was last wanted beside it */
#define COUNT 0x7Fu
#define ELSEWHERE 0x7Fu /* as a count: more tokens than there is room for, so in a wide entry */
#define IDS 0xFFFFFFu

/* Two to a cache line. Key: the bytes, zeros, the number of bytes in the last. `head` is the number of tokens and ASKED:
 * where tokens are small the last of `seven`, else the upper byte of the last of `four`, which ids leave free. */
struct narrow {
    uint64_t key[2];
    union {
        uint16_t seven[8];
        uint32_t four[4];
    };
};

/* Two lines. Key: the bytes, zeros, the number of bytes in the last four. */
struct wide {
    uint64_t key[8];
    uint32_t head;
    union {
        uint16_t thirty[30];
        uint32_t fifteen[15];
    };
};

/* Entries stand at most so many places behind that of their hash, or not at all. Below half full, all but a few in a
 * million find room in so many. */
#define REACH 16

struct bpe_worker {
    const struct bpe_model *model;
    struct narrow *narrow;
    struct wide *wide;
    uint32_t narrow_shift, wide_shift; /* 2^(64 - shift) pairs, entries */
    uint32_t narrow_least, wide_least; /* shifts of the largest tables */
    size_t narrow_used, wide_used;
    bool small;
    bool vectors; /* the machine has AVX2 and BMI2 */
    bool lost;    /* an entry had to make room: the vocabulary may no longer be there as a whole */
    struct pretokens pieces;
    struct symbol *symbols;
    uint64_t *heap;
    uint32_t *found; /* tokens of a long pretoken */
    size_t room;
};

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE uint32_t head_of(const struct narrow *entry, bool small)
{
    return small ? entry->seven[7] : entry->four[3] >> 24;
}

static ALWAYS_INLINE void ask(struct narrow *entry, bool small)
{
    if (small)
        entry->seven[7] |= ASKED;
    else
        entry->four[3] |= ASKED << 24;
}

static ALWAYS_INLINE void forget(struct narrow *entry, bool small)
{
    if (small)
        entry->seven[7] &= (uint16_t)~ASKED;
    else
        entry->four[3] &= ~(ASKED << 24);
}

static inline uint64_t narrow_hash(const uint64_t key[2]) { return key[0] * factors[0] + key[1] * factors[1]; }

static inline uint64_t wide_hash(const uint64_t key[8])
{
    uint64_t hash = 0;
    for (int i = 0; i < 8; i++)
        hash += key[i] * factors[i];
    return hash;
}

static inline size_t narrow_size(uint32_t shift) { return ((size_t)2 << (64 - shift)) * sizeof(struct narrow); }
static inline size_t wide_size(uint32_t shift) { return ((size_t)1 << (64 - shift)) * sizeof(struct wide); }

/* The entry of this key, or an empty one for it, or NULL where neither is near. */
static ALWAYS_INLINE struct narrow *narrow_near(const struct bpe_worker *worker, const uint64_t key[2])
{
    const size_t mask = ((size_t)2 << (64 - worker->narrow_shift)) - 1;
    const size_t place = 2 * (narrow_hash(key) >> worker->narrow_shift);
    for (size_t i = 0; i < REACH; i++) {
        struct narrow *const entry = worker->narrow + ((place + i) & mask);
        if ((entry->key[0] == key[0] && entry->key[1] == key[1]) || entry->key[1] == 0)
            return entry;
    }
    return NULL;
}

static inline bool same_key(const uint64_t a[8], const uint64_t b[8])
{
    uint64_t differs = 0;
    for (int i = 0; i < 8; i++)
        differs |= a[i] ^ b[i];
    return differs == 0;
}

static struct wide *wide_near(const struct bpe_worker *worker, const uint64_t key[8])
{
    const size_t mask = ((size_t)1 << (64 - worker->wide_shift)) - 1, place = wide_hash(key) >> worker->wide_shift;
    for (size_t i = 0; i < REACH; i++) {
        struct wide *const entry = worker->wide + ((place + i) & mask);
        if (entry->head == 0 || same_key(entry->key, key))
            return entry;
    }
    return NULL;
}

/* The first entry near that was not asked for; those passed by must be asked for again. */
static struct narrow *narrow_loser(struct bpe_worker *worker, const uint64_t key[2])
{
    const size_t mask = ((size_t)2 << (64 - worker->narrow_shift)) - 1;
    const size_t place = 2 * (narrow_hash(key) >> worker->narrow_shift);
    worker->lost = true;
    for (size_t i = 0; i < REACH; i++) {
        struct narrow *const entry = worker->narrow + ((place + i) & mask);
        if (!(head_of(entry, worker->small) & ASKED))
            return entry;
        forget(entry, worker->small);
    }
    return worker->narrow + (place & mask);
}

static struct wide *wide_loser(struct bpe_worker *worker, const uint64_t key[8])
{
    const size_t mask = ((size_t)1 << (64 - worker->wide_shift)) - 1, place = wide_hash(key) >> worker->wide_shift;
    worker->lost = true;
    for (size_t i = 0; i < REACH; i++) {
        struct wide *const entry = worker->wide + ((place + i) & mask);
        if (!(entry->head & ASKED))
            return entry;
        entry->head &= ~ASKED;
    }
    return worker->wide + (place & mask);
}

static void narrow_grow(struct bpe_worker *worker)
{
    struct narrow *const before = worker->narrow, *const larger = zeroed(narrow_size(worker->narrow_shift - 1));
    const size_t entries = (size_t)2 << (64 - worker->narrow_shift);
    if (!larger)
        return; /* the table stays as it is, and entries make room */
    worker->narrow = larger;
    worker->narrow_shift--;
    for (size_t i = 0; i < entries; i++) {
        if (before[i].key[1] == 0)
            continue;
        struct narrow *const entry = narrow_near(worker, before[i].key);
        if (entry)
            *entry = before[i];
        else
            worker->narrow_used--, worker->lost = true;
    }
    release(before, narrow_size(worker->narrow_shift + 1));
}

static void wide_grow(struct bpe_worker *worker)
{
    struct wide *const before = worker->wide, *const larger = zeroed(wide_size(worker->wide_shift - 1));
    const size_t entries = (size_t)1 << (64 - worker->wide_shift);
    if (!larger)
        return;
    worker->wide = larger;
    worker->wide_shift--;
    for (size_t i = 0; i < entries; i++) {
        if (before[i].head == 0)
            continue;
        struct wide *const entry = wide_near(worker, before[i].key);
        if (entry)
            *entry = before[i];
        else
            worker->wide_used--, worker->lost = true;
    }
    release(before, wide_size(worker->wide_shift + 1));
}

/* entry: what narrow_near answered for the key. */
static ALWAYS_INLINE void narrow_keep(struct bpe_worker *worker, struct narrow *entry, const uint64_t key[2],
                                      const uint32_t *tokens, size_t count, bool small)
{
    if (worker->narrow_used >= (size_t)1 << (64 - worker->narrow_shift) && worker->narrow_shift > worker->narrow_least) {
        narrow_grow(worker);
        entry = narrow_near(worker, key);
    }
    if (entry)
        worker->narrow_used++;
    else
        entry = narrow_loser(worker, key);
    entry->key[0] = key[0];
    entry->key[1] = key[1];
    if (small) {
        for (size_t i = 0; i < 7; i++)
            entry->seven[i] = (uint16_t)(count <= 7 ? tokens[i] : 0);
        entry->seven[7] = (uint16_t)(count <= 7 ? count : ELSEWHERE);
    } else {
        for (size_t i = 0; i < 4; i++)
            entry->four[i] = i < count && count <= 4 ? tokens[i] : 0;
        entry->four[3] |= (uint32_t)(count <= 4 ? count : ELSEWHERE) << 24;
    }
}

static void wide_keep(struct bpe_worker *worker, struct wide *entry, const uint64_t key[8], const uint32_t *tokens,
                      size_t count)
{
    if (count > (worker->small ? 30 : 15))
        return; /* merged anew each time */
    if (worker->wide_used >= (size_t)1 << (63 - worker->wide_shift) && worker->wide_shift > worker->wide_least) {
        wide_grow(worker);
        entry = wide_near(worker, key);
    }
    if (entry)
        worker->wide_used++;
    else
        entry = wide_loser(worker, key);
    memcpy(entry->key, key, sizeof entry->key);
    for (size_t i = 0; i < count; i++) {
        if (worker->small)
            entry->thirty[i] = (uint16_t)tokens[i];
        else
            entry->fifteen[i] = tokens[i];
    }
    entry->head = (uint32_t)count;
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
    free(worker->symbols);
    free(worker->heap);
    free(worker->found);
    worker->symbols = malloc(size * sizeof *worker->symbols);
    worker->heap = malloc(2 * size * sizeof *worker->heap); /* a pair for each symbol, and one more for each merge */
    worker->found = malloc(size * sizeof *worker->found);
    worker->room = worker->symbols && worker->heap && worker->found ? size : 0;
    return worker->room != 0;
}

/* Up to 60 symbols, which stay at the places of their first bytes: `there` has a bit for each. `waiting` has rank and
 * place of each pair, so that the least is the one to be joined, and places behind the last and joined ones are NONE.
 * tokens has room for 64. Answers their number. */
static size_t merge_few(const struct bpe_model *model, const uint8_t *bytes, size_t size, uint32_t *tokens)
{
    uint32_t ids[64], waiting[64];
    const size_t whole = (size + 7) / 8 * 8;
    uint64_t there = (UINT64_C(1) << size) - 1;
    for (size_t i = size - 1; i < whole; i++)
        waiting[i] = NONE;
    for (size_t i = 0; i < size; i++)
        ids[i] = model->byte_ids[bytes[i]];
    for (size_t i = 0; i + 1 < size; i++)
        waiting[i] = model->byte_pairs[bytes[i] << 8 | bytes[i + 1]] << 6 | (uint32_t)i;
    for (;;) {
        uint32_t least = NONE;
        for (size_t i = 0; i < whole; i++)
            least = waiting[i] < least ? waiting[i] : least;
        if (least >= NO_PAIR)
            break;
        const uint32_t at = least & 63;
        const uint64_t behind = there & ~UINT64_C(1) << at;
        const uint32_t right = (uint32_t)__builtin_ctzll(behind);
        const uint64_t further = behind & (behind - 1), before = there & ((UINT64_C(1) << at) - 1);
        const uint32_t id = model->joined[least >> 6];
        there &= ~(UINT64_C(1) << right);
        ids[at] = id;
        waiting[right] = NONE;
        waiting[at] = NONE;
        if (further)
            waiting[at] = rank_of(model, id, ids[__builtin_ctzll(further)]) << 6 | at;
        if (before) {
            const uint32_t left = 63 - (uint32_t)__builtin_clzll(before);
            waiting[left] = rank_of(model, ids[left], id) << 6 | left;
        }
    }
    size_t count = 0;
    for (; there; there &= there - 1)
        tokens[count++] = ids[__builtin_ctzll(there)];
    return count;
}

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,bmi,bmi2")))

/* The same with `waiting` in 1 to 4 registers of eight: what was just written can be read again at once. */
TARGET static ALWAYS_INLINE size_t merge_lanes(const struct bpe_model *model, const uint8_t *bytes, size_t size,
                                               uint32_t *tokens, const int registers)
{
    uint32_t ids[40], first[32];
    __m256i waiting[4], places[4];
    uint64_t there = (UINT64_C(1) << size) - 1;
    for (size_t i = 0; i < size; i++)
        ids[i] = model->byte_ids[bytes[i]];
    for (size_t i = 0; i + 1 < size; i++)
        first[i] = model->byte_pairs[bytes[i] << 8 | bytes[i + 1]] << 6 | (uint32_t)i;
    for (size_t i = size - 1; i < 8 * (size_t)registers; i++)
        first[i] = NONE;
    for (int i = 0; i < registers; i++) {
        waiting[i] = _mm256_loadu_si256((const __m256i *)(const void *)(first + 8 * i));
        places[i] = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(8 * i));
    }
    for (;;) {
        __m256i low = waiting[0];
        for (int i = 1; i < registers; i++)
            low = _mm256_min_epu32(low, waiting[i]);
        __m128i half = _mm_min_epu32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
        half = _mm_min_epu32(half, _mm_shuffle_epi32(half, 0x4E));
        half = _mm_min_epu32(half, _mm_shuffle_epi32(half, 0xB1));
        const uint32_t least = (uint32_t)_mm_cvtsi128_si32(half);
        if (least >= NO_PAIR)
            break;
        const uint32_t at = least & 63;
        const uint64_t behind = there & ~UINT64_C(1) << at;
        const uint32_t right = (uint32_t)__builtin_ctzll(behind);
        const uint64_t further = behind & (behind - 1), before = there & ((UINT64_C(1) << at) - 1);
        const uint32_t id = model->joined[least >> 6];
        uint32_t next = NONE, last = NONE;
        ids[at] = id;
        there &= ~(UINT64_C(1) << right);
        if (further)
            next = rank_of(model, id, ids[__builtin_ctzll(further)]) << 6 | at;
        const uint32_t left = before ? 63 - (uint32_t)__builtin_clzll(before) : 63;
        if (before)
            last = rank_of(model, ids[left], id) << 6 | left;
        const __m256i at_ = _mm256_set1_epi32((int)at), right_ = _mm256_set1_epi32((int)right);
        const __m256i left_ = _mm256_set1_epi32((int)left), next_ = _mm256_set1_epi32((int)next);
        const __m256i last_ = _mm256_set1_epi32((int)last);
        for (int i = 0; i < registers; i++) {
            waiting[i] = _mm256_or_si256(waiting[i], _mm256_cmpeq_epi32(places[i], right_));
            waiting[i] = _mm256_blendv_epi8(waiting[i], next_, _mm256_cmpeq_epi32(places[i], at_));
            waiting[i] = _mm256_blendv_epi8(waiting[i], last_, _mm256_cmpeq_epi32(places[i], left_));
        }
    }
    size_t count = 0;
    for (; there; there &= there - 1)
        tokens[count++] = ids[__builtin_ctzll(there)];
    return count;
}

TARGET static size_t merge_vectors(const struct bpe_model *model, const uint8_t *bytes, size_t size, uint32_t *tokens)
{
    if (size <= 9)
        return merge_lanes(model, bytes, size, tokens, 1);
    if (size <= 17)
        return merge_lanes(model, bytes, size, tokens, 2);
    if (size <= 33)
        return merge_lanes(model, bytes, size, tokens, 4);
    return merge_few(model, bytes, size, tokens);
}
#endif

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
        const uint32_t rank = i + 1 < size ? model->byte_pairs[bytes[i] << 8 | bytes[i + 1]] : NO_RANK;
        symbols[i] = (struct symbol){model->byte_ids[bytes[i]], rank, (uint32_t)i - 1, (uint32_t)i + 1};
        if (rank != NO_RANK)
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
        right->rank = NO_RANK;
        left->id = model->joined[rank];
        left->next = right->next;
        left->rank = NO_RANK;
        if (left->next < size) {
            symbols[left->next].before = at;
            left->rank = rank_of(model, left->id, symbols[left->next].id);
            if (left->rank != NO_RANK)
                heap_add(heap, &waiting, (uint64_t)left->rank << 32 | at);
        }
        if (at > 0) {
            struct symbol *const first = symbols + left->before;
            first->rank = rank_of(model, first->id, left->id);
            if (first->rank != NO_RANK)
                heap_add(heap, &waiting, (uint64_t)first->rank << 32 | left->before);
        }
    }
    size_t count = 0;
    for (size_t i = 0; i < size; i = symbols[i].next)
        worker->found[count++] = symbols[i].id;
    return count;
}

/* Tokens of up to 60 bytes. A whole token is looked for only where the tables may lack it. */
static size_t merge(const struct bpe_worker *worker, const uint8_t *bytes, size_t size, uint32_t *tokens)
{
    const struct bpe_model *const model = worker->model;
    if (worker->lost && model->ignore_merges) {
        size_t slot;
        const uint32_t token = token_of(model, bytes, size, &slot);
        if (token != NONE)
            return tokens[0] = model->ids[token], 1;
    }
#if defined(__x86_64__)
    if (worker->vectors)
        return merge_vectors(model, bytes, size, tokens);
#endif
    return merge_few(model, bytes, size, tokens);
}

/* ---- encoding ---- */

/* Pretokens are looked up in lots: places of their entries are asked for first, so that the memory's answers to all of
 * them come at the same time, and read then. A lot stays within the first-level cache. */
#define LOT 128

struct wanted {
    uint64_t key[2];   /* of a narrow entry */
    uint32_t at, size; /* bytes */
    uint32_t place;    /* of its hash */
    uint32_t wide;     /* number of its key in lot.wide */
};

struct lot {
    struct wanted wanted[LOT];
    uint64_t wide[LOT][8];
    size_t wides;
};

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LAST_BYTE(byte) ((uint64_t)(byte))
#else
#define LAST_BYTE(byte) ((uint64_t)(byte) << 56)
#endif

/* 64 times FF, 64 times 00: from 64 - n on, a mask of the first n bytes. */
#define EIGHT(b) b, b, b, b, b, b, b, b
#define ALL(b) EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b)
static const uint8_t first_bytes[128] = {ALL(0xFF), ALL(0)};

static ALWAYS_INLINE void narrow_key(uint64_t key[2], const uint8_t *bytes, size_t size, const uint8_t *limit)
{
    uint64_t mask[2];
    if (limit - bytes >= 16) {
        memcpy(key, bytes, 16);
        memcpy(mask, first_bytes + 64 - size, 16);
        key[0] &= mask[0];
        key[1] &= mask[1];
    } else {
        key[0] = key[1] = 0;
        memcpy(key, bytes, size);
    }
    key[1] |= LAST_BYTE(size);
}

static ALWAYS_INLINE void wide_key(uint64_t key[8], const uint8_t *bytes, size_t size, const uint8_t *limit)
{
    const uint32_t count = (uint32_t)size;
    if (limit - bytes >= 64) {
        uint64_t mask[8];
        memcpy(key, bytes, 64);
        memcpy(mask, first_bytes + 64 - size, 64);
        for (int i = 0; i < 8; i++)
            key[i] &= mask[i];
    } else {
        memset(key, 0, 64);
        memcpy(key, bytes, size);
    }
    memcpy((uint8_t *)key + WIDE_BYTES, &count, sizeof count);
}

static inline void *put(void *out, const uint32_t *tokens, size_t count, bool small)
{
    if (small) {
        uint16_t *const to = out;
        for (size_t i = 0; i < count; i++)
            to[i] = (uint16_t)tokens[i];
        return to + count;
    }
    memcpy(out, tokens, count * sizeof *tokens);
    return (uint32_t *)out + count;
}

/* These two write more than there is, into the room behind the tokens. */
static ALWAYS_INLINE void *put_narrow(void *out, const struct narrow *entry, size_t count, bool small)
{
    memcpy(out, entry->four, 16);
    if (small)
        return (uint16_t *)out + count;
    ((uint32_t *)out)[3] &= IDS;
    return (uint32_t *)out + count;
}

static ALWAYS_INLINE void *put_wide(void *out, const struct wide *entry, size_t count, bool small)
{
    memcpy(out, entry->fifteen, sizeof entry->fifteen);
    return small ? (void *)((uint16_t *)out + count) : (void *)((uint32_t *)out + count);
}

static void *encode_wide(struct bpe_worker *worker, const uint64_t key[8], const uint8_t *bytes, size_t size, void *out)
{
    struct wide *const entry = wide_near(worker, key);
    const bool small = worker->small;
    if (entry && entry->head) {
        entry->head |= ASKED;
        return put_wide(out, entry, entry->head & COUNT, small);
    }
    uint32_t tokens[64];
    const size_t count = merge(worker, bytes, size, tokens);
    wide_keep(worker, entry, key, tokens, count);
    return put(out, tokens, count, small);
}

static ALWAYS_INLINE void *encode_narrow(struct bpe_worker *worker, const uint64_t key[2], const uint8_t *bytes,
                                         size_t size, void *out, bool small)
{
    struct narrow *const entry = narrow_near(worker, key);
    uint32_t tokens[64];
    size_t count;
    if (entry && entry->key[1]) {
        count = head_of(entry, small) & COUNT;
        ask(entry, small);
        if (count != ELSEWHERE)
            return put_narrow(out, entry, count, small);
    } else {
        count = merge(worker, bytes, size, tokens);
        narrow_keep(worker, entry, key, tokens, count, small);
        if (count <= (small ? 7 : 4))
            return put(out, tokens, count, small);
    }
    uint64_t all[8];
    wide_key(all, bytes, size, bytes);
    return encode_wide(worker, all, bytes, size, out);
}

/* More than 60 bytes. NULL where memory ran out. */
static void *encode_long(struct bpe_worker *worker, const uint8_t *bytes, size_t size, void *out)
{
    size_t slot;
    if (worker->model->ignore_merges) {
        const uint32_t token = token_of(worker->model, bytes, size, &slot);
        if (token != NONE)
            return put(out, worker->model->ids + token, 1, worker->small);
    }
    if (!make_room(worker, size))
        return NULL;
    return put(out, worker->found, merge_many(worker, bytes, size), worker->small);
}

/* These two answer NULL where the entry is not at its place. */
static ALWAYS_INLINE void *take_narrow(const struct bpe_worker *worker, const struct wanted *wanted, void *out, bool small)
{
    struct narrow *const pair = worker->narrow + 2 * (size_t)wanted->place;
    const uint64_t a = wanted->key[0], b = wanted->key[1];
    const size_t second = ((pair[1].key[0] ^ a) | (pair[1].key[1] ^ b)) == 0;
    const size_t first = ((pair[0].key[0] ^ a) | (pair[0].key[1] ^ b)) == 0;
    struct narrow *const entry = pair + second;
    const uint32_t head = head_of(entry, small);
    if (!(first | second) || (head & COUNT) == ELSEWHERE)
        return NULL;
    void *const end = put_narrow(out, entry, head & COUNT, small);
    if (!(head & ASKED))
        ask(entry, small);
    return end;
}

static ALWAYS_INLINE void *take_wide(const struct bpe_worker *worker, const uint64_t key[8], const struct wanted *wanted,
                                     void *out, bool small)
{
    struct wide *entry = worker->wide + wanted->place;
    if (!same_key(entry->key, key))
        return NULL;
    if (!(entry->head & ASKED))
        entry->head |= ASKED;
    return put_wide(out, entry, entry->head & COUNT, small);
}

/* Tables may grow while a lot is read: places asked for before are then other places, where the entry is not found and
 * is looked for anew. They are within the larger table. */
static ALWAYS_INLINE void *encode_lots(struct bpe_worker *worker, const uint8_t *text, const uint8_t *limit, void *out,
                                       bool small)
{
    struct lot lot;
    const uint32_t *const ends = worker->pieces.ends;
    uint32_t at = 0;
    for (size_t done = 0; done < worker->pieces.count; done += LOT) {
        const size_t left = worker->pieces.count - done, count = left < LOT ? left : LOT;
        lot.wides = 0;
        for (size_t i = 0; i < count; i++) {
            struct wanted *const wanted = lot.wanted + i;
            const uint32_t end = ends[done + i];
            wanted->at = at;
            wanted->size = end - at;
            if (wanted->size <= NARROW_BYTES) {
                narrow_key(wanted->key, text + at, wanted->size, limit);
                wanted->place = (uint32_t)(narrow_hash(wanted->key) >> worker->narrow_shift);
                __builtin_prefetch(worker->narrow + 2 * (size_t)wanted->place, 1);
            } else if (wanted->size <= WIDE_BYTES) {
                uint64_t *const key = lot.wide[wanted->wide = (uint32_t)lot.wides++];
                wide_key(key, text + at, wanted->size, limit);
                wanted->place = (uint32_t)(wide_hash(key) >> worker->wide_shift);
                __builtin_prefetch(worker->wide + wanted->place, 1);
                __builtin_prefetch(&worker->wide[wanted->place].head, 1);
            }
            at = end;
        }
        for (size_t i = 0; i < count && out; i++) {
            const struct wanted *const wanted = lot.wanted + i;
            const uint8_t *const bytes = text + wanted->at;
            void *end;
            if (wanted->size <= NARROW_BYTES) {
                end = take_narrow(worker, wanted, out, small);
                if (!end)
                    end = encode_narrow(worker, wanted->key, bytes, wanted->size, out, small);
            } else if (wanted->size <= WIDE_BYTES) {
                end = take_wide(worker, lot.wide[wanted->wide], wanted, out, small);
                if (!end)
                    end = encode_wide(worker, lot.wide[wanted->wide], bytes, wanted->size, out);
            } else {
                end = encode_long(worker, bytes, wanted->size, out);
            }
            out = end;
        }
    }
    return out;
}

static void *encode_plainly(struct bpe_worker *worker, const uint8_t *text, const uint8_t *limit, void *out)
{
    return worker->small ? encode_lots(worker, text, limit, out, true) : encode_lots(worker, text, limit, out, false);
}

#if defined(__x86_64__)
TARGET static void *encode_vectors(struct bpe_worker *worker, const uint8_t *text, const uint8_t *limit, void *out)
{
    return worker->small ? encode_lots(worker, text, limit, out, true) : encode_lots(worker, text, limit, out, false);
}
#endif

size_t bpe_encode(struct bpe_worker *worker, const struct splitter *splitters, size_t count, const uint8_t *text,
                  size_t size, const uint8_t *limit, void *out)
{
    if (!pretokenize(splitters, count, text, size, &worker->pieces))
        return SIZE_MAX;
#if defined(__x86_64__)
    const uint8_t *const end =
        worker->vectors ? encode_vectors(worker, text, limit, out) : encode_plainly(worker, text, limit, out);
#else
    const uint8_t *const end = encode_plainly(worker, text, limit, out);
#endif
    if (!end)
        return SIZE_MAX;
    return (size_t)(end - (uint8_t *)out) / (worker->small ? sizeof(uint16_t) : sizeof(uint32_t));
}

/* ---- workers ---- */

/* The vocabulary's own pretokens, most frequent first (ids are given in the order of merging). */
static void fill(struct bpe_worker *worker)
{
    const struct bpe_model *model = worker->model;
    for (size_t i = 0; i < model->tokens; i++) {
        const uint8_t *const bytes = model->bytes + model->at[i];
        const size_t size = model->at[i + 1] - model->at[i];
        uint32_t tokens[64] = {model->ids[i]};
        uint64_t key[8];
        if (size > WIDE_BYTES)
            continue;
        const size_t count = model->ignore_merges ? 1 : merge(worker, bytes, size, tokens);
        if (size <= NARROW_BYTES) {
            narrow_key(key, bytes, size, bytes);
            struct narrow *const entry = narrow_near(worker, key);
            narrow_keep(worker, entry, key, tokens, count, worker->small);
        } else {
            wide_key(key, bytes, size, bytes);
            wide_keep(worker, wide_near(worker, key), key, tokens, count);
        }
    }
}

static uint32_t floor_log2(size_t value)
{
    uint32_t bits = 0;
    while (value >>= 1)
        bits++;
    return bits;
}

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

struct bpe_worker *bpe_worker(const struct bpe_model *model, size_t bound, bool small)
{
    struct bpe_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->model = model;
    worker->small = small;
#if defined(__x86_64__)
    worker->vectors = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    /* A quarter full of the vocabulary, and room for the words of some languages. At the bound, two thirds are narrow. */
    worker->narrow_shift = shift_for(model->tokens);
    worker->wide_shift = 64 - 13;
    worker->narrow_least = smaller(64 - floor_log2(bound * 2 / 3 / (2 * sizeof(struct narrow))), worker->narrow_shift);
    worker->wide_least = smaller(64 - floor_log2(bound / 3 / sizeof(struct wide)), worker->wide_shift);
    worker->narrow = zeroed(narrow_size(worker->narrow_shift));
    worker->wide = zeroed(wide_size(worker->wide_shift));
    if (!worker->narrow || !worker->wide) {
        bpe_worker_free(worker);
        return NULL;
    }
    fill(worker);
    return worker;
}

void bpe_worker_free(struct bpe_worker *worker)
{
    if (!worker)
        return;
    pretokenize_free(&worker->pieces);
    release(worker->narrow, narrow_size(worker->narrow_shift));
    release(worker->wide, wide_size(worker->wide_shift));
    free(worker->symbols);
    free(worker->heap);
    free(worker->found);
    free(worker);
}
