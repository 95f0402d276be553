/* Which documents of a bucket are near duplicates: from rows of (key, number) to a forest.
 *
 * Theory. Rows of one key are a bucket: candidates, not yet duplicates. Two of them match where enough of their 112 bytes
 * are equal (minhash_small), which turns the slope of banding into an edge. Buckets are skewed: most hold two rows, a few
 * hold templates with a million. So that none costs more than its rows times a bound:
 *
 *   1. equal signatures are one, found by hashing: a million copies take a million steps;
 *   2. up to `most` different signatures are compared pair by pair, but for pairs that are connected already;
 *   3. more are clustered about leaders (Hartigan 1975): in the order of their bytes, each is compared with the leaders
 *      so far, joins all that it matches, and where it matches none becomes a leader, as long as there are less than
 *      `most`. Then a pair may be missed, never a wrong one made.
 *
 * Nothing depends on numbers or on the order of rows: what is compared with what follows from signatures, and skipping
 * what is connected changes no component. Hence components are the same however keys are cut into calls and documents
 * are numbered.
 */
#ifndef FLORILEGIUM_MATCH_H
#define FLORILEGIUM_MATCH_H

#include <stddef.h>
#include <stdint.h>

#define MATCH_SIZE 112 /* bytes of a signature */

/* Signatures of the documents `first` to `first + rows - 1`. */
struct match_block {
    uint32_t first;
    size_t rows;
    const uint8_t *signatures;
};

struct match_how {
    const uint64_t *keys;    /* rising */
    const uint32_t *numbers; /* rising within a key */
    size_t rows;             /* below 2^32 */
    const struct match_block *blocks; /* rising, none reaching into the next */
    size_t blocks_count;
    size_t needed;        /* bytes that are equal in a match, 0 to MATCH_SIZE; 0: all of a bucket match, unseen */
    size_t most;          /* 1 or more */
};

enum match_status { MATCH_DONE, MATCH_UNKNOWN, MATCH_MEMORY };

struct match_result {
    enum match_status status;
    uint64_t *edges; /* smaller number << 32 | larger number, rising; to be freed. One of each component to each other */
    size_t count;
    uint32_t unknown; /* MATCH_UNKNOWN: a number that is in no block */
};

/* The smallest number of each component of the matches, and each other number of it. */
struct match_result match(const struct match_how *how);

#endif
