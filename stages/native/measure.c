/* The measures of a text: see measure.h.
 *
 * The text is read once, character by character. Each is white space, part of a word, or a sign, which is a word by
 * itself. What is asked of a line is noted while it is read and settled at its end; letters and digits are counted by
 * class of letters.h, and the classes summed up at the end of the text. What needs the whole text then runs over the
 * numbers of its words (measure_words.h, measure_grams.h).
 */
#include "measure.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__) && !defined(PLAIN_C)
#include <emmintrin.h>
#endif

#include "letters.h"
#include "measure_read.h"
#include "measure_room.h"

enum {
    SHORT_LINE = 30, LONGEST_KEY = 30, /* filters/lines.py */
    SHORT_SENTENCE = 3,                /* filters/sentences.py */
    FEWEST = 64,                       /* slots for lines, for paragraphs */
    KEPT = 1 << 20,                    /* bytes of a text behind which the room is given back: some 25 MB at most */
};

struct line {
    const uint8_t *begin, *colon; /* colon: behind the first */
    uint64_t begin_at, colon_at;  /* in characters of the text */
    uint32_t last;                /* code point */
    bool open, bullet, numbered, sentence, javascript;
    bool gap;      /* white space since the last word or sign */
    bool terminal; /* what was read so far ends as sentences end */
    bool pending;  /* that, and nothing but closing marks since */
    uint64_t words; /* since the last sentence */
};

/* Lines, or paragraphs. */
struct parts {
    uint64_t count, characters, repeated, repeated_characters;
};

struct pass {
    const struct measure_profile *profile;
    struct measure_room *room;
    const uint8_t *end;        /* of the text */
    const uint8_t *part_end;   /* of the last word or sign */
    const uint8_t *dots_end, *placeholder_end;
    const uint8_t *paragraph;  /* its begin; NULL: none yet */
    uint64_t at, part_at, paragraph_at; /* in characters */
    uint64_t newlines; /* since the last word or sign */
    uint32_t before;   /* bits of the last character */
    struct line line;
    struct parts lines, paragraphs;
    uint64_t words, plain, plain_characters, lettered, capital, longer, longest, word_characters;
    uint64_t ellipses, hashes, brackets, undecodable, breaks, odd, placeholders;
    uint64_t bullets, ended, items, javascript, numbered, pairs, sentence_lines, shorts, terminal;
    uint64_t sentences, sentences_words, sentences_short;
    uint32_t classes[LETTER_CLASSES];
};

static uint32_t bits_at(const uint8_t *at) { return letter_classes[letter_class(read_code(&at))].bits; }

/* What regular expressions call [^\W\d_]. */
static bool is_letter(uint32_t bits) { return (bits & (LETTER_ALNUM | LETTER_DIGIT)) == LETTER_ALNUM; }

/* ---- lines and paragraphs ---- */

static bool grow_seen(struct seen *seen)
{
    const size_t before = seen->size;
    uint64_t *const old = malloc(before * sizeof *old);
    if (!old || !ROOM_FOR(seen->slots, seen->room, 2 * before)) {
        free(old);
        return false;
    }
    memcpy(old, seen->slots, before * sizeof *old);
    seen->size = 2 * before;
    memset(seen->slots, 0, seen->size * sizeof *seen->slots);
    for (size_t i = 0; i < before; i++) {
        size_t slot = old[i] & (seen->size - 1);
        while (old[i] && seen->slots[slot])
            slot = (slot + 1) & (seen->size - 1);
        if (old[i])
            seen->slots[slot] = old[i];
    }
    free(old);
    return true;
}

/* Counts a line or paragraph of so many characters, and whether it stood before. */
static bool add_part(struct pass *pass, struct parts *parts, struct seen *seen, const uint8_t *begin, uint64_t characters)
{
    uint64_t hash = words_hash(begin, (size_t)(pass->part_end - begin), pass->end);
    hash += !hash;
    size_t slot = hash & (seen->size - 1);
    parts->count++;
    parts->characters += characters;
    for (; seen->slots[slot]; slot = (slot + 1) & (seen->size - 1))
        if (seen->slots[slot] == hash) {
            parts->repeated++;
            parts->repeated_characters += characters;
            return true;
        }
    seen->slots[slot] = hash;
    seen->used++;
    return 2 * seen->used <= seen->size || grow_seen(seen);
}

static void end_sentence(struct pass *pass)
{
    struct line *const line = &pass->line;
    line->pending = false;
    line->sentence = true;
    if (line->words) {
        pass->sentences++;
        pass->sentences_words += line->words;
        pass->sentences_short += line->words <= SHORT_SENTENCE;
        line->words = 0;
    }
}

static bool ends_in(const struct pass *pass, const char *bytes, size_t size)
{
    return (size_t)(pass->part_end - pass->line.begin) >= size && memcmp(pass->part_end - size, bytes, size) == 0;
}

static bool end_line(struct pass *pass)
{
    struct line *const line = &pass->line;
    if (!line->open)
        return true;
    const uint64_t length = pass->part_at - line->begin_at;
    const bool pair = line->colon && line->colon_at > line->begin_at && line->colon_at - line->begin_at <= LONGEST_KEY &&
                      line->colon < pass->part_end && bits_at(line->colon) & LETTER_SPACE && !line->sentence;
    line->open = false;
    pass->bullets += line->bullet;
    pass->ended += ends_in(pass, "\xE2\x80\xA6", 3) || ends_in(pass, "...", 3) || ends_in(pass, ". . .", 5);
    pass->javascript += line->javascript;
    pass->numbered += line->numbered;
    pass->pairs += pair;
    pass->sentence_lines += line->sentence;
    pass->shorts += length <= SHORT_LINE;
    pass->terminal += line->terminal;
    pass->items += line->bullet || line->numbered || pair || line->last == ',' || line->last == ';' ||
                   (length <= SHORT_LINE && !line->sentence);
    return add_part(pass, &pass->lines, &pass->room->lines, line->begin, length);
}

static bool end_paragraph(struct pass *pass)
{
    return !pass->paragraph || add_part(pass, &pass->paragraphs, &pass->room->paragraphs, pass->paragraph,
                                        pass->part_at - pass->paragraph_at);
}

/* Up to three digits of any script. */
static const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end)
{
    for (int i = 0; i < 3 && at < end && bits_at(at) & LETTER_DIGIT; i++)
        read_code(&at);
    return at;
}

static bool is_blank(const uint8_t *at, const uint8_t *end) { return at == end || bits_at(at) & LETTER_SPACE; }

/* Whether a line begins with the number of an item (filters/lines.py: NUMBERING). */
static bool is_numbered(const uint8_t *at, const uint8_t *end)
{
    at += *at == '(';
    if (at == end)
        return false;
    const uint8_t *next = skip_digits(at, end);
    if (next == at) {
        const bool letter = is_letter(bits_at(at));
        read_code(&next);
        return letter && next < end && (*next == '.' || *next == ')') && is_blank(next + 1, end);
    }
    if (next < end && (*next == '.' || *next == ')') && is_blank(next + 1, end))
        return true;
    bool parts = false;
    for (at = next; at < end && *at == '.' && (next = skip_digits(at + 1, end)) > at + 1; at = next)
        parts = true;
    at += parts && at < end && (*at == '.' || *at == ')');
    return parts && is_blank(at, end);
}

/* Before each word and sign: where it begins a line or a paragraph. */
static bool begin_part(struct pass *pass, const uint8_t *begin, uint32_t bits)
{
    struct line *const line = &pass->line;
    if (!pass->paragraph || pass->newlines > 1) {
        if (!end_paragraph(pass))
            return false;
        pass->paragraph = begin;
        pass->paragraph_at = pass->at;
    }
    if (!line->open)
        *line = (struct line){.begin = begin, .begin_at = pass->at, .open = true, .bullet = bits & LETTER_BULLET,
                              .numbered = is_numbered(begin, pass->end)};
    else if (line->gap)
        line->gap = line->terminal = false;
    pass->newlines = 0;
    return true;
}

/* ---- words and signs ---- */

static bool add_word(struct pass *pass, const uint8_t *begin, const uint8_t *end, uint64_t length, uint32_t bits)
{
    struct measure_room *const room = pass->room;
    pass->part_end = end;
    pass->at += length;
    pass->part_at = pass->at;
    pass->words++;
    pass->word_characters += length;
    pass->longest = length > pass->longest ? length : pass->longest;
    if (!ROOM_FOR(room->offsets, room->offsets_room, pass->words + 1))
        return false;
    room->offsets[pass->words] = (uint32_t)pass->word_characters;
    return words_add(&room->words, &pass->profile->list, begin, (size_t)(end - begin), (size_t)length, bits, pass->end);
}

/* Whether a name, in small letters, stands in a word, in letters of any size. */
static bool holds(const uint8_t *word, size_t size, const char *name, size_t length)
{
    for (; size >= length; word++, size--) {
        size_t same = 0;
        while (same < length && (word[same] | 0x20) == (uint8_t)name[same])
            same++;
        if (same == length)
            return true;
    }
    return false;
}

/* Placeholders that are words (filters/tells.py). Marks are in our words, and in none of regular expressions. */
static void count_placeholder(struct pass *pass, const uint8_t *begin, const uint8_t *end, const char *name, size_t length)
{
    for (const uint8_t *at = begin; end - at >= (ptrdiff_t)length; at++) {
        if (*at != (uint8_t)*name || memcmp(at, name, length) != 0 || at < pass->placeholder_end)
            continue;
        const uint8_t *before = at;
        while (before > begin && (*--before & 0xC0) == 0x80)
            continue;
        const bool begins = at == begin || bits_at(before) & LETTER_MARK;
        pass->placeholders += begins && (at + length == end || bits_at(at + length) & LETTER_MARK);
    }
}

/* Of words without marks their first letter tells all but few apart. */
static void count_placeholders(struct pass *pass, const uint8_t *begin, const uint8_t *end, uint32_t bits)
{
    const bool marks = bits & LETTER_MARK;
    if (marks || (*begin == 'N' && end - begin == 3))
        count_placeholder(pass, begin, end, "NaN", 3);
    if (marks || (*begin == 'u' && end - begin == 9))
        count_placeholder(pass, begin, end, "undefined", 9);
}

/* The length of a run of letters, digits and underscores of ASCII, which is counted; bits: of what it holds. Where there
 * are no 16 bytes to look at it is 0, and at 16 the run may go on. */
static size_t ascii_word(struct pass *pass, const uint8_t *at, uint32_t *bits)
{
#if defined(__SSE2__) && !defined(PLAIN_C)
    if (pass->end - at < 16)
        return 0;
    const uint8_t *const classes = letter_blocks[0];
    const __m128i text = _mm_loadu_si128((const __m128i *)(const void *)at), one = _mm_set1_epi8(1);
    const __m128i small = _mm_or_si128(text, _mm_set1_epi8(0x20));
#define BETWEEN(what, first, last)                                                                                     \
    _mm_and_si128(_mm_cmpgt_epi8(what, _mm_sub_epi8(_mm_set1_epi8(first), one)),                                       \
                  _mm_cmplt_epi8(what, _mm_add_epi8(_mm_set1_epi8(last), one)))
    const __m128i letter = BETWEEN(small, 'a', 'z'), digit = BETWEEN(text, '0', '9');
#undef BETWEEN
    const __m128i line = _mm_cmpeq_epi8(text, _mm_set1_epi8('_'));
    const unsigned word = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), line));
    const size_t length = (size_t)__builtin_ctz(~word);
    const unsigned own = (1u << length) - 1, letters = (unsigned)_mm_movemask_epi8(letter) & own;
    const unsigned lower = letters & (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(text, small));
    if (lower == own) {
        pass->classes[classes['a']] += (uint32_t)length;
        *bits |= length ? letter_classes[classes['a']].bits : 0;
        return length;
    }
    for (size_t i = 0; i < length; i++) {
        pass->classes[classes[at[i]]]++;
        *bits |= letter_classes[classes[at[i]]].bits;
    }
    return length;
#else
    (void)pass, (void)at, (void)bits;
    return 0;
#endif
}

/* A run of letters, digits, underscores and marks; answers what is behind it, NULL: no memory. */
static const uint8_t *take_word(struct pass *pass, const uint8_t *begin)
{
    uint32_t bits = 0, last = 0;
    uint64_t length = ascii_word(pass, begin, &bits);
    const uint8_t *at = begin + length;
    last = length ? letter_classes[letter_blocks[0][at[-1]]].bits : 0;
    while (at < pass->end) {
        const uint8_t *next = at + 1;
        const unsigned class = *at < 0x80 ? letter_blocks[0][*at] : letter_class(read_code((next = at, &next)));
        const uint32_t found = letter_classes[class].bits;
        if (!(found & LETTER_WORD))
            break;
        pass->classes[class]++;
        bits |= last = found;
        length++;
        at = next;
    }
    if (!begin_part(pass, begin, 0) || !add_word(pass, begin, at, length, bits))
        return NULL;
    struct line *const line = &pass->line;
    line->terminal = line->pending = false;
    line->last = 0;
    pass->before = last;
    count_placeholders(pass, begin, at, bits);
    line->javascript = line->javascript || holds(begin, (size_t)(at - begin), "javascript", 10);
    if (bits & LETTER_ALNUM) {
        line->words++;
        pass->plain++;
        pass->plain_characters += length;
        pass->lettered += bits & LETTER_ALPHA ? 1 : 0;
        pass->longer += length > 1;
        pass->capital += length > 1 && (bits & (LETTER_UPPER | LETTER_LOWER | LETTER_TITLE)) == LETTER_UPPER;
    }
    return at;
}

/* Behind a run of full stops with at most one blank between two. */
static const uint8_t *skip_dots(const uint8_t *at, const uint8_t *end, size_t *dots)
{
    for (*dots = 0;; ++*dots) {
        const uint8_t *const next = *dots && at < end && *at == ' ' ? at + 1 : at;
        if (next == end || *next != '.')
            return at;
        at = next + 1;
    }
}

/* Behind the bytes up to one of three. */
static const uint8_t *skip_to(const uint8_t *at, const uint8_t *end, char one, char two)
{
    while (at < end && *at != one && *at != two && *at != '\n')
        at++;
    return at;
}

static bool is(const uint8_t *at, const uint8_t *end, const char *bytes, size_t size)
{
    return (size_t)(end - at) >= size && memcmp(at, bytes, size) == 0;
}

/* Behind a placeholder of printf; NULL: none. */
static const uint8_t *skip_format(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *next = ++at;
    if (next < end && bits_at(next) & LETTER_DIGIT) {
        read_code(&next);
        if (next == end || *next++ != '$')
            return NULL;
    }
    if (next == end || (*next != 's' && *next != 'd'))
        return NULL;
    next++;
    return next == end || !(bits_at(next) & LETTER_ALNUM || *next == '_') ? next : NULL;
}

/* Behind a placeholder that begins with this sign (filters/tells.py: PLACEHOLDER); NULL: none. */
static const uint8_t *skip_placeholder(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *next;
    switch (*at) {
    case '{':
        next = is(at, end, "{{", 2) ? skip_to(at + 2, end, '{', '}') : end;
        return is(next, end, "}}", 2) ? next + 2 : NULL;
    case '$':
        next = is(at, end, "${", 2) ? skip_to(at + 2, end, '{', '}') : end;
        return is(next, end, "}", 1) ? next + 1 : NULL;
    case '<':
        next = is(at, end, "<%", 2) ? skip_to(at + 2, end, '%', '%') : end;
        return is(next, end, "%>", 2) ? next + 2 : NULL;
    case '%':
        return skip_format(at, end);
    case '[':
        return is(at, end, "[object Object]", 15) ? at + 15 : NULL;
    default:
        return NULL;
    }
}

static void take_ascii(struct pass *pass, const uint8_t *begin)
{
    struct line *const line = &pass->line;
    size_t dots;
    switch (*begin) {
    case '.':
        if (begin >= pass->dots_end) {
            pass->dots_end = skip_dots(begin, pass->end, &dots);
            pass->ellipses += dots > 2;
        }
        return;
    case '#':
        pass->hashes++;
        return;
    case ':':
        if (!line->colon) {
            line->colon = begin + 1;
            line->colon_at = pass->at;
        }
        return;
    case '{':
    case '}':
        pass->brackets++;
        break;
    default:
        break;
    }
    const uint8_t *const behind = begin >= pass->placeholder_end ? skip_placeholder(begin, pass->end) : NULL;
    if (behind) {
        pass->placeholder_end = behind;
        pass->placeholders++;
    }
}

static bool is_end(const struct measure_profile *profile, uint32_t code)
{
    if (code < 0x80)
        return profile->ends_ascii[code / 64] >> code % 64 & 1;
    for (size_t i = 0; i < profile->ends_count; i++)
        if (profile->ends[i] == code)
            return true;
    return false;
}

static bool take_sign(struct pass *pass, const uint8_t *begin, const uint8_t *end, uint32_t code, uint32_t bits)
{
    struct line *const line = &pass->line;
    if (!begin_part(pass, begin, bits))
        return false;
    if (code < 0x80)
        take_ascii(pass, begin);
    else if (code == 0x2026)
        pass->ellipses++;
    else if (code == 0xFFFD)
        pass->undecodable++;
    const bool ends = is_end(pass->profile, code);
    line->pending = ends || (line->pending && bits & LETTER_CLOSING);
    line->terminal = bits & LETTER_CLOSING ? line->terminal : ends;
    line->last = code;
    pass->odd += bits & LETTER_ODD && is_letter(pass->before) && end < pass->end && is_letter(bits_at(end));
    pass->before = bits;
    return add_word(pass, begin, end, 1, bits);
}

static bool take_space(struct pass *pass, uint32_t code, uint32_t bits)
{
    struct line *const line = &pass->line;
    if (line->open && line->pending)
        end_sentence(pass);
    line->gap = true;
    pass->at++;
    pass->before = bits;
    if (code != '\n')
        return true;
    pass->breaks++;
    pass->newlines++;
    return end_line(pass);
}

static bool take_text(struct pass *pass, const uint8_t *at)
{
    while (at < pass->end) {
        const uint8_t *const begin = at;
        const uint32_t code = read_code(&at);
        const unsigned class = letter_class(code);
        const uint32_t bits = letter_classes[class].bits;
        bool good;
        if (bits & LETTER_WORD) {
            at = take_word(pass, begin);
            good = at != NULL;
        } else {
            pass->classes[class]++;
            good = bits & LETTER_SPACE ? take_space(pass, code, bits) : take_sign(pass, begin, at, code, bits);
        }
        if (!good)
            return false;
    }
    if (pass->line.open && pass->line.pending)
        end_sentence(pass);
    return end_line(pass) && end_paragraph(pass);
}

/* ---- from counts to measures ---- */

static double share(uint64_t some, uint64_t all) { return all ? (double)some / (double)all : 0; }

static double at_most_1(double value) { return value < 1 ? value : 1; }

static void set_characters(const struct pass *pass, double *out)
{
    uint64_t upper = 0, digits = 0, symbols = 0, letters = 0, own = 0;
    for (size_t class = 0; class < LETTER_CLASSES; class++) {
        const uint32_t bits = letter_classes[class].bits;
        const uint64_t count = pass->classes[class];
        if (!count)
            continue;
        upper += bits & LETTER_UPPER && bits & LETTER_ALPHA ? count : 0;
        digits += bits & LETTER_DIGIT ? count : 0;
        symbols += bits & LETTER_SYMBOL ? count : 0;
        letters += bits & LETTER_ALPHA ? count : 0;
        own += pass->profile->scripts >> (bits >> LETTER_SCRIPT & 31) & 1 ? count : 0;
    }
    out[MEASURE_CASING_UPPER] = share(upper, letters);
    out[MEASURE_CASING_CAPITAL_WORDS] = share(pass->capital, pass->longer);
    out[MEASURE_CHARACTERS_ALPHABETIC_OF_ALL] = share(pass->lettered, pass->words);
    out[MEASURE_CHARACTERS_ALPHABETIC_WORDS] = share(pass->lettered, pass->plain);
    out[MEASURE_CHARACTERS_CURLY_BRACKETS] = share(pass->brackets, pass->at);
    out[MEASURE_CHARACTERS_DIGITS] = share(digits, pass->word_characters);
    out[MEASURE_CHARACTERS_ELLIPSES] = share(pass->ellipses, pass->words);
    out[MEASURE_CHARACTERS_HASHES] = share(pass->hashes, pass->words);
    out[MEASURE_CHARACTERS_OTHER_SCRIPT] = pass->profile->scripts && letters ? 1 - share(own, letters) : 0;
    out[MEASURE_CHARACTERS_SYMBOLS] = share(symbols, pass->word_characters);
    out[MEASURE_CHARACTERS_UNDECODABLE] = share(pass->undecodable, pass->at);
}

static void set_lines(const struct pass *pass, double *out)
{
    const uint64_t count = pass->lines.count;
    out[MEASURE_LINES_BULLETS] = share(pass->bullets, count);
    out[MEASURE_LINES_ELLIPSIS] = share(pass->ended, count);
    out[MEASURE_LINES_ITEMS] = share(pass->items, count);
    out[MEASURE_LINES_JAVASCRIPT] = share(pass->javascript, count);
    out[MEASURE_LINES_LINE_BREAKS] = share(pass->breaks, pass->words);
    out[MEASURE_LINES_NUMBERED] = share(pass->numbered, count);
    out[MEASURE_LINES_PAIRS] = share(pass->pairs, count);
    out[MEASURE_LINES_SENTENCES] = share(pass->sentence_lines, count);
    out[MEASURE_LINES_SHORT] = share(pass->shorts, count);
    out[MEASURE_LINES_TERMINAL_PUNCTUATION] = share(pass->terminal, count);
    out[MEASURE_SENTENCES_COUNT] = (double)pass->sentences;
    out[MEASURE_SENTENCES_MEAN] = share(pass->sentences_words, pass->sentences);
    out[MEASURE_SENTENCES_SHORT] = share(pass->sentences_short, pass->sentences);
}

static void set_words(const struct pass *pass, const struct words_counts *words, double *out)
{
    const bool frequent = pass->profile->list.frequent;
    out[MEASURE_LENGTH_LONGEST_WORD] = (double)pass->longest;
    out[MEASURE_LENGTH_MEAN_WORD] = share(pass->plain_characters, pass->plain);
    out[MEASURE_LENGTH_WORDS] = (double)pass->plain;
    out[MEASURE_OCR_CONSONANT_RUNS] = share(words->consonants, words->lettered);
    out[MEASURE_OCR_LONE_LETTERS] = share(words->lone, words->lettered);
    out[MEASURE_OCR_MIXED_WORDS] = share(words->mixed, words->lettered);
    out[MEASURE_OCR_ODD_SIGNS] = at_most_1(share(pass->odd, pass->plain));
    out[MEASURE_REPETITION_TOP_WORD] = share(words->top, words->lettered);
    out[MEASURE_STOP_WORDS_DISTINCT] = (double)words->stops_distinct;
    out[MEASURE_STOP_WORDS_SHARE] = share(words->stops, pass->plain);
    out[MEASURE_TELLS_LOREM_IPSUM] = (double)words->first_phrase;
    out[MEASURE_TELLS_PHRASES] = (double)words->phrases;
    out[MEASURE_TELLS_PLACEHOLDERS] = share(pass->placeholders, pass->words);
    out[MEASURE_VOCABULARY_LOG_PROBABILITY] = frequent && words->lettered ? words->logs / (double)words->lettered : 0;
    out[MEASURE_VOCABULARY_UNKNOWN] = frequent ? share(words->unknown, words->lettered) : 0;
}

static void set_repetition(const struct pass *pass, const struct grams_counts *grams, double *out)
{
    const struct parts *const lines = &pass->lines, *const paragraphs = &pass->paragraphs;
    out[MEASURE_REPETITION_DUPLICATE_LINES] = share(lines->repeated, lines->count);
    out[MEASURE_REPETITION_DUPLICATE_LINE_CHARACTERS] = share(lines->repeated_characters, lines->characters);
    out[MEASURE_REPETITION_DUPLICATE_CHARACTERS] = share(lines->repeated_characters, pass->at - pass->breaks);
    out[MEASURE_REPETITION_DUPLICATE_PARAGRAPHS] = share(paragraphs->repeated, paragraphs->count);
    out[MEASURE_REPETITION_DUPLICATE_PARAGRAPH_CHARACTERS] =
        share(paragraphs->repeated_characters, paragraphs->characters);
    out[MEASURE_REPETITION_TOP_2GRAM] = at_most_1(share(grams->top[2], pass->at));
    out[MEASURE_REPETITION_TOP_3GRAM] = at_most_1(share(grams->top[3], pass->at));
    out[MEASURE_REPETITION_TOP_4GRAM] = at_most_1(share(grams->top[4], pass->at));
    out[MEASURE_REPETITION_DUPLICATE_5GRAM] = share(grams->repeated[5], pass->at);
    out[MEASURE_REPETITION_DUPLICATE_6GRAM] = share(grams->repeated[6], pass->at);
    out[MEASURE_REPETITION_DUPLICATE_7GRAM] = share(grams->repeated[7], pass->at);
    out[MEASURE_REPETITION_DUPLICATE_8GRAM] = share(grams->repeated[8], pass->at);
    out[MEASURE_REPETITION_DUPLICATE_9GRAM] = share(grams->repeated[9], pass->at);
    out[MEASURE_REPETITION_DUPLICATE_10GRAM] = share(grams->repeated[10], pass->at);
}

static bool begin_seen(struct seen *seen)
{
    if (!ROOM_FOR(seen->slots, seen->room, FEWEST))
        return false;
    seen->size = FEWEST;
    seen->used = 0;
    memset(seen->slots, 0, FEWEST * sizeof *seen->slots);
    return true;
}

bool measure_text(const struct measure_profile *profile, struct measure_room *room, const uint8_t *text, size_t size,
                  float *out, size_t step, struct measure_counts *counts)
{
    struct pass pass = {.profile = profile, .room = room, .end = text + size};
    struct words_counts words;
    struct grams_counts grams;
    double measures[MEASURES] = {0};
    bool good = words_begin(&room->words, &profile->list) && begin_seen(&room->lines) && begin_seen(&room->paragraphs) &&
                ROOM_FOR(room->offsets, room->offsets_room, 1);
    if (good) {
        room->offsets[0] = 0;
        pass.dots_end = pass.placeholder_end = text;
        good = take_text(&pass, text);
    }
    if (good) {
        words_count(&room->words, &profile->list, &words);
        good = grams_count(&room->grams, &room->words, room->offsets, &grams);
    }
    if (good) {
        set_characters(&pass, measures);
        set_lines(&pass, measures);
        set_words(&pass, &words, measures);
        set_repetition(&pass, &grams, measures);
        for (size_t i = 0; i < MEASURES; i++)
            out[i * step] = (float)measures[i];
        *counts = (struct measure_counts){(int64_t)pass.plain, (int64_t)pass.at};
    }
    if (size > KEPT)
        measure_free(room);
    return good;
}

void measure_free(struct measure_room *room)
{
    words_free(&room->words);
    grams_free(&room->grams);
    free(room->lines.slots);
    free(room->paragraphs.slots);
    free(room->offsets);
    *room = (struct measure_room){0};
}
