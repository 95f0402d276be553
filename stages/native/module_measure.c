/* Measures seen from Python: a capsule for each language, and texts through them. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "letters.h"
#include "measure.h"
#include "measure_hash.h"
#include "utf8.h"

#define CAPSULE "florilegium.stages._native.measure"
#define LONGEST INT32_MAX

static void drop(struct measure_profile *profile)
{
    words_list_free(&profile->list);
    free(profile->ends);
    PyMem_Free(profile);
}

static void drop_capsule(PyObject *capsule) { drop(PyCapsule_GetPointer(capsule, CAPSULE)); }

enum { ENDS, TEXT, TEXT_AT, LOGS, STOPS, PHRASES, PHRASES_AT, PARTS };

/* Whether offsets of int64 rise from 0 to `size`. */
static bool check_offsets(const Py_buffer *offsets, Py_ssize_t size, const char *name)
{
    const int64_t *const at = offsets->buf;
    const Py_ssize_t rows = module_rows(offsets, size, name);
    if (rows >= 0 && at[0] == 0 && at[rows] == size)
        return true;
    if (rows >= 0)
        PyErr_Format(PyExc_ValueError, "%s: expected to rise from 0 to %zd", name, size);
    return false;
}

static bool check_parts(const Py_buffer *parts)
{
    const Py_ssize_t words = module_count(parts + LOGS, sizeof(double), "logs");
    const Py_ssize_t phrases = module_count(parts + PHRASES, sizeof(uint32_t), "phrases");
    const Py_ssize_t ends = module_count(parts + ENDS, sizeof(uint32_t), "ends");
    if (words < 0 || phrases < 0 || ends < 0 || !check_offsets(parts + TEXT_AT, parts[TEXT].len, "words") ||
        !check_offsets(parts + PHRASES_AT, phrases, "phrases_at"))
        return false;
    bool good = parts[STOPS].len == words && parts[TEXT_AT].len == (words + 1) * (Py_ssize_t)sizeof(int64_t);
    const uint32_t *const numbers = parts[PHRASES].buf, *const codes = parts[ENDS].buf;
    for (Py_ssize_t i = 0; i < phrases && good; i++)
        good = numbers[i] < (size_t)words;
    if (!good)
        PyErr_SetString(PyExc_ValueError, "the words of a profile do not fit together");
    for (Py_ssize_t i = 0; i < ends && good; i++)
        good = codes[i] < LETTER_LIMIT &&
               !(letter_classes[letter_class(codes[i])].bits & (LETTER_SPACE | LETTER_WORD));
    if (!good && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "what ends a sentence is neither white space nor part of a word");
    return good;
}

static bool fill(struct measure_profile *profile, const Py_buffer *parts)
{
    const size_t phrases = (size_t)parts[PHRASES_AT].len / sizeof(int64_t) - 1;
    profile->ends_count = (size_t)parts[ENDS].len / sizeof(uint32_t);
    profile->ends = malloc((size_t)parts[ENDS].len + 1);
    if (profile->ends && parts[ENDS].len)
        memcpy(profile->ends, parts[ENDS].buf, (size_t)parts[ENDS].len);
    for (size_t i = 0; profile->ends && i < profile->ends_count; i++)
        if (profile->ends[i] < 0x80)
            profile->ends_ascii[profile->ends[i] / 64] |= (uint64_t)1 << profile->ends[i] % 64;
    return profile->ends && words_list_make(&profile->list, parts[TEXT].buf, parts[TEXT_AT].buf, (size_t)parts[STOPS].len,
                                            parts[LOGS].buf, parts[STOPS].buf, parts[PHRASES].buf, parts[PHRASES_AT].buf,
                                            phrases);
}

PyObject *module_measure_profile(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer parts[PARTS];
    PyObject *capsule = NULL;
    unsigned scripts;
    int frequent;
    double floor;
    if (!PyArg_ParseTuple(arguments, "y*Iy*y*y*y*dpy*y*:measure_profile", &parts[ENDS], &scripts, &parts[TEXT],
                          &parts[TEXT_AT], &parts[LOGS], &parts[STOPS], &floor, &frequent, &parts[PHRASES],
                          &parts[PHRASES_AT]))
        return NULL;
    struct measure_profile *const profile = PyMem_Calloc(1, sizeof *profile);
    if (!profile)
        PyErr_NoMemory();
    else if (check_parts(parts)) {
        profile->scripts = scripts;
        profile->list.floor = floor;
        profile->list.frequent = frequent;
        if (!fill(profile, parts))
            PyErr_NoMemory();
        else
            capsule = PyCapsule_New(profile, CAPSULE, drop_capsule);
    }
    if (profile && !capsule)
        drop(profile);
    for (size_t i = 0; i < PARTS; i++)
        PyBuffer_Release(parts + i);
    return capsule;
}

PyObject *module_measure_names(PyObject *module, PyObject *arguments)
{
    (void)module;
    (void)arguments;
#define NAME(name, text) text,
    static const char *const names[] = {MEASURE_LIST(NAME)};
#undef NAME
    PyObject *const result = PyTuple_New(MEASURES);
    for (Py_ssize_t i = 0; result && i < MEASURES; i++) {
        PyObject *const name = PyUnicode_FromString(names[i]);
        if (!name || PyTuple_SetItem(result, i, name)) {
            Py_DECREF(result);
            return NULL;
        }
    }
    return result;
}

struct texts {
    const uint8_t *data;
    const int64_t *at;
    const int32_t *profile; /* of each; -1: it is left out */
    const struct measure_profile **profiles;
    size_t count;
    float *out;
    struct measure_counts *counts;
};

enum fault { FINE, MEMORY, INVALID, LONG };

static enum fault measure_all(const struct texts *texts, size_t *row)
{
    struct measure_room room = {0};
    enum fault fault = FINE;
    for (*row = 0; *row < texts->count && !fault; *row += !fault) {
        const size_t i = *row, size = (size_t)(texts->at[i + 1] - texts->at[i]);
        const uint8_t *const text = texts->data + texts->at[i];
        if (texts->profile[i] < 0)
            continue;
        if (size > LONGEST)
            fault = LONG;
        else if (utf8_fault(text, size) != size)
            fault = INVALID;
        else if (!measure_text(texts->profiles[texts->profile[i]], &room, text, size, texts->out + i, texts->count,
                               texts->counts + i))
            fault = MEMORY;
    }
    measure_free(&room);
    return fault;
}

/* The profiles of a tuple; NULL with an exception set. */
static const struct measure_profile **read_profiles(PyObject *given, const int32_t *chosen, size_t rows)
{
    const Py_ssize_t count = PyTuple_Size(given);
    if (count < 0)
        return NULL;
    const struct measure_profile **const profiles = malloc(((size_t)count + 1) * sizeof *profiles);
    if (!profiles) {
        PyErr_NoMemory();
        return NULL;
    }
    bool good = true;
    for (Py_ssize_t i = 0; i < count && good; i++)
        good = (profiles[i] = PyCapsule_GetPointer(PyTuple_GetItem(given, i), CAPSULE)) != NULL;
    for (size_t i = 0; i < rows && good; i++)
        if (chosen[i] < -1 || chosen[i] >= count) {
            PyErr_Format(PyExc_ValueError, "chosen[%zu] is %d, expected -1 to %zd", i, (int)chosen[i], count - 1);
            good = false;
        }
    if (good)
        return profiles;
    free(profiles);
    return NULL;
}

PyObject *module_measure(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer data, offsets, chosen;
    PyObject *given, *matrix = NULL, *counts = NULL, *result = NULL;
    const struct measure_profile **profiles = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*O!:measure", &data, &offsets, &chosen, &PyTuple_Type, &given))
        return NULL;
    const Py_ssize_t rows = module_rows(&offsets, data.len, "offsets");
    if (rows < 0)
        goto done;
    if (module_count(&chosen, sizeof(int32_t), "chosen") != rows) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "chosen: expected %zd numbers", rows);
        goto done;
    }
    profiles = read_profiles(given, chosen.buf, (size_t)rows);
    matrix = profiles ? PyBytes_FromStringAndSize(NULL, rows * MEASURES * (Py_ssize_t)sizeof(float)) : NULL;
    counts = matrix ? PyBytes_FromStringAndSize(NULL, rows * (Py_ssize_t)sizeof(struct measure_counts)) : NULL;
    if (!counts)
        goto done;
    memset(PyBytes_AsString(matrix), 0, (size_t)PyBytes_Size(matrix));
    memset(PyBytes_AsString(counts), 0, (size_t)PyBytes_Size(counts));
    const struct texts texts = {data.buf,     offsets.buf, chosen.buf, profiles, (size_t)rows, (void *)PyBytes_AsString(matrix),
                                (void *)PyBytes_AsString(counts)};
    size_t row = 0;
    enum fault fault;
    Py_BEGIN_ALLOW_THREADS
    fault = measure_all(&texts, &row);
    Py_END_ALLOW_THREADS
    if (fault == MEMORY)
        PyErr_NoMemory();
    else if (fault)
        PyErr_Format(PyExc_ValueError, "text %zu %s", row, fault == LONG ? "has 2 GiB or more" : "is no UTF-8");
    else
        result = PyTuple_Pack(2, matrix, counts);
done:
    Py_XDECREF(matrix);
    Py_XDECREF(counts);
    free((void *)profiles);
    PyBuffer_Release(&data);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&chosen);
    return result;
}

/* Hashes of texts; whether each is left to Python. Texts must be UTF-8: the row of the first that is not, or `rows`. */
static size_t hash_all(const uint8_t *data, const int64_t *at, size_t rows, uint8_t *hashes, uint8_t *left)
{
    for (size_t i = 0; i < rows; i++) {
        const size_t size = (size_t)(at[i + 1] - at[i]);
        if (utf8_fault(data + at[i], size) != size)
            return i;
        left[i] = !hash_text(data + at[i], size, hashes + i * HASH_BYTES);
    }
    return rows;
}

PyObject *module_measure_hashes(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer data, offsets;
    PyObject *hashes = NULL, *left = NULL, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*:measure_hashes", &data, &offsets))
        return NULL;
    const Py_ssize_t rows = module_rows(&offsets, data.len, "offsets");
    hashes = rows < 0 ? NULL : PyByteArray_FromStringAndSize(NULL, rows * HASH_BYTES);
    left = hashes ? PyBytes_FromStringAndSize(NULL, rows) : NULL;
    if (left) {
        uint8_t *const out = (void *)PyByteArray_AsString(hashes), *const flags = (void *)PyBytes_AsString(left);
        size_t done;
        memset(out, 0, (size_t)rows * HASH_BYTES);
        Py_BEGIN_ALLOW_THREADS
        done = hash_all(data.buf, offsets.buf, (size_t)rows, out, flags);
        Py_END_ALLOW_THREADS
        if (done < (size_t)rows)
            PyErr_Format(PyExc_ValueError, "text %zu is no UTF-8", done);
        else
            result = PyTuple_Pack(2, hashes, left);
    }
    Py_XDECREF(hashes);
    Py_XDECREF(left);
    PyBuffer_Release(&data);
    PyBuffer_Release(&offsets);
    return result;
}

PyObject *module_letters(PyObject *module, PyObject *arguments)
{
    (void)module;
    (void)arguments;
    const Py_ssize_t size = LETTER_LIMIT * (Py_ssize_t)sizeof(struct letter);
    PyObject *const result = PyBytes_FromStringAndSize(NULL, size);
    struct letter *const out = result ? (void *)PyBytes_AsString(result) : NULL;
    for (uint32_t code = 0; out && code < LETTER_LIMIT; code++)
        out[code] = letter_classes[letter_class(code)];
    return result;
}

PyObject *module_measure_fold(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *word;
    Py_ssize_t size;
    struct fold fold = {0};
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(arguments, "s#:measure_fold", &word, &size))
        return NULL;
    if (fold_word(&fold, (const uint8_t *)word, (size_t)size))
        result = PyUnicode_FromStringAndSize((const char *)fold.text, (Py_ssize_t)fold.size);
    else
        PyErr_NoMemory();
    fold_free(&fold);
    return result;
}
