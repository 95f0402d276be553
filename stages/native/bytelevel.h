/* A byte-level tokenizer as a whole: rows of an Arrow array to tokens, on one or several threads.
 *
 * Rows that this engine leaves to `tokenizers` ("hard"): those with the text of an added token anywhere in them, and
 * those with a code point that the normalizer may change, move or join to another (a text without any stays as it is).
 */
#ifndef FLORILEGIUM_BYTELEVEL_H
#define FLORILEGIUM_BYTELEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpe.h"
#include "pretokenize.h"

#define BYTELEVEL_SPLITTERS 8
#define BYTELEVEL_THREADS 64

/* Room for whole-entry writes behind each thread's tokens, in tokens. */
#define BYTELEVEL_SPARE 64

struct added {
    const uint8_t *text; /* sorted by bytes; none is empty */
    size_t size;
};

struct bytelevel {
    struct bpe_model *model;
    struct splitter splitters[BYTELEVEL_SPLITTERS];
    size_t splitters_count;
    uint16_t *unstable; /* not 0 for each code point that makes a row hard; NULL where there is no normalizer */
    struct added *added;
    size_t added_count;
    uint32_t first[257];           /* added tokens by their first byte: first[b] to first[b + 1] */
    const struct units *known; /* for each worker's start; NULL for none */
    struct bpe_worker *workers[BYTELEVEL_THREADS];
    size_t bound; /* bytes that the tables of all workers may take */
    bool small;   /* tokens are uint16, else int32 */
};

struct bytelevel_rows {
    const uint8_t *data;
    const int64_t *offsets; /* count + 1 that rise, from 0 to the size of data */
    size_t count;
    void *tokens;  /* uint16 or int32; a token a byte and BYTELEVEL_SPARE a thread */
    int64_t *ends; /* count + 1 */
    uint8_t *hard; /* set to 1 for hard rows */
};

enum bytelevel_fault { BYTELEVEL_FINE, BYTELEVEL_MEMORY, BYTELEVEL_INVALID };

/* Fills first[]. */
void bytelevel_prepare(struct bytelevel *engine);

/* On BYTELEVEL_INVALID row *row is no UTF-8, from its byte *byte on. One call at a time. */
enum bytelevel_fault bytelevel_encode(struct bytelevel *engine, const struct bytelevel_rows *rows, size_t threads,
                                      size_t *row, size_t *byte);

#endif
