/* Packing. What is packed how, and why it is linear, is told in pack.h. */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

#define NONE (-1)

/* ---- the walk over the documents: their pieces, in order ---- */

struct walk {
    const int64_t *lengths;    /* in the order of the walk */
    int64_t documents;
    const struct pack_marks *marks;
    const struct pack_how *how;
    const uint32_t *order;     /* or NULL */
    int64_t at;                /* place in the order of the document that is next */
    int64_t room;              /* concat: tokens that the sequence still takes */
    int64_t document, begin;   /* the document in hand, and what of it is still to come */
    int64_t total;             /* its tokens; begin == total: none in hand */
    const uint8_t *qualities;  /* of the document in hand, or NULL */
};

struct piece {
    int64_t document, begin, end;
    bool opens; /* concat: the first of a sequence */
};

static struct walk walk_from(const struct pack_plan *plan, const int64_t *lengths, int64_t documents,
                             const struct pack_marks *marks, const struct pack_how *how)
{
    return (struct walk){.lengths = plan->lengths ? plan->lengths : lengths,
                         .documents = documents,
                         .marks = marks,
                         .how = how,
                         .order = plan->order};
}

/* Qualities of a document; NULL if there are none. */
static const uint8_t *qualities_of(const struct pack_marks *marks, int64_t document)
{
    int64_t low = 0, high = marks ? marks->count : 0;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (marks->documents[middle] < document)
            low = middle + 1;
        else
            high = middle;
    }
    if (!marks || low == marks->count || marks->documents[low] != document)
        return NULL;
    return marks->qualities + marks->offsets[low];
}

/* Tokens to cut off the front of the document in hand, of which more than `length` are left. */
static int64_t cut(const struct walk *walk)
{
    const int64_t length = walk->how->length, smallest = walk->how->smallest;
    const int64_t left = walk->total - walk->begin;
    const int64_t most = left - smallest < length ? left - smallest : length;
    int64_t least = most - length / 4 + 1;
    if (least < smallest)
        least = smallest;
    int64_t best = most;
    if (!walk->qualities)
        return best;
    const uint8_t *rest = walk->qualities + walk->begin; /* rest[n - 1]: quality of a cut after n tokens */
    for (int64_t n = most - 1; n >= least && rest[best - 1] < 2; n--)
        if (rest[n - 1] > rest[best - 1])
            best = n;
    return best;
}

/* Tokens that concat takes off the document in hand, of which more are left than the sequence takes; 0: it ends early. */
static int64_t cut_at_room(const struct walk *walk)
{
    const int64_t left = walk->total - walk->begin, smallest = walk->how->smallest;
    const int64_t most = left - smallest < walk->room ? left - smallest : walk->room;
    return most < smallest ? 0 : most;
}

static inline struct piece take(struct walk *walk, int64_t tokens)
{
    const struct piece piece = {walk->document, walk->begin, walk->begin + tokens, false};
    walk->begin += tokens;
    return piece;
}

static struct piece take_of_concat(struct walk *walk)
{
    bool opens = walk->room == 0;
    if (opens)
        walk->room = walk->how->length;
    int64_t tokens = walk->total - walk->begin;
    if (tokens > walk->room) {
        tokens = cut_at_room(walk);
        if (!tokens) { /* length >= 2 smallest: in a sequence of its own there is a cut, if one is needed at all */
            opens = true;
            walk->room = walk->how->length;
            tokens = walk->total - walk->begin;
            if (tokens > walk->room)
                tokens = cut_at_room(walk);
        }
        walk->room = walk->begin + tokens < walk->total ? tokens : walk->room; /* a cut ends the sequence */
    }
    struct piece piece = take(walk, tokens);
    piece.opens = opens;
    walk->room -= tokens;
    return piece;
}

/* The next piece; false at the end. */
static inline bool next_piece(struct walk *walk, struct piece *piece)
{
    while (walk->begin == walk->total) {
        if (walk->at == walk->documents)
            return false;
        walk->document = walk->order ? (int64_t)walk->order[walk->at] : walk->at;
        walk->begin = 0;
        walk->total = walk->lengths[walk->at++];
        walk->qualities = NULL;
        if (walk->total > walk->how->length && walk->how->kind != PACK_CONCAT)
            walk->qualities = qualities_of(walk->marks, walk->document);
    }
    if (walk->how->kind == PACK_CONCAT)
        *piece = take_of_concat(walk);
    else
        *piece = take(walk, walk->total - walk->begin > walk->how->length ? cut(walk) : walk->total - walk->begin);
    return true;
}

/* ---- open sequences by the room they have left ---- */

#define LEVELS 4

struct rooms {
    uint64_t *bits[LEVELS]; /* bits[0]: rooms that some sequence has; bits[k + 1]: words of bits[k] that are not 0 */
    int64_t words[LEVELS];
    int32_t *first; /* of each room: a sequence that has it, plus 1; 0: none */
    int32_t *next;  /* of each sequence: another with the same room, plus 1; 0: none */
};

static bool rooms_begin(struct rooms *rooms, int64_t length, int64_t sequences)
{
    *rooms = (struct rooms){0};
    bool fine = true;
    int64_t count = length + 1;
    for (int level = 0; level < LEVELS; level++) {
        count = (count + 63) / 64;
        rooms->words[level] = count;
        rooms->bits[level] = calloc((size_t)count, sizeof(uint64_t));
        fine = fine && rooms->bits[level];
    }
    rooms->first = calloc((size_t)length + 1, sizeof(int32_t));
    rooms->next = malloc((size_t)(sequences ? sequences : 1) * sizeof(int32_t)); /* pages never used cost nothing */
    return fine && rooms->first && rooms->next;
}

static void rooms_end(struct rooms *rooms)
{
    for (int level = 0; level < LEVELS; level++)
        free(rooms->bits[level]);
    free(rooms->first);
    free(rooms->next);
}

static inline void rooms_put(struct rooms *rooms, int64_t room, int32_t sequence)
{
    const int32_t before = rooms->first[room];
    rooms->next[sequence] = before;
    rooms->first[room] = sequence + 1;
    if (before)
        return;
    for (int level = 0; level < LEVELS; level++, room >>= 6) {
        const uint64_t word = rooms->bits[level][room >> 6];
        rooms->bits[level][room >> 6] = word | (uint64_t)1 << (room & 63);
        if (word)
            return;
    }
}

static inline int32_t rooms_take(struct rooms *rooms, int64_t room)
{
    const int32_t sequence = rooms->first[room] - 1;
    rooms->first[room] = rooms->next[sequence];
    if (rooms->first[room])
        return sequence;
    for (int level = 0; level < LEVELS; level++, room >>= 6) {
        const uint64_t word = rooms->bits[level][room >> 6] & ~((uint64_t)1 << (room & 63));
        rooms->bits[level][room >> 6] = word;
        if (word)
            break;
    }
    return sequence;
}

/* The least room of at least so many tokens that some sequence has; NONE if there is none. */
static inline int64_t rooms_at_least(const struct rooms *rooms, int64_t tokens)
{
    int64_t at = tokens;
    for (int level = 0; level < LEVELS; level++) {
        if (at >> 6 >= rooms->words[level])
            return NONE;
        const uint64_t word = rooms->bits[level][at >> 6] >> (at & 63);
        if (word) {
            at += __builtin_ctzll(word);
            while (level--)
                at = at << 6 | __builtin_ctzll(rooms->bits[level][at]);
            return at;
        }
        at = (at >> 6) + 1;
    }
    return NONE;
}

/* ---- dealing ---- */

/* The sequence for a piece of so many tokens: where the least room suffices, or a new one. */
static inline int32_t place(struct rooms *rooms, struct pack_plan *plan, int64_t length, int64_t tokens, int64_t *open)
{
    int64_t room = rooms_at_least(rooms, tokens);
    int32_t sequence;
    if (room == NONE) {
        sequence = (int32_t)plan->sequences++;
        plan->pieces_of[sequence] = 0;
        room = length;
        ++*open;
    } else {
        sequence = rooms_take(rooms, room);
    }
    plan->pieces_of[sequence]++;
    if (room > tokens)
        rooms_put(rooms, room - tokens, sequence);
    else
        --*open;
    return sequence;
}

static void deal_in_order(struct pack_plan *plan, struct walk walk)
{
    const bool concat = walk.how->kind == PACK_CONCAT;
    struct piece piece;
    for (int64_t i = 0; next_piece(&walk, &piece); i++) {
        if (!concat || piece.opens)
            plan->pieces_of[plan->sequences++] = 0;
        plan->sequence_of[i] = (int32_t)(plan->sequences - 1);
        plan->pieces_of[plan->sequences - 1]++;
    }
}

static void deal_best_fit(struct pack_plan *plan, struct walk walk, struct rooms *rooms)
{
    struct piece piece;
    int64_t open = 0;
    for (int64_t i = 0; next_piece(&walk, &piece); i++) {
        plan->sequence_of[i] = place(rooms, plan, walk.how->length, piece.end - piece.begin, &open);
        if (open > walk.how->open_bins) {
            rooms_take(rooms, rooms_at_least(rooms, 1)); /* the fullest is closed */
            open--;
        }
    }
}

/* Pieces, longest first, those of one length in the order of the walk. tokens: of each piece; ends: length + 1 zeros. */
static void sort_by_length(const struct pack_plan *plan, struct walk walk, uint32_t *tokens, uint32_t *ends,
                           uint32_t *sorted)
{
    struct piece piece;
    for (int64_t i = 0; next_piece(&walk, &piece); i++) {
        tokens[i] = (uint32_t)(piece.end - piece.begin);
        ends[tokens[i]]++;
    }
    uint32_t before = 0;
    for (int64_t length = walk.how->length; length >= 0; length--) {
        const uint32_t count = ends[length];
        ends[length] = before;
        before += count;
    }
    for (int64_t i = 0; i < plan->pieces; i++)
        sorted[ends[tokens[i]]++] = (uint32_t)i;
}

static bool deal_decreasing(struct pack_plan *plan, struct walk walk, struct rooms *rooms)
{
    const size_t pieces = (size_t)(plan->pieces ? plan->pieces : 1);
    uint32_t *tokens = malloc(pieces * sizeof *tokens);
    uint32_t *sorted = malloc(pieces * sizeof *sorted);
    uint32_t *ends = calloc((size_t)walk.how->length + 1, sizeof *ends);
    const bool fine = tokens && sorted && ends;
    if (fine) {
        sort_by_length(plan, walk, tokens, ends, sorted);
        int64_t length = walk.how->length, open = 0, k = 0;
        for (; length > 0; length--) /* ends[length] is now behind the last piece of this length */
            for (; k < (int64_t)ends[length]; k++)
                plan->sequence_of[sorted[k]] = place(rooms, plan, walk.how->length, length, &open);
    }
    free(tokens);
    free(sorted);
    free(ends);
    return fine;
}

static bool deal_by_room(struct pack_plan *plan, struct walk walk)
{
    struct rooms rooms;
    bool fine = rooms_begin(&rooms, walk.how->length, plan->pieces);
    if (fine && walk.how->kind == PACK_BEST_FIT)
        deal_best_fit(plan, walk, &rooms);
    else if (fine)
        fine = deal_decreasing(plan, walk, &rooms);
    rooms_end(&rooms);
    return fine;
}

/* The order of the walk, and the lengths in it, so that they are fetched from all over the memory but once. */
static bool order_documents(struct pack_plan *plan, const int64_t *lengths, int64_t documents, uint64_t seed)
{
    const size_t room = (size_t)(documents ? documents : 1);
    plan->order = malloc(room * sizeof *plan->order);
    plan->lengths = malloc(room * sizeof *plan->lengths);
    if (!plan->order || !plan->lengths)
        return false;
    pack_shuffle(plan->order, documents, seed);
    for (int64_t i = 0; i < documents; i++)
        plan->lengths[i] = lengths[plan->order[i]];
    return true;
}

struct pack_plan pack_deal(const int64_t *lengths, int64_t documents, const struct pack_marks *marks,
                           const struct pack_how *how)
{
    struct pack_plan plan = {.fault = PACK_NO_MEMORY};
    if (how->shuffle && !order_documents(&plan, lengths, documents, how->seed))
        return plan;
    const struct walk walk = walk_from(&plan, lengths, documents, marks, how);
    struct piece piece;
    for (struct walk counted = walk; next_piece(&counted, &piece); plan.pieces++) {
        if (plan.pieces == PACK_PIECES) {
            plan.fault = PACK_TOO_MANY_PIECES;
            return plan;
        }
    }
    const size_t room = (size_t)(plan.pieces ? plan.pieces : 1);
    plan.sequence_of = malloc(room * sizeof *plan.sequence_of);
    plan.pieces_of = malloc(room * sizeof *plan.pieces_of); /* there are at most as many sequences */
    bool fine = plan.sequence_of && plan.pieces_of;
    if (fine && (how->kind == PACK_DOCUMENTS || how->kind == PACK_CONCAT))
        deal_in_order(&plan, walk);
    else if (fine)
        fine = deal_by_room(&plan, walk);
    plan.fault = fine ? PACK_FINE : PACK_NO_MEMORY;
    return plan;
}

void pack_free(struct pack_plan *plan)
{
    free(plan->sequence_of);
    free(plan->pieces_of);
    free(plan->order);
    free(plan->lengths);
    *plan = (struct pack_plan){0};
}

/* starts[s]: place of the first piece of sequence s in the output. */
static bool starts_of(const struct pack_plan *plan, const struct pack_how *how, int64_t *starts, int64_t *pieces)
{
    uint32_t *order = NULL;
    /* documents that were shuffled are sequences that were shuffled */
    if ((how->shuffle && how->kind != PACK_DOCUMENTS) || how->kind == PACK_DECREASING) {
        order = malloc((size_t)(plan->sequences ? plan->sequences : 1) * sizeof *order);
        if (!order)
            return false;
        pack_shuffle(order, plan->sequences, ~how->seed);
    }
    int64_t at = 0;
    for (int64_t i = 0; i < plan->sequences; i++) {
        const int64_t sequence = order ? (int64_t)order[i] : i;
        starts[sequence] = at;
        pieces[i] = plan->pieces_of[sequence];
        at += pieces[i];
    }
    free(order);
    return true;
}

bool pack_write(const struct pack_plan *plan, const int64_t *lengths, int64_t documents, const struct pack_marks *marks,
                const struct pack_how *how, int64_t *document, int64_t *begin, int64_t *end, int64_t *pieces)
{
    int64_t *starts = malloc((size_t)(plan->sequences ? plan->sequences : 1) * sizeof *starts);
    const bool fine = starts && starts_of(plan, how, starts, pieces);
    struct walk walk = walk_from(plan, lengths, documents, marks, how);
    struct piece piece;
    for (int64_t i = 0; fine && next_piece(&walk, &piece); i++) {
        const int64_t at = starts[plan->sequence_of[i]]++;
        document[at] = piece.document;
        begin[at] = piece.begin;
        end[at] = piece.end;
    }
    free(starts);
    return fine;
}

/* ---- a permutation ---- */

static inline uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Below `limit`, each number equally likely: the lower half of the product tells which draws are one too many. */
static inline uint32_t draw(uint64_t *state, uint32_t limit)
{
    uint64_t product = (split_mix(state) >> 32) * limit;
    if ((uint32_t)product < limit) {
        const uint32_t surplus = (uint32_t)-limit % limit; /* 2^32 mod limit */
        while ((uint32_t)product < surplus)
            product = (split_mix(state) >> 32) * limit;
    }
    return (uint32_t)(product >> 32);
}

#define AHEAD 32 /* draws are made before their swaps, so that so many places are on their way from memory at once */

void pack_shuffle(uint32_t *order, int64_t count, uint64_t seed)
{
    uint64_t state = seed;
    uint32_t drawn[AHEAD];
    for (int64_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    for (int64_t i = count - 1; i > 0;) {
        const int64_t draws = i < AHEAD ? i : AHEAD;
        for (int64_t k = 0; k < draws; k++) {
            drawn[k] = draw(&state, (uint32_t)(i - k + 1));
            __builtin_prefetch(order + drawn[k], 1);
        }
        for (int64_t k = 0; k < draws; k++, i--) {
            const uint32_t kept = order[i];
            order[i] = order[drawn[k]];
            order[drawn[k]] = kept;
        }
    }
}

/* ---- tokens ---- */

static inline int64_t token_at(const struct pack_tokens *from, int64_t i)
{
    return from->width == 2 ? (int64_t)((const uint16_t *)from->tokens)[i]
                            : (int64_t)((const int32_t *)from->tokens)[i];
}

static inline bool adds_bos(const struct pack_tokens *from, int64_t i)
{
    const int64_t first = from->offsets[i];
    return from->bos >= 0 && first < from->offsets[i + 1] && token_at(from, first) != from->bos;
}

static inline bool adds_eos(const struct pack_tokens *from, int64_t i)
{
    const int64_t last = from->offsets[i + 1];
    return from->eos >= 0 && from->offsets[i] < last && token_at(from, last - 1) != from->eos;
}

int64_t pack_length(const struct pack_tokens *from, int64_t i)
{
    return from->offsets[i + 1] - from->offsets[i] + adds_bos(from, i) + adds_eos(from, i);
}

static char *put_token(char *out, int width, int64_t token)
{
    const uint16_t small = (uint16_t)token;
    const int32_t large = (int32_t)token;
    memcpy(out, width == 2 ? (const void *)&small : (const void *)&large, (size_t)width);
    return out + width;
}

char *pack_copy(const struct pack_tokens *from, int64_t i, int64_t begin, int64_t end, char *out)
{
    const int64_t before = adds_bos(from, i), tokens = from->offsets[i + 1] - from->offsets[i];
    if (before && begin == 0 && end > 0)
        out = put_token(out, from->width, from->bos);
    const int64_t first = begin > before ? begin - before : 0;
    const int64_t last = end - before < tokens ? end - before : tokens;
    if (first < last) {
        const size_t bytes = (size_t)(last - first) * (size_t)from->width;
        memcpy(out, (const char *)from->tokens + (from->offsets[i] + first) * from->width, bytes);
        out += bytes;
    }
    if (end > before + tokens && begin < end)
        out = put_token(out, from->width, from->eos);
    return out;
}

/* Quality of a cut between tokens with the endings `here` and `next`, `before` being the one before them. */
static uint8_t quality(unsigned before, unsigned here, unsigned next)
{
    const bool breaks = here & PACK_ENDS_LINE, begins = next & PACK_BEGINS_WITH_BREAK;
    const bool again = breaks && here & PACK_BEGINS_WITH_BREAK && before & PACK_ENDS_LINE;
    if (here & PACK_ENDS_PARAGRAPH || next & PACK_BEGINS_WITH_BREAKS || (breaks && begins) || again)
        return 2;
    return breaks || begins || (here & PACK_ENDS_SENTENCE && next & PACK_BEGINS_WITH_SPACE);
}

void pack_qualities(const struct pack_tokens *from, int64_t i, const uint8_t *endings, int64_t known, uint8_t *out)
{
    const int64_t first = from->offsets[i], last = from->offsets[i + 1];
    unsigned before = 0, here = 0;
    const bool added = adds_bos(from, i);
    for (int64_t at = first; at < last; at++) {
        const int64_t token = token_at(from, at);
        const unsigned next = token >= 0 && token < known ? endings[token] : 0;
        if (at > first || added)
            *out++ = quality(before, here, next);
        before = here;
        here = next;
    }
    if (first < last)
        *out++ = quality(before, here, 0);
    if (adds_eos(from, i))
        *out = 0;
}

#define LONGEST_RUN(type)                                                                                              \
    static int64_t longest_run_of_##type(const type *tokens, int64_t first, int64_t last)                              \
    {                                                                                                                  \
        int64_t longest = first < last, run = 1;                                                                       \
        for (int64_t i = first + 1; i < last; i++) {                                                                   \
            run = tokens[i] == tokens[i - 1] ? run + 1 : 1;                                                            \
            longest = run > longest ? run : longest;                                                                   \
        }                                                                                                              \
        return longest;                                                                                                \
    }
LONGEST_RUN(uint16_t)
LONGEST_RUN(int32_t)

int64_t pack_longest_run(const void *tokens, int width, int64_t first, int64_t last)
{
    return width == 2 ? longest_run_of_uint16_t(tokens, first, last) : longest_run_of_int32_t(tokens, first, last);
}
