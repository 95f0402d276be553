/* Packing seen from Python: checks what pack.c takes for granted, and lets the GIL go. */
#include "module.h"

#include <limits.h>
#include <stdint.h>

#include "pack.h"

static PyObject *bytes_of(int64_t count, size_t width)
{
    return PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count * (Py_ssize_t)width);
}

/* ---- pack ---- */

static bool check_how(const struct pack_how *how)
{
    const bool by_room = how->kind == PACK_BEST_FIT || how->kind == PACK_DECREASING;
    if (how->kind > PACK_DECREASING)
        PyErr_SetString(PyExc_ValueError, "kind: there is no such kind");
    else if (how->length < 1 || how->length > (by_room ? PACK_LENGTH : PACK_DOCUMENT))
        PyErr_Format(PyExc_ValueError, "length is %lld, expected 1 to %d", (long long)how->length,
                     by_room ? PACK_LENGTH : PACK_DOCUMENT);
    else if (how->smallest < 1 || (how->smallest > 1 && how->smallest > how->length / 2))
        PyErr_Format(PyExc_ValueError, "smallest is %lld, expected 1 to half of length", (long long)how->smallest);
    else if (how->open_bins < 1)
        PyErr_SetString(PyExc_ValueError, "open_bins: expected 1 or more");
    else
        return true;
    return false;
}

static bool check_lengths(const int64_t *lengths, Py_ssize_t documents)
{
    if ((uint64_t)documents > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "lengths: expected fewer than 2^32");
        return false;
    }
    for (Py_ssize_t i = 0; i < documents; i++) {
        if (lengths[i] < 0 || lengths[i] > PACK_DOCUMENT) {
            PyErr_Format(PyExc_ValueError, "lengths[%zd] is %lld, expected 0 to %d", i, (long long)lengths[i],
                         PACK_DOCUMENT);
            return false;
        }
    }
    return true;
}

static bool check_marks(const struct pack_marks *marks, const int64_t *lengths, Py_ssize_t documents)
{
    for (int64_t i = 0; i < marks->count; i++) {
        const int64_t document = marks->documents[i];
        if (document <= (i ? marks->documents[i - 1] : -1) || document >= documents) {
            PyErr_Format(PyExc_ValueError, "marks.documents[%lld] is %lld, expected rising numbers below %zd",
                         (long long)i, (long long)document, documents);
            return false;
        }
        if (marks->offsets[i + 1] - marks->offsets[i] != lengths[document]) {
            PyErr_Format(PyExc_ValueError, "marks: document %lld has %lld tokens, but %lld qualities",
                         (long long)document, (long long)lengths[document],
                         (long long)(marks->offsets[i + 1] - marks->offsets[i]));
            return false;
        }
    }
    return true;
}

/* document, begin, end, pieces of a plan. */
static PyObject *written(const struct pack_plan *plan, const int64_t *lengths, Py_ssize_t documents,
                         const struct pack_marks *marks, const struct pack_how *how)
{
    PyObject *document = bytes_of(plan->pieces, sizeof(int64_t)), *begin = bytes_of(plan->pieces, sizeof(int64_t));
    PyObject *end = bytes_of(plan->pieces, sizeof(int64_t)), *pieces = bytes_of(plan->sequences, sizeof(int64_t));
    PyObject *result = NULL;
    if (document && begin && end && pieces) {
        int64_t *const out[] = {(int64_t *)(void *)PyBytes_AsString(document), (int64_t *)(void *)PyBytes_AsString(begin),
                                (int64_t *)(void *)PyBytes_AsString(end), (int64_t *)(void *)PyBytes_AsString(pieces)};
        bool fine;
        Py_BEGIN_ALLOW_THREADS
        fine = pack_write(plan, lengths, documents, marks, how, out[0], out[1], out[2], out[3]);
        Py_END_ALLOW_THREADS
        result = fine ? PyTuple_Pack(4, document, begin, end, pieces) : PyErr_NoMemory();
    }
    Py_XDECREF(document);
    Py_XDECREF(begin);
    Py_XDECREF(end);
    Py_XDECREF(pieces);
    return result;
}

static PyObject *packed(const int64_t *lengths, Py_ssize_t documents, const struct pack_marks *marks,
                        const struct pack_how *how)
{
    struct pack_plan plan;
    PyObject *result = NULL;
    Py_BEGIN_ALLOW_THREADS
    plan = pack_deal(lengths, documents, marks, how);
    Py_END_ALLOW_THREADS
    if (plan.fault == PACK_FINE)
        result = written(&plan, lengths, documents, marks, how);
    else if (plan.fault == PACK_NO_MEMORY)
        PyErr_NoMemory();
    else
        PyErr_Format(PyExc_ValueError, "lengths: they make more than %d pieces", PACK_PIECES);
    pack_free(&plan);
    return result;
}

PyObject *module_pack(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer lengths, marked, offsets, qualities;
    int kind, shuffle;
    long long length, open_bins, smallest;
    unsigned long long seed;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*iLLLpKy*y*y*:pack", &lengths, &kind, &length, &open_bins, &smallest, &shuffle,
                          &seed, &marked, &offsets, &qualities))
        return NULL;
    const struct pack_how how = {(enum pack_kind)kind, length, open_bins, smallest, shuffle != 0, seed};
    const Py_ssize_t documents = module_count(&lengths, sizeof(int64_t), "lengths");
    const Py_ssize_t runs = module_rows(&offsets, qualities.len, "marks.offsets");
    const Py_ssize_t count = module_count(&marked, sizeof(int64_t), "marks.documents");
    const struct pack_marks marks = {marked.buf, offsets.buf, qualities.buf, count};
    if (documents < 0 || runs < 0 || count < 0)
        goto done;
    if (runs != count)
        PyErr_SetString(PyExc_ValueError, "marks: expected one more of offsets than of documents");
    else if (check_how(&how) && check_lengths(lengths.buf, documents) && check_marks(&marks, lengths.buf, documents))
        result = packed(lengths.buf, documents, &marks, &how);
done:
    PyBuffer_Release(&lengths);
    PyBuffer_Release(&marked);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&qualities);
    return result;
}

PyObject *module_pack_shuffle(PyObject *module, PyObject *arguments)
{
    (void)module;
    long long count;
    unsigned long long seed;
    if (!PyArg_ParseTuple(arguments, "LK:pack_shuffle", &count, &seed))
        return NULL;
    if (count < 0 || count > UINT32_MAX)
        return PyErr_Format(PyExc_ValueError, "count is %lld, expected 0 to 2^32 - 1", count);
    PyObject *result = bytes_of(count, sizeof(uint32_t));
    if (!result)
        return NULL;
    uint32_t *order = (uint32_t *)(void *)PyBytes_AsString(result);
    Py_BEGIN_ALLOW_THREADS
    pack_shuffle(order, count, seed);
    Py_END_ALLOW_THREADS
    return result;
}

/* ---- tokens ---- */

struct tokens {
    Py_buffer tokens, offsets;
    struct pack_tokens from;
};

/* False with ValueError set. */
static bool check_tokens(struct tokens *held)
{
    struct pack_tokens *from = &held->from;
    if (from->width != 2 && from->width != 4) {
        PyErr_Format(PyExc_ValueError, "width is %d, expected 2 or 4", from->width);
        return false;
    }
    if (held->tokens.len % from->width || (uintptr_t)held->tokens.buf % (unsigned)from->width) {
        PyErr_SetString(PyExc_ValueError, "tokens: expected whole ones in their alignment");
        return false;
    }
    const int64_t most = from->width == 2 ? UINT16_MAX : INT32_MAX;
    if (from->bos > most || from->eos > most) {
        PyErr_SetString(PyExc_ValueError, "bos, eos: expected numbers that a token can be");
        return false;
    }
    from->tokens = held->tokens.buf;
    from->offsets = held->offsets.buf;
    from->documents = module_rows(&held->offsets, held->tokens.len / from->width, "offsets");
    return from->documents >= 0;
}

static void release(struct tokens *held)
{
    PyBuffer_Release(&held->tokens);
    PyBuffer_Release(&held->offsets);
}

PyObject *module_pack_lengths(PyObject *module, PyObject *arguments)
{
    (void)module;
    struct tokens held;
    long long bos, eos;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*iy*LL:pack_lengths", &held.tokens, &held.from.width, &held.offsets, &bos, &eos))
        return NULL;
    held.from.bos = bos;
    held.from.eos = eos;
    if (check_tokens(&held) && (result = bytes_of(held.from.documents, sizeof(int64_t)))) {
        int64_t *out = (int64_t *)(void *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        for (int64_t i = 0; i < held.from.documents; i++)
            out[i] = pack_length(&held.from, i);
        Py_END_ALLOW_THREADS
    }
    release(&held);
    return result;
}

/* Qualities of the listed documents back to back, in a buffer that is as long as they are. */
static void fill_qualities(const struct tokens *held, const Py_buffer *listed, const Py_buffer *endings, uint8_t *out)
{
    const int64_t *documents = listed->buf;
    for (Py_ssize_t i = 0; i < listed->len / (Py_ssize_t)sizeof(int64_t); i++) {
        pack_qualities(&held->from, documents[i], endings->buf, endings->len, out);
        out += pack_length(&held->from, documents[i]);
    }
}

/* Tokens of the listed documents; -1 with ValueError set. */
static int64_t check_listed(const struct tokens *held, const Py_buffer *listed)
{
    const Py_ssize_t count = module_count(listed, sizeof(int64_t), "documents");
    const int64_t *documents = listed->buf;
    int64_t total = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (documents[i] < 0 || documents[i] >= held->from.documents) {
            PyErr_Format(PyExc_ValueError, "documents[%zd] is %lld, but there are %lld", i, (long long)documents[i],
                         (long long)held->from.documents);
            return -1;
        }
        total += pack_length(&held->from, documents[i]);
    }
    return count < 0 ? -1 : total;
}

PyObject *module_pack_qualities(PyObject *module, PyObject *arguments)
{
    (void)module;
    struct tokens held;
    Py_buffer listed, endings;
    long long bos, eos;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*iy*LLy*y*:pack_qualities", &held.tokens, &held.from.width, &held.offsets, &bos,
                          &eos, &listed, &endings))
        return NULL;
    held.from.bos = bos;
    held.from.eos = eos;
    const int64_t total = check_tokens(&held) ? check_listed(&held, &listed) : -1;
    if (total >= 0 && (result = bytes_of(total, 1))) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        fill_qualities(&held, &listed, &endings, out);
        Py_END_ALLOW_THREADS
    }
    release(&held);
    PyBuffer_Release(&listed);
    PyBuffer_Release(&endings);
    return result;
}

PyObject *module_pack_runs(PyObject *module, PyObject *arguments)
{
    (void)module;
    struct tokens held;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*iy*:pack_runs", &held.tokens, &held.from.width, &held.offsets))
        return NULL;
    held.from.bos = held.from.eos = -1;
    if (check_tokens(&held) && (result = bytes_of(held.from.documents, sizeof(int64_t)))) {
        int64_t *out = (int64_t *)(void *)PyBytes_AsString(result);
        Py_BEGIN_ALLOW_THREADS
        for (int64_t i = 0; i < held.from.documents; i++)
            out[i] = pack_longest_run(held.from.tokens, held.from.width, held.from.offsets[i], held.from.offsets[i + 1]);
        Py_END_ALLOW_THREADS
    }
    release(&held);
    return result;
}

struct pieces {
    Py_buffer document, begin, end;
};

/* Tokens of all pieces; -1 with ValueError set where one is not in its document. */
static int64_t check_pieces(const struct pieces *pieces, const struct pack_tokens *from)
{
    const Py_ssize_t count = module_count(&pieces->document, sizeof(int64_t), "document");
    const Py_ssize_t begins = module_count(&pieces->begin, sizeof(int64_t), "begin");
    const Py_ssize_t ends = module_count(&pieces->end, sizeof(int64_t), "end");
    const int64_t *document = pieces->document.buf, *begin = pieces->begin.buf, *end = pieces->end.buf;
    if (count < 0 || begins < 0 || ends < 0)
        return -1;
    if (begins != count || ends != count) {
        PyErr_SetString(PyExc_ValueError, "document, begin, end: expected equally many");
        return -1;
    }
    int64_t total = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        const bool known = document[i] >= 0 && document[i] < from->documents;
        if (!known || begin[i] < 0 || end[i] < begin[i] || end[i] > pack_length(from, document[i])) {
            PyErr_Format(PyExc_ValueError, "piece %zd is tokens %lld to %lld of document %lld, which has not as many", i,
                         (long long)begin[i], (long long)end[i], (long long)document[i]);
            return -1;
        }
        if (total > PY_SSIZE_T_MAX / from->width - (end[i] - begin[i])) {
            PyErr_NoMemory();
            return -1;
        }
        total += end[i] - begin[i];
    }
    return total;
}

static PyObject *gathered(const struct pieces *pieces, const struct pack_tokens *from)
{
    const int64_t total = check_pieces(pieces, from);
    PyObject *result = total < 0 ? NULL : bytes_of(total, (size_t)from->width);
    if (!result)
        return NULL;
    const int64_t *document = pieces->document.buf, *begin = pieces->begin.buf, *end = pieces->end.buf;
    const Py_ssize_t count = pieces->document.len / (Py_ssize_t)sizeof(int64_t);
    char *out = PyBytes_AsString(result);
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < count; i++)
        out = pack_copy(from, document[i], begin[i], end[i], out);
    Py_END_ALLOW_THREADS
    return result;
}

PyObject *module_pack_gather(PyObject *module, PyObject *arguments)
{
    (void)module;
    struct tokens held;
    struct pieces pieces;
    long long bos, eos;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*iy*LLy*y*y*:pack_gather", &held.tokens, &held.from.width, &held.offsets, &bos,
                          &eos, &pieces.document, &pieces.begin, &pieces.end))
        return NULL;
    held.from.bos = bos;
    held.from.eos = eos;
    if (check_tokens(&held))
        result = gathered(&pieces, &held.from);
    release(&held);
    PyBuffer_Release(&pieces.document);
    PyBuffer_Release(&pieces.begin);
    PyBuffer_Release(&pieces.end);
    return result;
}
