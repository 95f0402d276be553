/* Byte-level BPE: texts to token ids, the same ids as the `tokenizers` library.
 *
 * Theory. A pretoken's bytes are its first symbols. The pair of neighbours with the lowest rank among the merges is
 * joined, the leftmost one of equals, until no pair is a merge. With ignore_merges a pretoken that is a token as a whole
 * is that token. Symbols only grow, and a merge's result is its two parts side by side, so a pair is the same merge
 * whenever it is met: ranks are all that is needed.
 *
 * Words repeat. Pretokens and their tokens are kept in two tables, by their bytes (no fingerprint: a hit is exact):
 * narrow entries for up to 15 bytes, wide ones for up to 60; longer pretokens are merged each time. The tables are
 * filled with the vocabulary first, or with what a file says was frequent before (bpe_warm.h). They grow while they fill,
 * up to a bound; then an entry that was not asked for since the last time room was wanted beside it makes room (second
 * chance). What the tables hold never changes a result.
 *
 * What is new is merged. Where text is diverse most of the time goes there: so all that a lot of pretokens lacks is merged
 * side by side (bpe_merge.c), and pairs of bytes that nothing else can take apart are joined at once (bpe_model.h).
 *
 * A worker is a thread's tables and room. Workers share a model, which is never written to.
 */
#ifndef FLORILEGIUM_BPE_H
#define FLORILEGIUM_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pretokenize.h"
#include "units.h"

/* A pair and its rank share 64 bits: 20 for each id, 24 for the rank. The last id is that of no token. */
#define BPE_MOST_IDS ((1 << 20) - 1)
#define BPE_MOST_MERGES ((1 << 24) - 1) /* the last rank is that of no merge */

struct bpe_model;
struct bpe_worker;

enum bpe_fault {
    BPE_FINE,
    BPE_MEMORY,
    BPE_ID,         /* an id is negative or too large, or two tokens have the same */
    BPE_BYTES,      /* a byte has no token */
    BPE_MERGE,      /* a merge's part or result is no token, or a merge stands there twice */
    BPE_MANY,       /* too many merges */
};

/* vocabulary: `tokens` strings in the byte alphabet (UTF-8), each ended by a zero byte, and their ids; merges: `merges`
 * times two such strings. Both are only read during the call. */
enum bpe_fault bpe_load(struct bpe_model **model, const char *vocabulary, size_t vocabulary_size, const int32_t *ids,
                        size_t tokens, const char *merges_text, size_t merges_size, size_t merges, bool ignore_merges);
void bpe_free(struct bpe_model *model);

/* known: pretokens and their tokens to start with, NULL for the vocabulary; bound: bytes that the worker's tables may
 * take; small: tokens are uint16, else int32. NULL where memory ran out. */
struct bpe_worker *bpe_worker(const struct bpe_model *model, const struct units *known, size_t bound, bool small);
void bpe_worker_free(struct bpe_worker *worker);

/* Adds pretokens of the tables: see bpe_warm.h. */
bool bpe_known(const struct bpe_worker *worker, bool asked, size_t most, struct units_made *made);

/* Tokens of text, pre-tokenized by the splitters, written to out, which has room for a token a byte and 64 bytes more. Bytes
 * up to `limit` may be read, whatever they are. Answers the number of tokens; SIZE_MAX where memory ran out. */
size_t bpe_encode(struct bpe_worker *worker, const struct splitter *splitters, size_t count, const uint8_t *text,
                  size_t size, const uint8_t *limit, void *out);

#endif
