/* Byte-level BPE, from pretokens to tokens: see bpe.h. */
#include "bpe.h"

#include <stdlib.h>
#include <string.h>

#include "bpe_merge.h"
#include "bpe_model.h"
#include "bpe_tables.h"
#include "bpe_warm.h"

#define TARGET __attribute__((target("avx2,bmi,bmi2")))

struct bpe_worker {
    const struct bpe_model *model;
    struct bpe_tables tables;
    struct bpe_room room;
    struct pretokens pieces;
    uint8_t *whole; /* see find_whole; NULL until it is asked for */
    bool vectors;   /* the machine has AVX2 and BMI2 */
};

/* Tokens of up to 60 bytes. A whole token is looked for only where the tables may lack it. */
static size_t merge(const struct bpe_worker *worker, const uint8_t *bytes, size_t size, uint32_t *tokens)
{
    const struct bpe_model *const model = worker->model;
    if (worker->tables.lost && model->ignore_merges) {
        size_t slot;
        const uint32_t token = bpe_token_of(model, bytes, size, &slot);
        if (token != NONE)
            return tokens[0] = model->ids[token], 1;
    }
#if defined(__x86_64__) && !defined(PLAIN_C)
    if (worker->vectors)
        return bpe_merge_vectors(model, bytes, size, tokens);
#endif
    return bpe_merge_few(model, bytes, size, tokens);
}

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
    size_t wides, count;
    bool resolved; /* what the tables lacked of it was merged */
};

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

/* Six tokens of 20 bits to 32 each. */
#if defined(__x86_64__) && !defined(PLAIN_C)
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint32_t words4 __attribute__((vector_size(16)));

static ALWAYS_INLINE void unpack(uint32_t *out, const struct narrow *entry)
{
    const words4 moves = {0, 4, 0, 4};
    bytes16 all;
    memcpy(&all, entry->bytes, 16);
    const bytes16 a = __builtin_shufflevector(all, all, 0, 1, 2, 3, 2, 3, 4, 5, 5, 6, 7, 8, 7, 8, 9, 10);
    const bytes16 b = __builtin_shufflevector(all, all, 10, 11, 12, 13, 12, 13, 14, 15, 10, 11, 12, 13, 12, 13, 14, 15);
    const words4 four = ((words4)a >> moves) & 0xFFFFF, two = ((words4)b >> moves) & 0xFFFFF;
    memcpy(out, &four, 16);
    memcpy(out + 4, &two, 16);
}
#else
static ALWAYS_INLINE void unpack(uint32_t *out, const struct narrow *entry)
{
    for (size_t i = 0; i < NARROW_LARGE; i++)
        out[i] = narrow_token(entry, i);
}
#endif

/* These two write more than there is, into the room behind the tokens. */
static ALWAYS_INLINE void *put_narrow(void *out, const struct narrow *entry, size_t count, bool small)
{
    if (small) {
        memcpy(out, entry->seven, 16);
        return (uint16_t *)out + count;
    }
    unpack(out, entry);
    return (uint32_t *)out + count;
}

static ALWAYS_INLINE void *put_wide(void *out, const struct wide *entry, size_t count, bool small)
{
    memcpy(out, entry->fifteen, sizeof entry->fifteen);
    return small ? (void *)((uint16_t *)out + count) : (void *)((uint32_t *)out + count);
}

/* Keeps what may be there already. Bytes up to `limit` may be read. */
static void keep(struct bpe_worker *worker, const uint8_t *bytes, size_t size, const uint8_t *limit,
                 const uint32_t *tokens, size_t count)
{
    struct bpe_tables *const tables = &worker->tables;
    uint64_t key[8];
    if (size <= NARROW_BYTES) {
        narrow_key(key, bytes, size, limit);
        struct narrow *const entry = narrow_near(tables, key);
        if (!entry || !entry->key[1])
            bpe_narrow_keep(tables, entry, key, tokens, count);
        if (count <= (tables->small ? NARROW_SMALL : NARROW_LARGE))
            return;
    }
    wide_key(key, bytes, size, limit);
    struct wide *const entry = wide_near(tables, key);
    if (!entry || !entry->head)
        bpe_wide_keep(tables, entry, key, tokens, count);
}

#if defined(__x86_64__) && !defined(PLAIN_C)
/* What is merged side by side at once. */
#define MISSES 32

struct misses {
    struct mergeable all[MISSES];
    size_t count;
    int lanes;
};

static void merge_misses(struct bpe_worker *worker, struct misses *misses)
{
    bpe_merge_abreast(worker->model, misses->all, misses->count, misses->lanes);
    for (size_t i = 0; i < misses->count; i++) {
        const struct mergeable *const one = misses->all + i;
        keep(worker, one->bytes, one->size, one->bytes + sizeof one->bytes, one->tokens, one->count);
    }
    misses->count = 0;
}

/* key: of a narrow entry or a wide one. */
static ALWAYS_INLINE void miss(struct bpe_worker *worker, struct misses *misses, const uint64_t *key, size_t size)
{
    struct mergeable *const one = misses->all + misses->count++;
    if (size <= NARROW_BYTES) {
        memcpy(one->bytes, key, 16);
        one->bytes[NARROW_BYTES] = 0; /* the size stood there */
        memset(one->bytes + 16, 0, 8);
    } else {
        memcpy(one->bytes, key, 32);
        memset(one->bytes + 32, 0, 8);
    }
    one->size = (uint32_t)size;
    if (misses->count == MISSES)
        merge_misses(worker, misses);
}

/* A bit for each hash of a key, set for those of all tokens: most of what the tables lack is no token as a whole, which a
 * clear bit tells. 2^20 bits stay in the second-level cache; 128k tokens set an eighth of them. */
#define WHOLE_BITS 20

static bool find_whole(struct bpe_worker *worker)
{
    const struct bpe_model *const model = worker->model;
    worker->whole = calloc(((size_t)1 << WHOLE_BITS) / 8, 1);
    for (size_t i = 0; worker->whole && i < model->tokens; i++) {
        const uint8_t *const bytes = model->bytes + model->at[i];
        const size_t size = model->at[i + 1] - model->at[i];
        uint64_t key[8], hash;
        if (size > WIDE_BYTES)
            continue;
        if (size <= NARROW_BYTES)
            narrow_key(key, bytes, size, bytes), hash = narrow_hash(key);
        else
            wide_key(key, bytes, size, bytes), hash = wide_hash(key);
        hash >>= 64 - WHOLE_BITS;
        worker->whole[hash / 8] |= (uint8_t)(1 << hash % 8);
    }
    return worker->whole != NULL;
}

/* Whether this is a token as a whole, which is then kept as such. */
static bool keep_whole(struct bpe_worker *worker, const uint64_t *key, uint64_t hash, size_t size)
{
    const uint8_t *const bytes = (const uint8_t *)key;
    size_t slot;
    hash >>= 64 - WHOLE_BITS;
    if (!(worker->whole[hash / 8] >> hash % 8 & 1))
        return false;
    const uint32_t token = bpe_token_of(worker->model, bytes, size, &slot);
    if (token == NONE)
        return false;
    const uint32_t tokens[8] = {worker->model->ids[token]};
    keep(worker, bytes, size, bytes, tokens, 1);
    return true;
}

/* All pretokens of the lot from `from` on that are not there are merged side by side and kept. */
static __attribute__((noinline)) void resolve(struct bpe_worker *worker, struct lot *lot, size_t from)
{
    const bool ask = worker->tables.lost && worker->model->ignore_merges;
    struct misses narrow, wide;
    narrow.count = wide.count = 0;
    narrow.lanes = 16;
    wide.lanes = 32;
    lot->resolved = true;
    if (!worker->vectors || (ask && !worker->whole && !find_whole(worker)))
        return;
    for (size_t i = from; i < lot->count; i++) {
        const struct wanted *const wanted = lot->wanted + i;
        if (wanted->size <= NARROW_BYTES) {
            const struct narrow *const entry = narrow_near(&worker->tables, wanted->key);
            if (entry && entry->key[1])
                continue;
            if (!ask || !keep_whole(worker, wanted->key, narrow_hash(wanted->key), wanted->size))
                miss(worker, &narrow, wanted->key, wanted->size);
        } else if (wanted->size <= ABREAST_BYTES) {
            const uint64_t *const key = lot->wide[wanted->wide];
            const struct wide *const entry = wide_near(&worker->tables, key);
            if (entry && entry->head)
                continue;
            if (!ask || !keep_whole(worker, key, wide_hash(key), wanted->size))
                miss(worker, &wide, key, wanted->size);
        }
    }
    merge_misses(worker, &narrow);
    merge_misses(worker, &wide);
}
#else
static void resolve(struct bpe_worker *worker, struct lot *lot, size_t from)
{
    (void)worker;
    (void)from;
    lot->resolved = true;
}
#endif

static void *encode_wide(struct bpe_worker *worker, struct lot *lot, size_t number, const uint64_t key[8],
                         const uint8_t *bytes, size_t size, void *out)
{
    struct wide *entry = wide_near(&worker->tables, key);
    const bool small = worker->tables.small;
    if ((!entry || !entry->head) && !lot->resolved) {
        resolve(worker, lot, number);
        entry = wide_near(&worker->tables, key);
    }
    if (entry && entry->head) {
        entry->head |= ASKED;
        return put_wide(out, entry, entry->head & COUNT, small);
    }
    uint32_t tokens[64];
    const size_t count = merge(worker, bytes, size, tokens);
    bpe_wide_keep(&worker->tables, entry, key, tokens, count);
    return put(out, tokens, count, small);
}

static ALWAYS_INLINE void *encode_narrow(struct bpe_worker *worker, struct lot *lot, size_t number, const uint8_t *bytes,
                                         size_t size, void *out, bool small)
{
    const uint64_t *const key = lot->wanted[number].key;
    struct narrow *entry = narrow_near(&worker->tables, key);
    if ((!entry || !entry->key[1]) && !lot->resolved) {
        resolve(worker, lot, number);
        entry = narrow_near(&worker->tables, key);
    }
    uint32_t tokens[64];
    size_t count;
    if (entry && entry->key[1]) {
        count = head_of(entry, small) & COUNT;
        ask(entry, small);
        if (count != ELSEWHERE)
            return put_narrow(out, entry, count, small);
    } else {
        count = merge(worker, bytes, size, tokens);
        bpe_narrow_keep(&worker->tables, entry, key, tokens, count);
        if (count <= (small ? NARROW_SMALL : NARROW_LARGE))
            return put(out, tokens, count, small);
    }
    uint64_t all[8];
    wide_key(all, bytes, size, bytes);
    return encode_wide(worker, lot, number, all, bytes, size, out);
}

/* More than 60 bytes. NULL where memory ran out. */
static void *encode_long(struct bpe_worker *worker, const uint8_t *bytes, size_t size, void *out)
{
    size_t slot;
    if (worker->model->ignore_merges) {
        const uint32_t token = bpe_token_of(worker->model, bytes, size, &slot);
        if (token != NONE)
            return put(out, worker->model->ids + token, 1, worker->tables.small);
    }
    const size_t count = bpe_merge_many(worker->model, bytes, size, &worker->room);
    return count == SIZE_MAX ? NULL : put(out, worker->room.found, count, worker->tables.small);
}

/* These two answer NULL where the entry is not at its place. */
static ALWAYS_INLINE void *take_narrow(const struct bpe_worker *worker, const struct wanted *wanted, void *out, bool small)
{
    struct narrow *const pair = worker->tables.narrow + 2 * (size_t)wanted->place;
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
    struct wide *entry = worker->tables.wide + wanted->place;
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
        lot.count = count;
        lot.resolved = false;
        for (size_t i = 0; i < count; i++) {
            struct wanted *const wanted = lot.wanted + i;
            const uint32_t end = ends[done + i];
            wanted->at = at;
            wanted->size = end - at;
            if (wanted->size <= NARROW_BYTES) {
                narrow_key(wanted->key, text + at, wanted->size, limit);
                wanted->place = (uint32_t)(narrow_hash(wanted->key) >> worker->tables.narrow_shift);
                __builtin_prefetch(worker->tables.narrow + 2 * (size_t)wanted->place, 1);
            } else if (wanted->size <= WIDE_BYTES) {
                uint64_t *const key = lot.wide[wanted->wide = (uint32_t)lot.wides++];
                wide_key(key, text + at, wanted->size, limit);
                wanted->place = (uint32_t)(wide_hash(key) >> worker->tables.wide_shift);
                __builtin_prefetch(worker->tables.wide + wanted->place, 1);
                __builtin_prefetch(&worker->tables.wide[wanted->place].head, 1);
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
                    end = encode_narrow(worker, &lot, i, bytes, wanted->size, out, small);
            } else if (wanted->size <= WIDE_BYTES) {
                end = take_wide(worker, lot.wide[wanted->wide], wanted, out, small);
                if (!end)
                    end = encode_wide(worker, &lot, i, lot.wide[wanted->wide], bytes, wanted->size, out);
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
    return worker->tables.small ? encode_lots(worker, text, limit, out, true) : encode_lots(worker, text, limit, out, false);
}

#if defined(__x86_64__) && !defined(PLAIN_C)
TARGET static void *encode_vectors(struct bpe_worker *worker, const uint8_t *text, const uint8_t *limit, void *out)
{
    return worker->tables.small ? encode_lots(worker, text, limit, out, true) : encode_lots(worker, text, limit, out, false);
}
#endif

size_t bpe_encode(struct bpe_worker *worker, const struct splitter *splitters, size_t count, const uint8_t *text,
                  size_t size, const uint8_t *limit, void *out)
{
    if (!pretokenize(splitters, count, text, size, &worker->pieces))
        return SIZE_MAX;
#if defined(__x86_64__) && !defined(PLAIN_C)
    const uint8_t *const end =
        worker->vectors ? encode_vectors(worker, text, limit, out) : encode_plainly(worker, text, limit, out);
#else
    const uint8_t *const end = encode_plainly(worker, text, limit, out);
#endif
    if (!end)
        return SIZE_MAX;
    return (size_t)(end - (uint8_t *)out) / (worker->tables.small ? sizeof(uint16_t) : sizeof(uint32_t));
}

/* ---- workers ---- */

/* Room at the start, that a few megabytes of text do not make the tables grow: twice the vocabulary, and so many wide. */
#define WIDE_AT_START 8192
#define AHEAD 16

/* The vocabulary's own pretokens, most frequent first (ids are given in the order of merging). */
/* The place of a token is asked for from memory before it is needed. */
static void ask_for(const struct bpe_worker *worker, size_t token)
{
    const struct bpe_model *model = worker->model;
    const uint8_t *const bytes = model->bytes + model->at[token];
    const size_t size = model->at[token + 1] - model->at[token];
    uint64_t key[2];
    if (size > NARROW_BYTES)
        return;
    narrow_key(key, bytes, size, model->bytes + model->at[model->tokens]);
    __builtin_prefetch(worker->tables.narrow + 2 * (narrow_hash(key) >> worker->tables.narrow_shift), 1);
}

static void fill_plainly(struct bpe_worker *worker)
{
    const struct bpe_model *model = worker->model;
    const uint8_t *const limit = model->bytes + model->at[model->tokens];
    for (size_t i = 0; i < model->tokens; i++) {
        const uint8_t *const bytes = model->bytes + model->at[i];
        const size_t size = model->at[i + 1] - model->at[i];
        uint32_t tokens[64] = {model->ids[i]};
        if (i + AHEAD < model->tokens)
            ask_for(worker, i + AHEAD);
        if (size <= WIDE_BYTES)
            keep(worker, bytes, size, limit, tokens, model->ignore_merges ? 1 : merge(worker, bytes, size, tokens));
    }
}

#if defined(__x86_64__) && !defined(PLAIN_C)
static void fill_abreast(struct bpe_worker *worker)
{
    const struct bpe_model *model = worker->model;
    struct misses narrow, wide;
    narrow.count = wide.count = 0;
    narrow.lanes = 16;
    wide.lanes = 32;
    for (size_t i = 0; i < model->tokens; i++) {
        const uint8_t *const bytes = model->bytes + model->at[i];
        const size_t size = model->at[i + 1] - model->at[i];
        uint64_t key[8];
        uint32_t tokens[64];
        if (size <= NARROW_BYTES) {
            narrow_key(key, bytes, size, bytes);
            miss(worker, &narrow, key, size);
        } else if (size <= ABREAST_BYTES) {
            wide_key(key, bytes, size, bytes);
            miss(worker, &wide, key, size);
        } else if (size <= WIDE_BYTES) {
            keep(worker, bytes, size, bytes, tokens, merge(worker, bytes, size, tokens));
        }
    }
    merge_misses(worker, &narrow);
    merge_misses(worker, &wide);
}
#endif

static void fill(struct bpe_worker *worker)
{
#if defined(__x86_64__) && !defined(PLAIN_C)
    if (worker->vectors && !worker->model->ignore_merges) {
        fill_abreast(worker);
        return;
    }
#endif
    fill_plainly(worker);
}

struct bpe_worker *bpe_worker(const struct bpe_model *model, const struct units *known, size_t bound, bool small)
{
    struct bpe_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return NULL;
    worker->model = model;
#if defined(__x86_64__) && !defined(PLAIN_C)
    worker->vectors = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#endif
    if (known) {
        if (bpe_tables_learn(&worker->tables, known, bound, small))
            return worker;
    } else if (bpe_tables_start(&worker->tables, 2 * model->tokens, WIDE_AT_START, bound, small)) {
        fill(worker);
        return worker;
    }
    bpe_worker_free(worker);
    return NULL;
}

bool bpe_known(const struct bpe_worker *worker, bool asked, size_t most, struct units_made *made)
{
    return bpe_tables_known(&worker->tables, asked, most, made);
}

void bpe_worker_free(struct bpe_worker *worker)
{
    if (!worker)
        return;
    pretokenize_free(&worker->pieces);
    bpe_tables_free(&worker->tables);
    bpe_room_free(&worker->room);
    free(worker->whole);
    free(worker);
}
