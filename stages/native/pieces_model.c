/* The model of a tokenizer: see pieces.h for what makes it right. */
#include <stdlib.h>
#include <string.h>

#include "pieces_model.h"

#define CODE_POINTS 0x110000u
#define FREE_SLOT UINT64_MAX

/* ---- ranks of pairs ---- */

/* 2^64 / golden ratio (Knuth, TAOCP 6.4): neighbouring keys spread over the upper bits. */
static uint64_t spread(uint64_t key) { return (key ^ key >> 29) * 0x9E3779B97F4A7C15u; }

static uint64_t pair_key(uint32_t left, uint32_t right) { return (uint64_t)left << 20 | right; }

/* Rank of the merge of two pieces, or INT32_MAX. */
static inline int32_t rank_of(const struct model *model, uint32_t left, uint32_t right)
{
    const uint64_t key = pair_key(left, right);
    const uint64_t hash = spread(key);
    const uint64_t hint = hash >> model->hints_shift;
    if (!(model->hints[hint >> 6] >> (hint & 63) & 1))
        return INT32_MAX;
    const uint64_t mask = (UINT64_C(1) << (64 - model->pairs_shift)) - 1;
    for (uint64_t at = hash >> model->pairs_shift;; at = (at + 1) & mask) {
        const uint64_t slot = model->pairs[at];
        if (slot >> 24 == key)
            return (int32_t)(slot & 0xFFFFFF);
        if (slot == FREE_SLOT)
            return INT32_MAX;
    }
}

static unsigned bits_for(uint64_t count)
{
    unsigned bits = 1;
    while (UINT64_C(1) << bits < count)
        bits++;
    return bits;
}

static bool pairs_build(struct model *model, const struct pieces_spec *spec)
{
    /* At most half full; and 16 bits of the filter a pair: one in 16 or fewer of those that have no merge pass it. */
    const unsigned bits = bits_for(2 * (uint64_t)spec->merges_count + 64);
    model->pairs_shift = 64 - bits;
    model->hints_shift = 64 - bits - 3;
    model->pairs = malloc(sizeof *model->pairs << bits);
    model->hints = calloc((size_t)1 << bits >> 3, sizeof *model->hints);
    model->products = malloc(sizeof *model->products * (spec->merges_count + (size_t)1));
    if (!model->pairs || !model->hints || !model->products)
        return false;
    memset(model->pairs, 0xFF, sizeof *model->pairs << bits);
    const uint64_t mask = (UINT64_C(1) << bits) - 1;
    for (uint32_t rank = 0; rank < spec->merges_count; rank++) {
        const uint32_t *merge = spec->merges + 3 * (size_t)rank;
        const uint64_t key = pair_key(merge[0], merge[1]);
        const uint64_t hash = spread(key), hint = hash >> model->hints_shift;
        uint64_t at = hash >> model->pairs_shift;
        while (model->pairs[at] != FREE_SLOT)
            at = (at + 1) & mask;
        model->pairs[at] = key << 24 | rank;
        model->hints[hint >> 6] |= UINT64_C(1) << (hint & 63);
        model->products[rank] = merge[2];
    }
    return true;
}

/* ---- BPE as it is defined, for pieces and for pairs that the short test does not cover ---- */

struct symbol {
    uint32_t id;
    int32_t rank; /* of the merge that made it */
    uint32_t left, right;
};

/* The code point at *at, which is moved behind it. The text is valid UTF-8. */
static uint32_t code_point(const uint8_t *text, size_t *at)
{
    const uint8_t lead = text[*at];
    const size_t bytes = character_bytes(lead);
    uint32_t point = bytes == 1 ? lead : lead & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++)
        point = point << 6 | (text[*at + i] & 0x3F);
    *at += bytes;
    return point;
}

/* Merges until nothing merges: the lowest rank first, the leftmost of equals. Answers the number of symbols left. */
static size_t merge_all(const struct model *model, struct symbol *symbols, size_t count, bool *rises)
{
    for (;;) {
        int32_t best = INT32_MAX;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            const int32_t rank = rank_of(model, symbols[i].id, symbols[i + 1].id);
            if (rank < best) {
                best = rank;
                at = i;
            }
        }
        if (best == INT32_MAX)
            return count;
        struct symbol *one = symbols + at;
        if (best <= one[0].rank || best <= one[1].rank)
            *rises = false;
        *one = (struct symbol){model->products[best], best, one[0].id, one[1].id};
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
        const uint32_t point = code_point(text, &at);
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
    const size_t most = (size_t)model->pieces[left].length + model->pieces[right].length;
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

bool model_apart(const struct model *model, uint32_t left, uint32_t right)
{
    const struct piece *a = model->pieces + left, *b = model->pieces + right;
    if (!a->rises || !b->rises)
        return apart_by_merging(model, left, right);
    int32_t next_a = INT32_MAX, next_b = INT32_MAX; /* ranks of the steps that are to come on both sides */
    for (;;) {
        const int32_t rank = rank_of(model, left, right);
        if (rank < next_a && rank <= next_b)
            return false;
        if (a->rank > b->rank) {
            next_a = a->rank;
            left = a->right;
            a = model->pieces + left;
        } else if (b->rank >= 0) {
            next_b = b->rank;
            right = b->left;
            b = model->pieces + right;
        } else {
            return true;
        }
    }
}

/* ---- trie ---- */

struct word {
    const uint8_t *text;
    uint32_t size, value;
};

static int compare_words(const void *one, const void *other)
{
    const struct word *a = one, *b = other;
    const uint32_t size = a->size < b->size ? a->size : b->size;
    const int order = memcmp(a->text, b->text, size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
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

static bool trie_build(struct trie *trie, struct word *words, uint32_t count)
{
    qsort(words, count, sizeof *words, compare_words);
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

/* The longest piece that the text begins with, or PIECES_NONE. */
static inline uint32_t longest(const struct trie *trie, const uint8_t *text, size_t size)
{
    uint32_t found = PIECES_NONE;
    const struct trie_node *node = trie->nodes;
    for (size_t i = 0; i < size && (node = child(trie, node, text[i])) != NULL; i++)
        if (node->value != PIECES_NONE)
            found = node->value;
    return found;
}

bool trie_meets(const struct trie *trie, const uint8_t *text, size_t size)
{
    const struct trie_node *node = trie->nodes;
    for (size_t i = 0; i < size && (node = child(trie, node, text[i])) != NULL; i++)
        if (node->value != PIECES_NONE)
            return true;
    return false;
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
    const struct pieces_strings *strings = &model->strings;
    for (uint32_t id = 0; id < strings->count; id++) {
        size_t at = (size_t)strings->offsets[id];
        const size_t end = (size_t)strings->offsets[id + 1];
        if (at == end || at + character_bytes(strings->text[at]) != end)
            continue;
        const uint32_t point = code_point(strings->text, &at);
        if (point != ' ')
            model->singles[point] = id + 1;
    }
    return true;
}

/* Derives each piece; those that encode to themselves become words of the trie. Answers how many, -1 without memory. */
static int64_t derive(struct model *model, struct word *words, uint8_t *room)
{
    const struct pieces_strings *strings = &model->strings;
    size_t most = 1;
    for (uint32_t id = 0; id < strings->count; id++)
        if ((size_t)(strings->offsets[id + 1] - strings->offsets[id]) > most)
            most = (size_t)(strings->offsets[id + 1] - strings->offsets[id]);
    struct symbol *symbols = malloc(most * sizeof *symbols);
    if (!symbols)
        return -1;
    int64_t count = 0;
    for (uint32_t id = 0; id < strings->count; id++) {
        struct piece *piece = model->pieces + id;
        *piece = (struct piece){PIECES_NONE, PIECES_NONE, -1, PIECES_NONE, 0, true};
        const size_t parts = characters(model, id, symbols);
        bool rises = true;
        if (!parts || merge_all(model, symbols, parts, &rises) != 1 || symbols[0].id != id)
            continue;
        piece->rises = rises;
        piece->left = symbols[0].left;
        piece->right = symbols[0].right;
        piece->rank = symbols[0].rank;
        piece->length = with_blanks(strings->text + strings->offsets[id],
                                    (size_t)(strings->offsets[id + 1] - strings->offsets[id]), room);
        words[count++] = (struct word){room, piece->length, id};
        room += piece->length;
    }
    free(symbols);
    return count;
}

static bool pieces_trie(struct model *model)
{
    struct word *words = malloc((model->strings.count + (size_t)1) * sizeof *words);
    uint8_t *room = malloc(bytes_of(&model->strings) + 1);
    const int64_t count = words && room ? derive(model, words, room) : -1;
    const bool built = count >= 0 && trie_build(&model->trie, words, (uint32_t)count);
    for (int64_t i = 0; built && i < count; i++)
        model->pieces[words[i].value].shorter = longest(&model->trie, words[i].text, words[i].size - 1);
    free(words);
    free(room);
    return built;
}

static bool guards_trie(struct model *model, const struct pieces_strings *guards)
{
    struct word *words = malloc((guards->count + (size_t)1) * sizeof *words);
    uint8_t *room = malloc(bytes_of(guards) + 1), *at = room;
    uint32_t count = 0;
    bool built = words && room;
    for (uint32_t i = 0; built && i < guards->count; i++) {
        const int64_t start = guards->offsets[i];
        const uint32_t size = with_blanks(guards->text + start, (size_t)(guards->offsets[i + 1] - start), at);
        if (size)
            words[count++] = (struct word){at, size, i};
        at += size;
    }
    if (built && count) {
        qsort(words, count, sizeof *words, compare_words);
        uint32_t kept = 1;
        for (uint32_t i = 1; i < count; i++)
            if (compare_words(words + kept - 1, words + i))
                words[kept++] = words[i];
        count = kept;
    }
    built = built && trie_build(&model->guards, words, count);
    free(words);
    free(room);
    return built;
}

bool model_build(struct model *model, const struct pieces_spec *spec)
{
    memset(model, 0, sizeof *model);
    memcpy(model->bytes, spec->bytes, sizeof model->bytes);
    model->pieces = calloc(spec->pieces.count + (size_t)1, sizeof *model->pieces);
    const bool built = model->pieces && pairs_build(model, spec) && copy_strings(model, &spec->pieces) &&
                       singles_build(model) && pieces_trie(model) && guards_trie(model, &spec->guards);
    bool rise = built;
    for (uint32_t id = 0; rise && id < spec->pieces.count; id++)
        rise = model->pieces[id].rises;
    if (rise) { /* no pair will be tested by merging */
        free(model->singles);
        model->singles = NULL;
    }
    return built;
}

void model_free(struct model *model)
{
    free(model->pieces);
    free(model->trie.nodes);
    free(model->guards.nodes);
    free(model->pairs);
    free(model->hints);
    free(model->products);
    free(model->singles);
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
    uint32_t next = PIECES_NONE;
    while (at < size) {
        next = longest(&model->trie, text + at, size - at);
        if (next == PIECES_NONE) {
            for (size_t bytes = character_bytes(text[at]); bytes; bytes--)
                tokens[count++] = model->bytes[text[at++]];
            floor = count;
            continue;
        }
        for (;;) {
            const size_t end = at + model->pieces[next].length;
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
                at -= model->pieces[next].length;
            }
        }
    }
    return (int64_t)count;
}
