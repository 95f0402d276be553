/* An HTML tokenizer: section 13.2.5 of the HTML standard, without the tree.
 *
 * Theory. Tokens are pulled one by one. Most bytes of a page are text between tags, attribute values and scripts: they
 * are found by memchr and handed out where they stand. Only what is not written as it reads (character references, line
 * ends, NUL, upper-case names) is copied, into a room that one token uses and the next one takes over.
 *
 * The states of the standard are lost in the control flow: markup begins at "<" in text, attributes are read in one loop,
 * comments end at the first "-->" or "--!>". Each byte is looked at a fixed number of times, whatever the page: what does
 * not end before the input does takes all that is left of it.
 *
 * Input is UTF-8 that is valid; newlines are normalized here.
 */
#ifndef FLORILEGIUM_HTML_H
#define FLORILEGIUM_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct html_span {
    const uint8_t *at;
    size_t size;
};

/* As it stands in the page until html_attributes has read it. The value of an attribute without one is empty. */
struct html_attribute {
    struct html_span name, value;
};

enum html_kind {
    HTML_END_OF_FILE,
    HTML_TEXT,    /* text: several in a row may be one run */
    HTML_START,   /* name, attributes, self_closing */
    HTML_END,     /* name */
    HTML_COMMENT, /* text */
    HTML_DOCTYPE, /* name, public_id, system_id: at is NULL where it has none */
};

struct html_token {
    enum html_kind kind;
    struct html_span text, name, public_id, system_id;
    const struct html_attribute *attributes;
    size_t attribute_count;
    bool self_closing, quirks;
};

/* What text is, and what ends it. */
enum html_mode {
    HTML_DATA,
    HTML_RCDATA,    /* title, textarea: character references, ends at its end tag */
    HTML_RAWTEXT,   /* style, xmp, iframe, noembed, noframes: none */
    HTML_SCRIPT,    /* the same, but comments hide end tags */
    HTML_PLAINTEXT, /* no end */
    HTML_CDATA,     /* ends at "]]>", then data */
};

/* Memory that does not move until it is taken over. */
struct html_room {
    struct html_block *newest; /* the others hang behind it */
    size_t used, size;         /* of the newest */
};

struct html_tokenizer {
    const uint8_t *at, *end;
    enum html_mode mode;
    struct html_span last; /* name of the last start tag: the end tag that ends raw text */
    bool returns, nuls;    /* whether the input has carriage returns, NUL */
    bool foreign;          /* "<![CDATA[" opens a section: set by who knows where in the tree it is */
    struct html_room room;
    struct html_attribute *attributes;
    size_t attribute_room;
    uint8_t last_name[16]; /* where `last` stands: names of raw-text elements are shorter */
    bool failed;           /* memory ran out: HTML_END_OF_FILE came early */
};

/* Starts at text of `mode`. The bytes must stay until the last token has been looked at. */
void html_begin(struct html_tokenizer *html, const uint8_t *text, size_t size, enum html_mode mode);
void html_end(struct html_tokenizer *html);

/* The next token; its spans last until the next call. */
enum html_kind html_next(struct html_tokenizer *html, struct html_token *token);

/* Behind a start tag: text is of the mode that the standard's tree construction would switch to, outside of SVG and
 * MathML, with scripting. */
void html_switch(struct html_tokenizer *html, const struct html_token *start);

/* Behind a start tag whose attributes are wanted (most are not): reads them, names in lower case, values with their
 * references decoded, of two with the same name the first. False: memory. */
bool html_attributes(struct html_tokenizer *html, struct html_token *token);

#endif
