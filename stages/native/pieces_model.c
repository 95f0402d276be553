/* The model of a tokenizer: see pieces.h for what makes it right. */
#include <stdlib.h>
#include <string.h>

#include "pieces_model.h"

#define CODE_POINTS 0x110000u
#define BLANK 0x2581u
#define SOON 8 /* merges between asking for pieces and looking at them */

/* Rank of the merge of two pieces, or INT32_MAX. */
static inline int32_t rank_of(const struct model *model, uint32_t left, uint32_t right)
{
    const uint32_t rank = pairs_rank(&model->pairs, left, right);
    return rank == PAIRS_NONE ? INT32_MAX : (int32_t)rank;
}

/* ---- BPE as it is defined, for pieces and for pairs that the short test does not cover ---- */

struct symbol {
    uint32_t id;
    int32_t rank; /* of the merge that made it */
    uint32_t left, right;
};

/* Merges until nothing merges: the lowest rank first, the leftmost of equals. Answers the number of symbols left. */
static size_t merge_all(const struct model *model, struct symbol *symbols, size_t count, bool *rises)
{
    for (;;) {
        int32_t best = INT32_MAX;
        uint32_t product = PIECES_NONE;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            const uint64_t key = pairs_key(symbols[i].id, symbols[i + 1].id);
            const struct pair *pair = pairs_at(&model->pairs, key);
            const uint32_t rank = pair_rank(pair, key);
            if (rank != PAIRS_NONE && (int32_t)rank < best) {
                best = (int32_t)rank;
                product = pair->product;
                at = i;
            }
        }
        if (best == INT32_MAX)
            return count;
        struct symbol *one = symbols + at;
        if (best <= one[0].rank || best <= one[1].rank)
            *rises = false;
        *one = (struct symbol){product, best, one[0].id, one[1].id};
        count--;
        memmove(one + 1, one + 2, (count - at - 1) * sizeof *one);
    }
}

/* The characters of a piece as symbols; 0 if one is no piece itself or is a space, which no text has. */
static size_t characters(const struct model *model, uint32_t id, struct symbol *symbols)
{
    const uint8_t *text = model->strings.text + model->strings.offsets[id];
    const size_t size = (size_t)(model->strings.offsets[id + 1] - model->strings.offsets[id]);
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        const uint32_t point = code_point(text + at);
        at += character_bytes(text[at]);
        if (point == ' ' || !model->singles[point])
            return 0;
        symbols[count++] = (struct symbol){model->singles[point] - 1, -1, PIECES_NONE, PIECES_NONE};
    }
    return count;
}

/* Whether two pieces stay apart, by carrying out the merges. Without memory: false, which costs a longer search only if
 * another sequence exists; none does, so that the search reports it. */
static bool apart_by_merging(const struct model *model, uint32_t left, uint32_t right)
{
    if (!model->lengths[left] || !model->lengths[right])
        return true; /* a byte token */
    const size_t most = (size_t)model->lengths[left] + model->lengths[right];
    struct symbol few[64];
    struct symbol *symbols = most <= 64 ? few : malloc(most * sizeof *symbols);
    if (!symbols)
        return false;
    size_t count = characters(model, left, symbols);
    count += characters(model, right, symbols + count);
    bool rises = true;
    count = merge_all(model, symbols, count, &rises);
    const bool apart = count == 2 && symbols[0].id == left && symbols[1].id == right;
    if (symbols != few)
        free(symbols);
    return apart;
}

/* Whether nothing crosses the border of two pieces whose derivations rise, before both are complete. */
static inline bool nothing_crosses(const struct model *model, const struct piece *a, const struct piece *b)
{
    int32_t next_a = INT32_MAX, next_b = INT32_MAX; /* ranks of the steps that are to come on both sides */
    for (;;) {
        uint32_t left, right;
        if (a->rank > b->rank) {
            next_a = a->rank;
            a = model->pieces + a->right;
        } else if (b->rank >= 0) {
            next_b = b->rank;
            b = model->pieces + b->left;
        } else {
            return true;
        }
        left = (uint32_t)(a - model->pieces);
        right = (uint32_t)(b - model->pieces);
        const int32_t rank = rank_of(model, left, right);
        if (rank < next_a && rank <= next_b)
            return false;
    }
}

bool model_apart(const struct model *model, uint32_t left, uint32_t right)
{
    const struct piece *a = model->pieces + left, *b = model->pieces + right;
    if (!model->all_rise && !(model->states[left] & model->states[right] & PIECE_RISES))
        return apart_by_merging(model, left, right);
    return rank_of(model, left, right) == INT32_MAX && nothing_crosses(model, a, b);
}

/* ---- trie ---- */

struct word {
    const uint8_t *text;
    uint32_t size, value;
};

static int compare_words(const struct word *a, const struct word *b)
{
    const uint32_t size = a->size < b->size ? a->size : b->size;
    const int order = memcmp(a->text, b->text, size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Sorts words that have `depth` bytes in common: by the next byte while they are many, then by insertion. */
static void sort_words(struct word *words, struct word *room, uint32_t count, uint32_t depth)
{
    if (count < 24) {
        for (uint32_t i = 1; i < count; i++) {
            const struct word word = words[i];
            uint32_t at = i;
            for (; at && compare_words(&word, words + at - 1) < 0; at--)
                words[at] = words[at - 1];
            words[at] = word;
        }
        return;
    }
    uint32_t ends[258] = {0}; /* of words that are no longer than depth, then of those with byte 0, 1 ... next */
    for (uint32_t i = 0; i < count; i++)
        ends[1 + (words[i].size > depth ? 1 + words[i].text[depth] : 0)]++;
    for (unsigned i = 1; i < 258; i++)
        ends[i] += ends[i - 1];
    for (uint32_t i = 0; i < count; i++)
        room[ends[words[i].size > depth ? 1 + words[i].text[depth] : 0]++] = words[i];
    memcpy(words, room, count * sizeof *words);
    for (unsigned i = 1; i < 257; i++)
        if (ends[i] > ends[i - 1])
            sort_words(words + ends[i - 1], room, ends[i] - ends[i - 1], depth + 1);
}

struct builder {
    struct trie *trie;
    uint32_t *next, *before; /* circular list of free slots, by slot; a slot in use is its own neighbour */
    uint8_t *based;          /* slots that are somebody's base */
    const struct word *words;
    uint32_t some;           /* a free slot to begin the search with */
};

/* 256 slots more, all free. */
static bool grow(struct builder *builder)
{
    struct trie *trie = builder->trie;
    const uint32_t old = trie->size, size = old + 256;
    if (size > 1u << 23) /* bases have 23 bits */
        return false;
    if (!(old & (old - 1)) || old == 0) { /* arrays have room for powers of two, 256 at least */
        const size_t room = old ? 2 * (size_t)old : 256;
        void *nodes = realloc(trie->nodes, room * sizeof *trie->nodes);
        trie->nodes = nodes ? nodes : trie->nodes;
        void *next = realloc(builder->next, room * sizeof *builder->next);
        builder->next = next ? next : builder->next;
        void *before = realloc(builder->before, room * sizeof *builder->before);
        builder->before = before ? before : builder->before;
        void *based = realloc(builder->based, room);
        builder->based = based ? based : builder->based;
        if (!nodes || !next || !before || !based)
            return false;
    }
    memset(builder->based + old, 0, 256);
    const bool none = builder->some == PIECES_NONE;
    for (uint32_t slot = old; slot < size; slot++) {
        trie->nodes[slot] = (struct trie_node){0, PIECES_NONE};
        builder->next[slot] = slot + 1;
        builder->before[slot] = slot - 1;
    }
    const uint32_t first = none ? old : builder->some;
    const uint32_t last = none ? size - 1 : builder->before[first];
    builder->next[size - 1] = first;
    builder->before[first] = size - 1;
    if (!none) {
        builder->next[last] = old;
        builder->before[old] = last;
    } else {
        builder->before[old] = size - 1;
    }
    builder->some = old; /* search the new slots first: the old ones are those that were hard to fill */
    trie->size = size;
    return true;
}

static void take(struct builder *builder, uint32_t slot)
{
    const uint32_t next = builder->next[slot], before = builder->before[slot];
    builder->next[before] = next;
    builder->before[next] = before;
    if (builder->some == slot)
        builder->some = next == slot ? PIECES_NONE : next;
    builder->next[slot] = builder->before[slot] = slot;
}

static bool is_free(const struct builder *builder, uint32_t slot)
{
    return slot != 0 && builder->trie->nodes[slot].link == 0;
}

/* A base under which slots for all these marks are free, or PIECES_NONE. At most 32 tries: more fill the array by a few
 * per cent and cost more time than that saves. */
static uint32_t find_base(const struct builder *builder, const uint8_t *marks, unsigned count)
{
    uint32_t slot = builder->some;
    for (unsigned tries = 0; slot != PIECES_NONE && tries < 32; tries++, slot = builder->next[slot]) {
        const uint32_t base = slot ^ marks[0];
        if (builder->based[base])
            continue;
        unsigned i = 1;
        while (i < count && is_free(builder, base ^ marks[i]))
            i++;
        if (i == count)
            return base;
    }
    return PIECES_NONE;
}

/* Puts the children of a node whose words are [from, to) and share `depth` bytes; words are sorted and differ. */
static bool put_children(struct builder *builder, uint32_t node, uint32_t from, uint32_t to, uint32_t depth)
{
    const struct word *words = builder->words;
    if (from < to && words[from].size == depth)
        builder->trie->nodes[node].value = words[from++].value;
    if (from == to)
        return true;
    uint8_t marks[256];
    uint32_t starts[257];
    unsigned count = 0;
    for (uint32_t i = from; i < to; i++)
        if (!count || words[i].text[depth] != marks[count - 1]) {
            marks[count] = words[i].text[depth];
            starts[count++] = i;
        }
    starts[count] = to;
    uint32_t base = find_base(builder, marks, count);
    if (base == PIECES_NONE) {
        const uint32_t fresh = builder->trie->size;
        if (!grow(builder))
            return false;
        base = fresh;
    }
    builder->based[base] = 1;
    builder->trie->nodes[node].link |= base << 9;
    for (unsigned i = 0; i < count; i++) {
        take(builder, base ^ marks[i]);
        builder->trie->nodes[base ^ marks[i]].link = 256u | marks[i];
    }
    for (unsigned i = 0; i < count; i++)
        if (!put_children(builder, base ^ marks[i], starts[i], starts[i + 1], depth + 1))
            return false;
    return true;
}

/* The words are sorted, and differ. */
static bool trie_build(struct trie *trie, const struct word *words, uint32_t count)
{
    struct builder builder = {trie, NULL, NULL, NULL, words, PIECES_NONE};
    bool built = grow(&builder);
    if (built) {
        take(&builder, 0);
        trie->nodes[0].link = 255; /* nobody's child */
        builder.based[0] = 1;      /* the base of those that have no children */
        built = put_children(&builder, 0, 0, count, 0);
    }
    free(builder.next);
    free(builder.before);
    free(builder.based);
    return built;
}

static inline const struct trie_node *child(const struct trie *trie, const struct trie_node *node, uint8_t mark)
{
    const struct trie_node *found = trie->nodes + ((node->link >> 9) ^ mark);
    return (found->link & 0x1FF) == (256u | mark) ? found : NULL;
}

/* The longest piece that the text begins with, and how long it is; or PIECES_NONE. */
static inline uint32_t longest(const struct model *model, const uint8_t *text, size_t size, size_t *length)
{
    const struct trie *trie = &model->trie;
    uint32_t found = PIECES_NONE;
    const struct trie_node *node = trie->nodes;
    for (size_t i = 0; i < size && (node = child(trie, node, text[i])) != NULL; i++)
        if (node->value != PIECES_NONE) {
            found = node->value;
            __builtin_prefetch(model->pieces + found);
            *length = i + 1;
        }
    return found;
}

/* ---- building ---- */

/* A string with U+2581 as one space, written to `out`; its size. */
static uint32_t with_blanks(const uint8_t *text, size_t size, uint8_t *out)
{
    uint32_t count = 0;
    for (size_t at = 0; at < size;)
        if (at + 2 < size && text[at] == 0xE2 && text[at + 1] == 0x96 && text[at + 2] == 0x81) {
            out[count++] = ' ';
            at += 3;
        } else {
            out[count++] = text[at++];
        }
    return count;
}

static size_t bytes_of(const struct pieces_strings *strings) { return (size_t)strings->offsets[strings->count]; }

static bool copy_strings(struct model *model, const struct pieces_strings *from)
{
    uint8_t *text = malloc(bytes_of(from) + 1);
    int64_t *offsets = malloc((from->count + (size_t)1) * sizeof *offsets);
    model->strings = (struct pieces_strings){text, offsets, from->count};
    if (!text || !offsets)
        return false;
    memcpy(text, from->text, bytes_of(from));
    memcpy(offsets, from->offsets, (from->count + (size_t)1) * sizeof *offsets);
    return true;
}

static bool singles_build(struct model *model)
{
    model->singles = calloc(CODE_POINTS, sizeof *model->singles);
    if (!model->singles)
        return false;
    for (uint32_t id = 0; id < model->strings.count; id++)
        model->pieces[id] = (struct piece){PIECES_NONE, PIECES_NONE, -1, PIECES_NONE};
    memset(model->states, PIECE_RISES, model->strings.count);
    const struct pieces_strings *strings = &model->strings;
    for (uint32_t id = 0; id < strings->count; id++) {
        const size_t at = (size_t)strings->offsets[id], end = (size_t)strings->offsets[id + 1];
        if (at == end || at + character_bytes(strings->text[at]) != end)
            continue;
        const uint32_t point = code_point(strings->text + at);
        if (point == ' ')
            continue;
        model->singles[point] = id + 1;
        model->states[id] |= PIECE_ITSELF;
    }
    return true;
}

/* Derivations that are a merge of two rising ones: in proper order of ranks that is every piece that has one. */
static void derive_by_rank(struct model *model, const struct pieces_spec *spec)
{
    for (uint32_t rank = 0; rank < spec->merges_count; rank++) {
        const uint32_t *merge = spec->merges + 3 * (size_t)rank;
        if (rank + SOON < spec->merges_count) {
            __builtin_prefetch(model->pieces + merge[3 * SOON]);
            __builtin_prefetch(model->pieces + merge[3 * SOON + 1]);
        }
        const struct piece *left = model->pieces + merge[0], *right = model->pieces + merge[1];
        const bool known = (model->states[merge[0]] & model->states[merge[1]]) == (PIECE_ITSELF | PIECE_RISES);
        if (model->states[merge[2]] & PIECE_ITSELF || !known ||
            rank_of(model, merge[0], merge[1]) != (int32_t)rank || !nothing_crosses(model, left, right))
            continue;
        const bool rises = left->rank < (int32_t)rank && right->rank < (int32_t)rank;
        model->pieces[merge[2]] = (struct piece){merge[0], merge[1], (int32_t)rank, PIECES_NONE};
        model->states[merge[2]] = PIECE_ITSELF | (rises ? PIECE_RISES : 0);
    }
}

/* The rest, by carrying out the merges of each. False: no memory. */
static bool derive_by_merging(struct model *model)
{
    const struct pieces_strings *strings = &model->strings;
    size_t most = 1;
    for (uint32_t id = 0; id < strings->count; id++)
        if ((size_t)(strings->offsets[id + 1] - strings->offsets[id]) > most)
            most = (size_t)(strings->offsets[id + 1] - strings->offsets[id]);
    struct symbol *symbols = malloc(most * sizeof *symbols);
    for (uint32_t id = 0; symbols && id < strings->count; id++) {
        const size_t parts = model->states[id] & PIECE_ITSELF ? 0 : characters(model, id, symbols);
        bool rises = true;
        if (!parts || merge_all(model, symbols, parts, &rises) != 1 || symbols[0].id != id)
            continue;
        model->pieces[id] = (struct piece){symbols[0].left, symbols[0].right, symbols[0].rank, PIECES_NONE};
        model->states[id] = PIECE_ITSELF | (rises ? PIECE_RISES : 0);
    }
    free(symbols);
    return symbols;
}

/* Pieces that encode to themselves as words of the trie; how many. */
static uint32_t list_words(struct model *model, struct word *words, uint8_t *room)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < model->strings.count; id++) {
        if (!(model->states[id] & PIECE_ITSELF))
            continue;
        const int64_t start = model->strings.offsets[id];
        const size_t size = (size_t)(model->strings.offsets[id + 1] - start);
        model->lengths[id] = with_blanks(model->strings.text + start, size, room);
        words[count++] = (struct word){room, model->lengths[id], id};
        room += model->lengths[id];
    }
    return count;
}

static bool pieces_trie(struct model *model)
{
    struct word *words = malloc((model->strings.count + (size_t)1) * 2 * sizeof *words);
    uint8_t *room = malloc(bytes_of(&model->strings) + 1);
    bool built = words && room;
    if (built) {
        const uint32_t count = list_words(model, words, room);
        sort_words(words, words + count, count, 0);
        built = trie_build(&model->trie, words, count);
        for (uint32_t i = 0; built && i < count; i++)
            model->pieces[words[i].value].shorter =
                longest(model, words[i].text, words[i].size - 1, &(size_t){0});
    }
    free(words);
    free(room);
    return built;
}

/* And what a blank in a text is. */
static bool ascii_build(struct model *model)
{
    model->singles[' '] = model->singles[BLANK];
    model->ascii_pairs = malloc(sizeof *model->ascii_pairs << 14);
    for (unsigned i = 0; i < 128; i++)
        model->ascii[i] = model->singles[i] ? model->singles[i] - 1 : model->bytes[i];
    for (unsigned i = 0; model->ascii_pairs && i < 1u << 14; i++) {
        const uint64_t key = pairs_key(model->ascii[i >> 7], model->ascii[i & 127]);
        const struct pair *pair = pairs_at(&model->pairs, key);
        model->ascii_pairs[i] = (struct ascii_pair){pair_rank(pair, key), pair->product};
    }
    return model->ascii_pairs;
}

bool model_build(struct model *model, const struct pieces_spec *spec)
{
    memset(model, 0, sizeof *model);
    memcpy(model->bytes, spec->bytes, sizeof model->bytes);
    model->pieces = calloc(spec->pieces.count + (size_t)1, sizeof *model->pieces);
    model->lengths = calloc(spec->pieces.count + (size_t)1, sizeof *model->lengths);
    model->states = calloc(spec->pieces.count + (size_t)1, sizeof *model->states);
    bool built = model->pieces && model->lengths && model->states &&
                 pairs_build(&model->pairs, spec->merges, spec->merges_count) && copy_strings(model, &spec->pieces) && singles_build(model);
    if (built) {
        derive_by_rank(model, spec);
        built = derive_by_merging(model) && pieces_trie(model);
    }
    model->all_rise = built;
    for (uint32_t id = 0; model->all_rise && id < spec->pieces.count; id++)
        model->all_rise = model->states[id] & PIECE_RISES;
    return built && ascii_build(model);
}

void model_free(struct model *model)
{
    free(model->pieces);
    free(model->lengths);
    free(model->states);
    free(model->trie.nodes);
    pairs_free(&model->pairs);
    free(model->singles);
    free(model->ascii_pairs);
    free((void *)model->strings.text);
    free((void *)model->strings.offsets);
}

/* ---- one unit ---- */

static bool room_for(struct unit_room *room, size_t size)
{
    if (size <= room->size)
        return true;
    free(room->tokens);
    free(room->dead);
    room->tokens = malloc((size + 8) * sizeof *room->tokens);
    room->dead = malloc((size / 64 + 1) * sizeof *room->dead);
    room->size = room->tokens && room->dead ? size : 0;
    return room->size != 0;
}

int64_t model_unit(const struct model *model, struct unit_room *room, const uint8_t *text, size_t size)
{
    if (!room_for(room, size))
        return -1;
    uint32_t *tokens = room->tokens;
    uint64_t *dead = room->dead; /* bit i: no encoding goes on from position i */
    memset(dead, 0, (size / 64 + 1) * sizeof *dead);
    size_t at = 0, count = 0, floor = 0; /* tokens below floor are final: an unknown character follows them */
    while (at < size) {
        size_t length = 0;
        uint32_t next = longest(model, text + at, size - at, &length);
        if (next == PIECES_NONE) {
            for (size_t bytes = character_bytes(text[at]); bytes; bytes--)
                tokens[count++] = model->bytes[text[at++]];
            floor = count;
            continue;
        }
        for (;;) {
            const size_t end = at + length;
            if (!(dead[end / 64] >> (end % 64) & 1) &&
                (count == floor || model_apart(model, tokens[count - 1], next))) {
                tokens[count++] = next;
                at = end;
                break;
            }
            next = model->pieces[next].shorter;
            if (next == PIECES_NONE) {
                if (count == floor)
                    return -1; /* only without memory in apart_by_merging: an encoding exists */
                dead[at / 64] |= UINT64_C(1) << (at % 64);
                next = tokens[--count];
                at -= model->lengths[next];
            }
            length = model->lengths[next];
        }
    }
    return (int64_t)count;
}
