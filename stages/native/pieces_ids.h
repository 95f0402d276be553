/* Pieces by their text: a tokenizer.json has its merges in strings. */
#ifndef FLORILEGIUM_PIECES_IDS_H
#define FLORILEGIUM_PIECES_IDS_H

#include "pieces.h"

/* Parts 2 i and 2 i + 1 are the sides of merge i. Fills in three ids a merge, as in struct pieces_spec; UINT32_MAX for what
 * is no piece. False: no memory. */
bool pieces_ids(const struct pieces_strings *pieces, const struct pieces_strings *parts, uint32_t *merges);

#endif
