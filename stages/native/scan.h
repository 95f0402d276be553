/* Budgets of an HTML page, counted in one walk over its bytes without building a tree.
 *
 * Theory. The states follow the tokenizer of the HTML standard (section 13.2.5) as far as they decide where markup
 * begins and ends; no byte is looked at more than a fixed number of times, whatever the input, and memory is fixed
 * (struct scan_room). So this may be run on hostile bytes before anything that builds a tree sees them.
 *
 *   text        up to the next '<' that opens markup; any other '<' belongs to the text
 *   <x          start tag, x an ASCII letter; the name runs to space, '/' or '>'
 *   </x         end tag, read like a start tag; its attributes are counted as well
 *   <!--        comment, to "-->" or "--!>"; "<!-->" and "<!--->" are whole comments
 *   <!  <?  </  bogus comment (doctype, CDATA, processing instruction), to the next '>'; "</>" is nothing at all
 *   raw text    behind <script> <style> <textarea> <title> <xmp> <iframe> <noembed> <noframes>: all bytes to their end
 *               tag (its name, then space, '/' or '>'); behind <plaintext>: all bytes that are left
 *
 * What is still open when the input ends, ends there: an open comment is a comment, an open tag is no node.
 *
 * Open elements. A start tag is pushed, except void elements and tags above SCAN_DEPTH; "<x/>" is pushed like "<x>", as
 * HTML does outside of SVG. An end tag pops down to the nearest open element of its name, and does nothing where there
 * is none. Before a start tag is pushed (or passed by, if void), elements on top that it ends are popped, one after
 * another: the table is `ends` in scan.c. That is less than the tree construction of the standard (no scopes, no
 * adoption agency): on pages that close their elements the depth is that of the tree; on others a tree may be flatter or
 * deeper, so whoever builds one still looks at its depth.
 *
 * Elements are told apart by 16 bits of the FNV-1a hash (Fowler, Noll, Vo) of the lower-case name: no two names of the
 * HTML standard meet in it (a test holds that); two invented names that meet only move the depth a little.
 */
#ifndef FLORILEGIUM_SCAN_H
#define FLORILEGIUM_SCAN_H

#include <stddef.h>
#include <stdint.h>

#define SCAN_FIELDS 5

/* Depth saturates here. Counters of 16 bits hold every count of open elements. */
#define SCAN_DEPTH 65535

struct scan_counts {
    int64_t nodes;      /* start tags + comments, bogus ones too + runs of text (raw text too) of at least one byte */
    int64_t depth;      /* largest number of elements open at once, at most SCAN_DEPTH */
    int64_t attributes; /* largest number on one tag, repeated names and end tags included */
    int64_t links;      /* start tags named a */
    int64_t controls;   /* bytes 00-1F but tab, line feed, form feed and carriage return, wherever they stand */
};

/* Working memory, 256 KiB; all zero before the first scan, and left all zero by each. Not to be shared by threads. */
struct scan_room {
    uint16_t open[65536];       /* open elements by hash of their name */
    uint16_t stack[SCAN_DEPTH]; /* hashes of the open elements, outermost first; undefined above the top */
};

/* Counts `size` bytes at `html` (which may be NULL if size is 0). Any bytes will do; never fails. */
struct scan_counts scan_html(const uint8_t *html, size_t size, struct scan_room *room);

/* The hash that stands for an element's name: FNV-1a of 32 bits over the lower-case bytes, its halves xored. */
uint16_t scan_name(const uint8_t *name, size_t size);

#endif
