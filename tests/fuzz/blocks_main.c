/* Fuzzer of pages: tokens, blocks, features, trees and text, of markup that is torn and put together at random.
 *
 *   gcc -fsanitize=address,undefined ... && ./blocks 20000      number of inputs to try
 *
 * What holds for any UTF-8: no fault; tokens come to an end; features are numbers; a page read again gives the same; what
 * is kept is joined whole.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blocks_names.h"
#include "blocks_text.h"
#include "html.h"
#include "numbers.h"

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static const char *const parts[] = {
    "<p>", "</p>", "<div class=\"nav-menu comment\">", "</div>", "<li>", "<ul>", "</ul>", "<td>", "<tr>", "<table>", "</table>", "<ol>", "<th>", "`", "|",
    "<h1>", "</h1>", "<h2 id=content>", "<a href=x rel=license>", "</a>", "<br>", "<br/>", "<script>", "</script>",
    "<script type='application/ld+json'>{\"@type\":\"Article\"}", "<!--", "-->", "--!>", "<!", "<?", "</", "<", ">", "&amp;",
    "&#x1F6A2;", "&#0;", "&#xD800;", "&nGt;", "&", "&copy", "=", "\"", "'", "<title>", "</title>", "<textarea>", "<style>",
    "</style>", "<svg>", "</svg>", "<![CDATA[", "]]>", "<pre>", "</pre>", "<blockquote>", "<plaintext>", "<noscript>",
    "<select>", "<button>", "<meta property=og:type content=article>", "<time datetime=2020-01-02>", "<html lang=de>",
    "Ein Satz, der etwas sagt. ", "word ", "\xC3\xA9t\xC3\xA9 ", "\xE2\x80\x9Cquoted\xE2\x80\x9D. ", "\xF0\x9F\x9A\xA2", "\r\n", "\n",
    " ", "\t", "\f", "\x01", "\xC2\xA0", "hidden", " style='display:none'", " itemprop=articleBody", "/", "x",
};
#define PARTS (sizeof parts / sizeof *parts)
#define MOST 6000

static size_t grow(uint8_t *page, uint64_t *state)
{
    size_t size = 0;
    const size_t kinds = 1 + below(state, 24), count = below(state, 400);
    size_t chosen[24];
    for (size_t i = 0; i < kinds; i++)
        chosen[i] = below(state, PARTS);
    for (size_t i = 0; i < count; i++) {
        const char *const part = parts[chosen[below(state, kinds)]];
        const size_t length = strlen(part);
        if (size + length > MOST)
            break;
        memcpy(page + size, part, length);
        size += length;
    }
    return size;
}

static void check_tokens(const uint8_t *page, size_t size)
{
    for (int mode = HTML_DATA; mode <= HTML_CDATA; mode++) {
        struct html_tokenizer html;
        struct html_token token;
        size_t tokens = 0;
        html_begin(&html, page, size, (enum html_mode)mode);
        html.last = (struct html_span){(const uint8_t *)"title", 5};
        html.foreign = mode == HTML_CDATA;
        while (html_next(&html, &token) != HTML_END_OF_FILE) {
            if (token.kind == HTML_START)
                require(html_attributes(&html, &token), "memory");
            require(++tokens <= size + 1, "no more tokens than bytes");
        }
        require(!html.failed && html.at == html.end, "all of it is read");
        html_end(&html);
    }
}

#define TREES 21
#define BORDERS 4

/* A tree at a time, a question at a time. */
static int32_t walked(const struct trees *trees, const float *column)
{
    int32_t sum = trees->bias;
    for (size_t tree = 0; tree < trees->count; tree++) {
        unsigned leaf = 0;
        for (unsigned level = 0; level < TREES_DEPTH; level++) {
            const size_t feature = trees->feature[tree * TREES_DEPTH + level];
            const float *const borders = trees->borders + trees->borders_at[feature];
            leaf |= (unsigned)(column[feature * TREES_ROWS] > borders[trees->border[tree * TREES_DEPTH + level]]) << level;
        }
        sum += trees->leaves[tree * TREES_LEAVES + leaf];
    }
    return sum;
}

static void check_scores(const struct blocks *blocks, const struct trees *trees, const int32_t *scores)
{
    static float columns[BLOCKS_FEATURES * TREES_ROWS];
    struct blocks_view *const page = blocks_view(blocks);
    require(page != NULL, "memory");
    size_t at = 0;
    for (size_t count; (count = blocks_view_next(page, columns)); at += count)
        for (size_t row = 0; row < count; row++) {
            for (size_t i = 0; i < BLOCKS_FEATURES; i++)
                require(isfinite(columns[i * TREES_ROWS + row]), "features are numbers");
            require(walked(trees, columns + row) == scores[at + row], "the scores are the sums of the leaves");
        }
    require(at == blocks->count, "a row for each block");
    blocks_view_free(page);
}

/* What blocks_count counts by vectors, counted a character at a time. */
static void check_counts(const struct blocks_names *names, const struct blocks *blocks, const struct block *block)
{
    const uint8_t *const text = (const uint8_t *)blocks->text + block->text;
    struct block plain = {0};
    bool blank = true;
    for (size_t at = 0, size; at < block->size; at += size) {
        const uint32_t code = code_at(text + at, &size);
        const unsigned bits = bits_of(names, code);
        const bool other = !(bits & (BLANK | LETTER | NUMBER));
        plain.words += blank && !(bits & BLANK);
        blank = bits & BLANK;
        plain.lines += code == '\n';
        plain.characters += !blank;
        plain.uppers += !blank && bits & UPPER;
        plain.digits += !blank && bits & NUMBER;
        plain.marks += !blank && is_end(code);
        plain.commas += !blank && is_comma(code);
        plain.symbols += other && !is_end(code) && !is_comma(code);
    }
    require(plain.characters == block->characters && plain.words == block->words && plain.uppers == block->uppers &&
                plain.digits == block->digits && plain.marks == block->marks && plain.commas == block->commas &&
                plain.symbols == block->symbols && plain.lines == block->lines,
            "counts are those of the characters");
}

static void check_page(const struct blocks_names *names, const struct trees *trees, const uint8_t *page, size_t size)
{
    static struct blocks blocks;
    struct blocks_text text[2] = {{0}, {0}};
    for (int again = 0; again < 2; again++) {
        require(blocks_read(&blocks, names, page, size), "memory");
        int32_t *const scores = malloc((blocks.count + 1) * sizeof *scores);
        bool *const kept = malloc(blocks.count + 1);
        require(scores && kept, "memory");
        for (size_t i = 0; i < blocks.count; i++) {
            check_counts(names, &blocks, blocks.block + i);
            require(blocks.block[i].text + blocks.block[i].size <= blocks.text_size && blocks.block[i].characters > 0,
                    "blocks hold text");
        }
        require(blocks_choose(&blocks, trees, 0, -1000, scores, kept), "memory");
        check_scores(&blocks, trees, scores);
        require(blocks_join(&blocks, kept, again, text + again) && blocks_put_facts(&blocks, text + again), "memory");
        free(scores);
        free(kept);
    }
    require(text[0].size <= text[1].size, "marks only add");
    free(text[0].text);
    free(text[1].text);
}

int main(int count, char **values)
{
    static uint8_t page[MOST];
    static float borders[BORDERS * BLOCKS_FEATURES];
    static uint32_t borders_at[BLOCKS_FEATURES + 1];
    static uint8_t feature[TREES * TREES_DEPTH], border[TREES * TREES_DEPTH];
    static int16_t leaves[TREES * TREES_LEAVES];
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    for (uint32_t i = 0; i < BLOCKS_FEATURES; i++) {
        borders[BORDERS * i] = (float)below(&state, 3) / 4;
        for (uint32_t k = 1; k < BORDERS; k++)
            borders[BORDERS * i + k] = borders[BORDERS * i + k - 1] * 2 + (float)below(&state, 3) / 8;
        borders_at[i + 1] = BORDERS * (i + 1);
    }
    for (size_t i = 0; i < sizeof feature; i++) {
        feature[i] = (uint8_t)below(&state, BLOCKS_FEATURES);
        border[i] = (uint8_t)below(&state, BORDERS);
    }
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        leaves[i] = (int16_t)(below(&state, 65536) - 32768);
    struct trees trees = {BLOCKS_FEATURES, TREES, borders, borders_at, feature, border, leaves, NULL, 0};
    require(trees_open(&trees), "a model");
    struct blocks_names *const names = blocks_names("date\nog:title\nrobots", 20);
    require(names != NULL, "memory");
    for (long i = 0; i < inputs; i++) {
        const size_t size = grow(page, &state);
        uint8_t *const exact = malloc(size ? size : 1); /* a block of its own, so that a read past the end is seen */
        require(exact != NULL, "memory");
        memcpy(exact, page, size);
        check_tokens(exact, size);
        check_page(names, &trees, exact, size);
        free(exact);
    }
    trees_close(&trees);
    blocks_names_free(names);
    printf("%ld inputs\n", inputs);
    return 0;
}
