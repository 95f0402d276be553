/* A byte-level tokenizer as a whole: rows of an Arrow array to tokens, on one or several threads.
 *
 * Rows are texts as they are behind the normalizer, and added tokens, whose ids are known: see added.h.
 */
#ifndef FLORILEGIUM_BYTELEVEL_H
#define FLORILEGIUM_BYTELEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "added.h"
#include "bpe.h"
#include "pretokenize.h"

#define BYTELEVEL_SPLITTERS 8
#define BYTELEVEL_THREADS 64

/* Room for whole-entry writes behind each thread's tokens, in tokens. */
#define BYTELEVEL_SPARE 64

struct bytelevel {
    struct bpe_model *model;
    struct splitter splitters[BYTELEVEL_SPLITTERS];
    size_t splitters_count;
    const struct units *known; /* for each worker's start; NULL for none */
    struct bpe_worker *workers[BYTELEVEL_THREADS];
    size_t bound; /* bytes that the tables of all workers may take */
    bool small;   /* tokens are uint16, else int32 */
};

struct bytelevel_rows {
    const uint8_t *data;
    const int64_t *offsets; /* count + 1 that rise, from 0 to the size of data */
    const int32_t *kinds;   /* enum added_kind of each row; NULL: all are texts */
    size_t count;
    void *tokens;  /* uint16 or int32; a token a byte and BYTELEVEL_SPARE a thread */
    int64_t *ends; /* count + 1 */
    uint8_t *hard; /* set to 1 for rows that are left to others: those of that kind, and those too long */
};

enum bytelevel_fault { BYTELEVEL_FINE, BYTELEVEL_MEMORY, BYTELEVEL_INVALID };

/* On BYTELEVEL_INVALID row *row is no UTF-8, from its byte *byte on. One call at a time. */
enum bytelevel_fault bytelevel_encode(struct bytelevel *engine, const struct bytelevel_rows *rows, size_t threads,
                                      size_t *row, size_t *byte);

#endif
