/* florilegium.stages._native: the C core seen from Python. Buffers in and out, no algorithm in this file. */
#include "module.h"

#include <string.h>

#include "scan.h"

Py_ssize_t module_count(const Py_buffer *buffer, size_t width, const char *name)
{
    if (buffer->len % (Py_ssize_t)width == 0 && (uintptr_t)buffer->buf % width == 0)
        return buffer->len / (Py_ssize_t)width;
    PyErr_Format(PyExc_ValueError, "%s: expected whole numbers of %zu bytes in their alignment", name, width);
    return -1;
}

Py_ssize_t module_rows(const Py_buffer *buffer, Py_ssize_t size, const char *name)
{
    const Py_ssize_t count = module_count(buffer, sizeof(int64_t), name);
    const int64_t *offsets = buffer->buf;
    int64_t least = 0;
    if (count == 0)
        PyErr_Format(PyExc_ValueError, "%s: expected at least one", name);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (offsets[i] < least || offsets[i] > size) {
            PyErr_Format(PyExc_ValueError, "%s[%zd] is %lld, expected %lld to %zd", name, i, (long long)offsets[i],
                         (long long)least, size);
            return -1;
        }
        least = offsets[i];
    }
    return count - 1;
}

/* Arrow promises no more than 8 bytes of alignment, Python not even that. */
static int64_t number_at(const char *numbers, Py_ssize_t i)
{
    int64_t number;
    memcpy(&number, numbers + i * (Py_ssize_t)sizeof number, sizeof number);
    return number;
}

/* Number of values that the offsets of a large_binary array bound in `size` bytes of data; -1 with ValueError set. */
static Py_ssize_t check_offsets(const Py_buffer *offsets, Py_ssize_t size)
{
    if (offsets->len < (Py_ssize_t)sizeof(int64_t) || offsets->len % (Py_ssize_t)sizeof(int64_t)) {
        PyErr_Format(PyExc_ValueError, "offsets: %zd bytes are not one or more int64", offsets->len);
        return -1;
    }
    const Py_ssize_t values = offsets->len / (Py_ssize_t)sizeof(int64_t) - 1;
    int64_t least = 0;
    for (Py_ssize_t i = 0; i <= values; i++) {
        const int64_t offset = number_at(offsets->buf, i);
        if (offset < least || offset > size) {
            PyErr_Format(PyExc_ValueError, "offsets[%zd] is %lld, expected %lld to %zd", i, (long long)offset,
                         (long long)least, size);
            return -1;
        }
        least = offset;
    }
    return values;
}

static void scan_values(const Py_buffer *data, const Py_buffer *offsets, Py_ssize_t values, char *out,
                        struct scan_room *room)
{
    for (Py_ssize_t i = 0; i < values; i++) {
        const int64_t start = number_at(offsets->buf, i);
        const struct scan_counts counts =
            scan_html((const uint8_t *)data->buf + start, (size_t)(number_at(offsets->buf, i + 1) - start), room);
        const int64_t row[SCAN_FIELDS] = {counts.nodes, counts.depth, counts.attributes, counts.links, counts.controls};
        memcpy(out + i * (Py_ssize_t)sizeof row, row, sizeof row);
    }
}

static PyObject *scan(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer data, offsets;
    PyObject *result = NULL;
    struct scan_room *room = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*:scan", &data, &offsets))
        return NULL;
    const Py_ssize_t values = check_offsets(&offsets, data.len);
    if (values < 0)
        goto done;
    result = PyBytes_FromStringAndSize(NULL, values * SCAN_FIELDS * (Py_ssize_t)sizeof(int64_t));
    if (!result)
        goto done;
    room = PyMem_Calloc(1, sizeof *room);
    if (!room) {
        Py_CLEAR(result);
        PyErr_NoMemory();
        goto done;
    }
    char *out = PyBytes_AsString(result);
    Py_BEGIN_ALLOW_THREADS
    scan_values(&data, &offsets, values, out, room);
    Py_END_ALLOW_THREADS
done:
    PyMem_Free(room);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    return result;
}

static PyMethodDef methods[] = {
    {"scan", scan, METH_VARARGS, "scan(data, offsets, /) -> bytes: five int64 a value, see scan.h"},
    {"pack", module_pack, METH_VARARGS, "documents to sequences, see pack.h"},
    {"pack_shuffle", module_pack_shuffle, METH_VARARGS, "pack_shuffle(count, seed, /) -> bytes: uint32, see pack.h"},
    {"pack_lengths", module_pack_lengths, METH_VARARGS, "tokens of documents as they are written, see pack.h"},
    {"pack_qualities", module_pack_qualities, METH_VARARGS, "where documents may be cut, see pack.h"},
    {"pack_gather", module_pack_gather, METH_VARARGS, "the tokens of pieces, see pack.h"},
    {"pack_runs", module_pack_runs, METH_VARARGS, "the longest run of equal tokens of each row, see pack.h"},
    {"pieces_ids", module_pieces_ids, METH_VARARGS, "merges from their strings, see pieces_ids.h"},
    {"pieces_build", module_pieces_build, METH_VARARGS, "a model for pieces_encode, see pieces.h"},
    {"pieces_encode", module_pieces_encode, METH_VARARGS, "tokens of rows, see pieces.h"},
    {"pieces_known", module_pieces_known, METH_VARARGS, "units for a warm start, see pieces_warm.h"},
    {"blocks_model", module_blocks_model, METH_VARARGS, "a model for blocks_read, see trees.h"},
    {"blocks_read", module_blocks_read, METH_VARARGS, "main text and facts of pages, see blocks.h"},
    {"blocks_explain", module_blocks_explain, METH_VARARGS, "the blocks of a page with scores and features"},
    {"bytelevel", module_bytelevel, METH_VARARGS, "a byte-level tokenizer, see bytelevel.h"},
    {"bytelevel_encode", module_bytelevel_encode, METH_VARARGS, "rows to tokens, see bytelevel.h"},
    {"bytelevel_known", module_bytelevel_known, METH_VARARGS, "units for a warm start, see bpe_warm.h"},
    {"added", module_added, METH_VARARGS, "added tokens for added_split, see added.h"},
    {"added_split", module_added_split, METH_VARARGS, "rows to texts and added tokens, see added.h"},
    {"added_runs", module_added_runs, METH_VARARGS, "what a normalizer may change, see added.h"},
    {"letters", module_letters, METH_NOARGS, "letters() -> bytes: struct letter a code point, see letters.h"},
    {"measure", module_measure, METH_VARARGS, "measures of texts, see measure.h"},
    {"measure_fold", module_measure_fold, METH_VARARGS, "a word composed and in lower case, see measure_fold.h"},
    {"measure_hashes", module_measure_hashes, METH_VARARGS, "hashes of texts, see measure_hash.h"},
    {"measure_names", module_measure_names, METH_NOARGS, "the names of the measures, see measure.h"},
    {"measure_profile", module_measure_profile, METH_VARARGS, "a language for measure, see measure.h"},
    {"unicode", module_unicode, METH_NOARGS, "unicode() -> bytes: uint16 a code point, see unicode.h"},
    {"shingles_table", module_shingles_table, METH_NOARGS, "for shingles and signatures, see shingles.h"},
    {"shingles", module_shingles, METH_VARARGS, "hashes of runs of words, see shingles.h"},
    {"signatures", module_signatures, METH_VARARGS, "MinHash signatures of texts, see minhash.h"},
    {"band_keys", module_band_keys, METH_VARARGS, "keys of bands of signatures, see minhash.h"},
    {"small", module_small, METH_VARARGS, "signatures of a byte a hash, see minhash.h"},
    {"matches", module_matches, METH_VARARGS, "near duplicates among rows of equal keys, see match.h"},
    {"unite", module_unite, METH_VARARGS, "components of nodes, from edges, see unite.h"},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "The C core: see stages/native/*.h", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
