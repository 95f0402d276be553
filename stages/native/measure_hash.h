/* The hash by which exact duplicates are known: what stages/measure.py calls text_hash. */
#ifndef FLORILEGIUM_MEASURE_HASH_H
#define FLORILEGIUM_MEASURE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_BYTES 16

/* BLAKE2b (RFC 7693) of 128 bits of a text in UTF-8: in NFKC, case folded, each run of white space as one blank, none at
 * the ends. False, and no hash, where a letter has to be seen with the one before it (caseless.py), or is rare. */
bool hash_text(const uint8_t *text, size_t size, uint8_t hash[HASH_BYTES]);

#endif
