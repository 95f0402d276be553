/* A warm start: a cache from a file's units, and units from a cache. */
#ifndef FLORILEGIUM_PIECES_WARM_H
#define FLORILEGIUM_PIECES_WARM_H

#include "pieces_cache.h"
#include "units.h"

/* Puts units into an empty cache. Left out is what no cache holds: not UTF-8, too long, more tokens than bytes, an id that
 * is not below `ids`. */
void cache_learn(struct cache *cache, const struct units *units, uint32_t ids);

/* Adds what was asked for since it was put in, or what was not, as long as there are fewer than `most` units in all. False
 * where memory ran out. */
bool cache_known(const struct cache *cache, bool asked, size_t most, struct units_made *made);

#endif
