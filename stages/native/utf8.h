/* Whether bytes are UTF-8 (Unicode 3.9, table 3-7: no surrogates, nothing overlong, nothing above U+10FFFF). */
#ifndef FLORILEGIUM_UTF8_H
#define FLORILEGIUM_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Position of the first byte of the first ill-formed sequence; size where there is none. */
size_t utf8_fault(const uint8_t *text, size_t size);

#endif
