/* Fuzzer of the byte-level tokenizer: rows made of pieces that meet every rule, torn and put together at random.
 *
 *   gcc -fsanitize=address,undefined ... && ./bytelevel 20000      number of inputs to try
 *
 * What holds for any bytes: no fault; invalid UTF-8 is named; a mask splitter cuts as its definition does, with and
 * without vectors; tokens put together are the text; two threads, small tables, a second call and a warm
 * start change nothing.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "bytelevel.h"
#include "unicode.h"
#include "utf8.h"

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* ---- three splitters: classes 0 letter, 1 number, 2 blank, then what their items need ---- */

enum { LETTER, NUMBER, BLANK, SPACE, OTHER, LINE, PREFIX, NOT_BLANK };
static uint16_t classes[UNICODE_LIMIT];

#define ONE(class) {ITEM_CLASS, class, 1, 1}
#define MAYBE(class) {ITEM_CLASS, class, 0, 1}
#define SOME(class) {ITEM_CLASS, class, 1, -1}
#define ANY(class) {ITEM_CLASS, class, 0, -1}
#define TAIL SOME(BLANK), {ITEM_NOT_BEFORE, NOT_BLANK, 0, 0}, SOME(BLANK)

static const struct item gpt2[] = {{ITEM_ENDING, 1, 1, 1}, MAYBE(SPACE), SOME(LETTER), MAYBE(SPACE), SOME(NUMBER),
                                   MAYBE(SPACE), SOME(OTHER), TAIL};
static const int32_t gpt2_lengths[] = {1, 2, 2, 2, 2, 1};
static const struct item threes[] = {{ITEM_ENDING, 0, 1, 1}, MAYBE(PREFIX), SOME(LETTER), {ITEM_CLASS, NUMBER, 1, 3},
                                     MAYBE(SPACE), SOME(OTHER), ANY(LINE), ANY(BLANK), SOME(LINE), TAIL};
static const struct item ones[] = {{ITEM_ENDING, 0, 1, 1}, MAYBE(PREFIX), SOME(LETTER), ONE(NUMBER),
                                   MAYBE(SPACE), SOME(OTHER), ANY(LINE), ANY(BLANK), SOME(LINE), TAIL};
static const int32_t llama_lengths[] = {1, 2, 1, 3, 2, 2, 1};
static const struct splitter splitters[] = {
    {classes, gpt2, gpt2_lengths, 6, false, FAST_GPT2, {0}, false},
    {classes, threes, llama_lengths, 7, false, FAST_DIGITS_3, {0}, false},
    {classes, ones, llama_lengths, 7, false, FAST_DIGITS_1, {0}, false},
};

static void fill_classes(void)
{
    const size_t runs = sizeof unicode_runs / sizeof *unicode_runs;
    for (size_t i = 0; i < runs; i++) {
        const uint32_t end = i + 1 < runs ? unicode_runs[i + 1].first : UNICODE_LIMIT;
        for (uint32_t code = unicode_runs[i].first; code < end; code++) {
            const unsigned bits = unicode_runs[i].bits;
            const bool letter = bits & 31, number = bits >> 6 & 1, blank = bits >> 7 & 1;
            const bool line = code == '\n' || code == '\r';
            classes[code] = (uint16_t)(letter << LETTER | number << NUMBER | blank << BLANK | (code == ' ') << SPACE |
                                       !(letter || number || blank) << OTHER | line << LINE |
                                       !(letter || number || line) << PREFIX | !blank << NOT_BLANK);
        }
    }
}

/* ---- a model: 256 bytes, and merges of the most frequent pairs of the pieces below ---- */

static const char *const pieces[] = {
    " ", "  ", "\n", "\r\n", "\t", " a", " the", "'s", "'S", "'ll", "'\xc5\xbf", "'", "a", "e", "en", "the", "A", "1", "12",
    "123", "1234", ".", ",", "...", "\xc2\xa0", "\xe2\x80\x83", "\xe2\x80\x94", "\xc3\xa9", "\xc3\x9f", "\xc3\x97",
    "\xce\xb1", "\xce\x87", "\xce\x84", "\xcf\xb6", "\xd0\xb6", "\xd1\x8f", "\xd2\x82", "\xcc\x81", "\xe4\xb8\xad",
    "\xf0\x9f\x9a\xa2", "\xf0\x9d\x9f\x99", "\xe2\x80\x8d", "\xc2\xbd", "\xe3\x80\x80", "\xc2\x85", "<eos>", "<eo", "",
};
#define PIECES (sizeof pieces / sizeof *pieces)
#define MOST 2048
#define TOKENS 300

static const char *const joined[][2] = {
    {"e", "n"}, {"t", "h"}, {"th", "e"}, {" ", "the"}, {" ", "a"}, {"a", "a"}, {"aa", "aa"}, {"1", "2"}, {"12", "3"},
    {".", "."}, {"\xd0", "\xb6"}, {"\xd0\xb6", "\xd0\xb6"}, {" ", " "}, {"  ", "  "}, {"\n", "\n"}, {"en", "en"},
    {"\xc3", "\xa9"}, {"e", "e"}, {"ee", "ee"}, {"'", "s"},
};
#define JOINED (sizeof joined / sizeof *joined)
static char token_bytes[TOKENS][8];
static size_t token_sizes[TOKENS];

/* Appends a byte in the byte alphabet. */
static size_t spell(char *out, unsigned byte)
{
    unsigned code = byte;
    if (byte < 0x21)
        code = 0x100 + byte;
    else if (byte >= 0x7F && byte <= 0xA0)
        code = 0x121 + byte - 0x7F;
    else if (byte == 0xAD)
        code = 0x143;
    if (code < 0x80)
        return out[0] = (char)code, 1;
    out[0] = (char)(0xC0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3F));
    return 2;
}

static size_t spell_all(char *out, const char *bytes, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; i < size; i++)
        at += spell(out + at, (unsigned char)bytes[i]);
    out[at] = 0;
    return at + 1;
}

static struct bpe_model *make_model(bool whole)
{
    char vocabulary[8192], merges[8192];
    int32_t ids[TOKENS];
    size_t at = 0, merges_at = 0, tokens = 0;
    struct bpe_model *model = NULL;
    for (; tokens < 256; tokens++) {
        token_bytes[tokens][0] = (char)tokens;
        token_sizes[tokens] = 1;
    }
    for (size_t i = 0; i < JOINED; i++, tokens++) {
        const size_t left = strlen(joined[i][0]), right = strlen(joined[i][1]);
        memcpy(token_bytes[tokens], joined[i][0], left);
        memcpy(token_bytes[tokens] + left, joined[i][1], right);
        token_sizes[tokens] = left + right;
        merges_at += spell_all(merges + merges_at, joined[i][0], left);
        merges_at += spell_all(merges + merges_at, joined[i][1], right);
    }
    for (size_t i = 0; i < tokens; i++) {
        ids[i] = (int32_t)i;
        at += spell_all(vocabulary + at, token_bytes[i], token_sizes[i]);
    }
    require(bpe_load(&model, vocabulary, at, ids, tokens, merges, merges_at, JOINED, whole) == BPE_FINE, "a model loads");
    return model;
}

/* ---- checks ---- */

static void check_pieces(const struct splitter *fast, const uint8_t *text, size_t size)
{
    static struct pretokens by_masks, by_vectors, by_shorter, by_items;
    struct splitter slow = *fast, vectors = *fast, shorter = *fast;
    slow.fast = FAST_NONE;
    pretokenize_prepare(&slow);
    const struct splitter masks = {fast->classes, fast->items, fast->lengths, fast->alternatives, false, fast->fast, {0}, false};
    pretokenize_prepare(&vectors);
    pretokenize_prepare(&shorter);
    shorter.vectors = shorter.vectors ? 1 : 0; /* AVX2 where there is AVX-512 */
    require(pretokenize(&slow, 1, text, size, &by_items) && pretokenize(&masks, 1, text, size, &by_masks) &&
                pretokenize(&vectors, 1, text, size, &by_vectors) &&
                pretokenize(&shorter, 1, text, size, &by_shorter), "memory");
    require(by_items.count == by_masks.count && by_items.count == by_vectors.count &&
                by_items.count == by_shorter.count, "as many pieces");
    for (size_t i = 0; i < by_items.count; i++)
        require(by_items.ends[i] == by_masks.ends[i] && by_items.ends[i] == by_vectors.ends[i] &&
                    by_items.ends[i] == by_shorter.ends[i], "the same pieces");
}

#define ROWS 8
#define ID 7 /* of a row that is an added token */
static int32_t kinds[ROWS];

static size_t encode(struct bytelevel *engine, const uint8_t *data, const int64_t *offsets, size_t rows, size_t threads,
                     uint16_t *tokens, int64_t *ends, uint8_t *hard)
{
    size_t row = 0, byte = 0;
    memset(hard, 0, rows);
    memset(ends, 0, (rows + 1) * sizeof *ends);
    const struct bytelevel_rows given = {data, offsets, kinds, rows, tokens, ends, hard};
    const enum bytelevel_fault fault = bytelevel_encode(engine, &given, threads, &row, &byte);
    bool valid = true;
    for (size_t i = 0; i < rows && valid; i++) {
        const size_t size = (size_t)(offsets[i + 1] - offsets[i]), at = utf8_fault(data + offsets[i], size);
        valid = at == size;
        require(valid || (fault == BYTELEVEL_INVALID && row == i && byte == at), "what is no UTF-8 is named");
    }
    require(!valid || fault == BYTELEVEL_FINE, "what is UTF-8 is encoded");
    return valid ? (size_t)ends[rows] : SIZE_MAX;
}

static void check_text(const uint8_t *data, const int64_t *offsets, size_t rows, const uint16_t *tokens,
                       const int64_t *ends, const uint8_t *hard)
{
    for (size_t row = 0; row < rows; row++) {
        const uint8_t *at = data + offsets[row];
        require(hard[row] == (kinds[row] == ADDED_HARD), "hard rows are those that were so");
        if (kinds[row] >= 0) {
            require(ends[row] + 1 == ends[row + 1] && tokens[ends[row]] == kinds[row], "added tokens");
            continue;
        }
        for (int64_t i = ends[row]; i < ends[row + 1]; at += token_sizes[tokens[i++]])
            require(memcmp(at, token_bytes[tokens[i]], token_sizes[tokens[i]]) == 0, "tokens are the text");
        require(hard[row] ? ends[row] == ends[row + 1] : at == data + offsets[row + 1], "all of it");
    }
}

static void try_rows(struct bytelevel *engines, size_t count, const uint8_t *data, const int64_t *offsets, size_t rows)
{
    static uint16_t tokens[2][MOST + 4 * BYTELEVEL_SPARE];
    static int64_t ends[2][ROWS + 1];
    static uint8_t hard[2][ROWS];
    for (size_t i = 0; i < count; i++) {
        const size_t found = encode(engines + i, data, offsets, rows, 1, tokens[0], ends[0], hard[0]);
        if (found == SIZE_MAX)
            continue;
        check_text(data, offsets, rows, tokens[0], ends[0], hard[0]);
        for (size_t threads = 1; threads < 4; threads += 2) {
            const size_t again = encode(engines + i, data, offsets, rows, threads, tokens[1], ends[1], hard[1]);
            require(again == found && memcmp(tokens[0], tokens[1], found * sizeof **tokens) == 0 &&
                        memcmp(ends[0], ends[1], (rows + 1) * sizeof **ends) == 0 && memcmp(hard[0], hard[1], rows) == 0,
                    "the same again");
        }
        for (size_t row = 0; row < rows; row++)
            check_pieces(engines[i].splitters, data + offsets[row], (size_t)(offsets[row + 1] - offsets[row]));
    }
}

/* An engine that begins with another's pretokens gives the same tokens; damaged ones may give any, but no fault. */
static void try_warm(const struct bytelevel *from, const uint8_t *data, const int64_t *offsets, size_t rows, size_t most)
{
    static uint16_t tokens[MOST + 4 * BYTELEVEL_SPARE];
    static int64_t ends[ROWS + 1];
    static uint8_t hard[ROWS];
    struct units_made made = {0};
    require(!from->workers[0] || (bpe_known(from->workers[0], true, most, &made) &&
                                  bpe_known(from->workers[0], false, most, &made)), "memory");
    const struct units units = {made.text, made.text_at, made.tokens, made.tokens_at, made.count};
    for (int damaged = 0; damaged < 2 && made.count; damaged++) {
        struct bytelevel warm = *from;
        memset(warm.workers, 0, sizeof warm.workers);
        warm.known = &units;
        if (!damaged)
            try_rows(&warm, 1, data, offsets, rows);
        else
            encode(&warm, data, offsets, rows, 1, tokens, ends, hard);
        for (size_t i = 0; i < BYTELEVEL_THREADS; i++)
            bpe_worker_free(warm.workers[i]);
        for (size_t i = 0; i < (size_t)made.tokens_at[made.count]; i++)
            made.tokens[i] = (int32_t)((i + 1) * 2654435761u >> i % 24); /* Knuth's multiplier: any number */
        if (made.count > 1) /* two units become one of no bytes and one of more */
            made.text_at[1] = 0;
    }
    units_free(&made);
}

static size_t grow(uint8_t *text, uint64_t *state)
{
    size_t size = 0;
    const size_t kinds = 1 + below(state, 12), parts = below(state, 160);
    size_t chosen[12];
    for (size_t i = 0; i < kinds; i++)
        chosen[i] = below(state, PIECES);
    for (size_t i = 0; i < parts; i++) {
        const char *piece = pieces[chosen[below(state, kinds)]];
        const size_t length = strlen(piece);
        if (size + length > MOST)
            break;
        memcpy(text + size, piece, length);
        size += length;
    }
    if (size && below(state, 8) == 0)
        text[below(state, size)] = (uint8_t)next_number(state);
    return size;
}

/* Offsets at characters, most of the time. */
static size_t cut(const uint8_t *text, size_t size, int64_t *offsets, uint64_t *state)
{
    const size_t rows = 1 + below(state, ROWS);
    const bool anywhere = below(state, 16) == 0;
    offsets[0] = 0;
    for (size_t i = 1; i < rows; i++) {
        size_t at = (size_t)offsets[i - 1] + below(state, (size - (size_t)offsets[i - 1]) / 2 + 1);
        while (!anywhere && at < size && (text[at] & 0xC0) == 0x80)
            at++;
        offsets[i] = (int64_t)at;
    }
    offsets[rows] = (int64_t)size;
    return rows;
}

int main(int count, char **values)
{
    static uint8_t text[MOST];
    static struct bytelevel engines[4];
    int64_t offsets[ROWS + 1];
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    fill_classes();
    struct bpe_model *models[2] = {make_model(false), make_model(true)};
    for (size_t i = 0; i < 4; i++) { /* the last with tables that overflow at once */
        engines[i].model = models[i & 1];
        engines[i].splitters[0] = splitters[i % 3];
        engines[i].splitters_count = 1;
        engines[i].small = true;
        engines[i].bound = i == 3 ? 1 << 10 : 1 << 22;
        pretokenize_prepare(engines[i].splitters);
    }
    for (long i = 0; i < inputs; i++) {
        const size_t size = grow(text, &state), rows = cut(text, size, offsets, &state);
        for (size_t row = 0; row < rows; row++) {
            const size_t kind = below(&state, 16); /* mostly texts */
            kinds[row] = kind == 0 && offsets[row] < offsets[row + 1] ? ID : -1 - (int32_t)(kind % 4);
        }
        uint8_t *exact = malloc(size ? size : 1); /* a block of its own, so that a read past the end is seen */
        require(exact != NULL, "memory");
        memcpy(exact, text, size);
        try_rows(engines + i % 4, 1, exact, offsets, rows);
        if (i % 256 < 4)
            try_warm(engines + i % 4, exact, offsets, rows, i % 512 < 4 ? 20 : 100000);
        free(exact);
    }
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < BYTELEVEL_THREADS; k++)
            bpe_worker_free(engines[i].workers[k]);
    bpe_free(models[0]);
    bpe_free(models[1]);
    printf("%ld inputs\n", inputs);
    return 0;
}
