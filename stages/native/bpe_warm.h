/* A warm start: tables of known pretokens from a file's units, and units from tables.
 *
 * What was asked for again is saved first, then what was met once: in a text as long as the one before, a word met once
 * is to be expected once more. Tables that start so need no vocabulary beside: what is not there is merged when it comes.
 */
#ifndef FLORILEGIUM_BPE_WARM_H
#define FLORILEGIUM_BPE_WARM_H

#include "bpe_tables.h"
#include "units.h"

/* Empty tables with room for the units, then filled with them. What no table takes (too long, more tokens than
 * bytes, an id that is none) is left out. False where memory ran out; bpe_tables_free is needed all the same. */
bool bpe_tables_learn(struct bpe_tables *tables, const struct units *units, size_t bound, bool small);

/* Adds what was asked for since it was put in, or what was not, as long as there are fewer than `most` units in all. False
 * where memory ran out. */
bool bpe_tables_known(const struct bpe_tables *tables, bool asked, size_t most, struct units_made *made);

#endif
