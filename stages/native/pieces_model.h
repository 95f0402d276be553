/* The model behind pieces.h: ranks of pairs, own derivations, trie, and the encoding of one unit. */
#ifndef FLORILEGIUM_PIECES_MODEL_H
#define FLORILEGIUM_PIECES_MODEL_H

#include "pieces.h"
#include "pieces_pairs.h"

#define PIECES_NONE UINT32_MAX

/* A double array, 8 bytes a node: child b of a node is at base ^ b if it is marked with b. No two nodes share a base, so
 * the mark is enough. link: base << 9 | 256 | mark; 0 where there is no node. */
struct trie_node {
    uint32_t link;
    uint32_t value; /* what the path spells, or PIECES_NONE */
};

struct trie {
    struct trie_node *nodes; /* the root is node 0; so many that base ^ b is always inside */
    uint32_t size;
};

/* One piece, four to a line of memory. Those that do not encode to themselves are like characters. */
struct piece {
    uint32_t left, right; /* the last merge of its own derivation; PIECES_NONE for a character */
    int32_t rank;         /* of that merge; -1 for a character */
    uint32_t shorter;     /* the longest other piece that it begins with, or PIECES_NONE */
};

enum piece_state {
    PIECE_ITSELF = 1, /* it encodes to itself */
    PIECE_RISES = 2,  /* ranks rise in its derivation */
};

struct ascii_pair {
    uint32_t rank, product;
};

struct model {
    struct piece *pieces; /* by id, as these are: */
    uint32_t *lengths;    /* bytes, blanks being one */
    uint8_t *states;      /* enum piece_state */
    bool all_rise;
    struct trie trie;     /* of the pieces that encode to themselves, to their ids */
    struct pairs pairs;
    uint32_t ascii[128];  /* the token of each ASCII character */
    struct ascii_pair *ascii_pairs; /* by two of them: first << 7 | second */
    uint32_t *singles;    /* by code point: id of the character + 1, or 0 */
    uint32_t bytes[256];
    struct pieces_strings strings; /* own copy of the pieces; only what does not rise needs it */
};

/* Working memory of pieces_unit, grown as needed; all zero at first. */
struct unit_room {
    uint32_t *tokens;
    uint64_t *dead;
    size_t size; /* bytes of text that they are enough for */
};

bool model_build(struct model *model, const struct pieces_spec *spec);
void model_free(struct model *model);

/* Encodes `size` bytes of valid UTF-8 in which ' ' is the blank into room->tokens. Their number, or -1: no memory. */
int64_t model_unit(const struct model *model, struct unit_room *room, const uint8_t *text, size_t size);

/* Whether these two pieces, joined, encode to themselves. */
bool model_apart(const struct model *model, uint32_t left, uint32_t right);

/* Bytes of the character that begins with this byte of valid UTF-8. */
static inline size_t character_bytes(uint8_t lead) { return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

/* The code point of the character at the beginning of valid UTF-8. */
static inline uint32_t code_point(const uint8_t *text)
{
    const uint32_t lead = text[0];
    if (lead < 0x80)
        return lead;
    if (lead < 0xE0)
        return (lead & 0x1F) << 6 | (text[1] & 0x3Fu);
    if (lead < 0xF0)
        return (lead & 0x0F) << 12 | (text[1] & 0x3Fu) << 6 | (text[2] & 0x3Fu);
    return (lead & 0x07) << 18 | (text[1] & 0x3Fu) << 12 | (text[2] & 0x3Fu) << 6 | (text[3] & 0x3Fu);
}

#endif
