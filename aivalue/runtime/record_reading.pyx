# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The records of one of Kafka's batches (message format 2), all at once: compiled.

It decides nothing: where a byte is not as it must be, nothing is read, and aiokafka's codec, which
knows what to raise, reads the batch instead. What neighbours have in common, such as headers, is
one object for them all. Built by `deploy/compile.py`; without it the codec does all the work.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp

cdef enum:
    # Enough for 64 bits.
    NUMBER_BYTES_MAX = 10
    # Of more, the last are not compared with the neighbour's.
    COMPARED_MAX = 16


@cython.freelist(1_024)
@cython.no_gc
cdef class BareRecord:
    """What ingest asks of a record; nothing in it can refer to it."""

    cdef readonly object offset
    cdef readonly object timestamp
    cdef readonly object key
    cdef readonly object value
    cdef readonly object headers


cdef struct Bytes:
    const char* at
    int64_t size


cdef struct Header:
    Bytes name
    Bytes said


cdef struct Reading:
    # NULL from where on a byte is not as it must be.
    const char* at
    const char* end


cdef inline int64_t _number(Reading* reading) noexcept nogil:
    """Read a number of variable length, zigzag."""
    cdef uint64_t found = 0
    cdef unsigned char byte
    cdef int n
    if reading.at == NULL:
        return 0
    for n in range(NUMBER_BYTES_MAX):
        if reading.at == reading.end:
            break
        byte = <unsigned char>reading.at[0]
        reading.at += 1
        found |= <uint64_t>(byte & 0x7F) << 7 * n
        if byte < 0x80:
            return <int64_t>(found >> 1) ^ -<int64_t>(found & 1)
    reading.at = NULL
    return 0


cdef inline Bytes _bytes(Reading* reading) noexcept nogil:
    """Read bytes behind their size; a negative one is that of null."""
    cdef Bytes found
    found.size = _number(reading)
    found.at = reading.at
    if reading.at != NULL and found.size > 0:
        if found.size > reading.end - reading.at:
            reading.at = NULL
        else:
            reading.at += found.size
    return found


cdef inline bint _is_same(Bytes one, Bytes other) noexcept nogil:
    if one.size != other.size:
        return False
    return one.size <= 0 or memcmp(one.at, other.at, one.size) == 0


cdef inline object _object(Bytes found):
    return None if found.size < 0 else PyBytes_FromStringAndSize(found.at, found.size)


cdef class _Neighbour:
    """The record before, as far as the next one may be like it."""

    cdef Bytes headers
    cdef Header[COMPARED_MAX] each
    cdef tuple pairs
    cdef object timestamp
    cdef int64_t moment

    def __cinit__(self):
        self.pairs, self.timestamp, self.moment = (), 0, 0
        self.headers.at, self.headers.size = NULL, -1


cdef inline tuple _headers(Reading* reading, _Neighbour before):
    """Read the rest of a record; what the one before said too is taken from there."""
    cdef Bytes whole
    cdef Header header
    cdef int64_t n_headers, index
    cdef Py_ssize_t n_before = len(before.pairs)
    cdef list pairs
    whole.at, whole.size = reading.at, reading.end - reading.at
    if _is_same(whole, before.headers):
        reading.at = reading.end
        return before.pairs
    n_headers = _number(reading)
    if n_headers < 0:
        reading.at = NULL
    pairs = []
    for index in range(n_headers):
        header.name = _bytes(reading)
        header.said = _bytes(reading)
        if reading.at == NULL or header.name.size < 0:
            reading.at = NULL
            break
        if index < n_before and index < COMPARED_MAX and _is_same(
            header.name, before.each[index].name
        ):
            pair = before.pairs[index]
            if not _is_same(header.said, before.each[index].said):
                pair = (pair[0], _object(header.said))
        else:
            name = PyUnicode_DecodeUTF8(header.name.at, header.name.size, NULL)
            pair = (name, _object(header.said))
        pairs.append(pair)
        if index < COMPARED_MAX:
            before.each[index] = header
    before.headers, before.pairs = whole, tuple(pairs)
    return before.pairs


cdef inline BareRecord _record(
    Reading* batch, _Neighbour before, int64_t first, int64_t began, bint at_once
):
    """Read a record; None where it is not as it must be."""
    cdef BareRecord record = BareRecord.__new__(BareRecord)
    cdef Bytes whole = _bytes(batch)
    cdef Reading reading
    cdef int64_t moment
    if batch.at == NULL or whole.size <= 0 or whole.at[0] != 0:
        return None
    # Behind its attributes, of which there are none.
    reading.at, reading.end = whole.at + 1, whole.at + whole.size
    moment = _number(&reading)
    moment = began if at_once else began + moment
    if moment != before.moment:
        before.timestamp, before.moment = moment, moment
    record.timestamp = before.timestamp
    record.offset = first + _number(&reading)
    key = _bytes(&reading)
    value = _bytes(&reading)
    if reading.at == NULL:
        return None
    record.key, record.value = _object(key), _object(value)
    record.headers = _headers(&reading, before)
    return record if reading.at == reading.end else None


def read_records(bytes content, int64_t n_records, int64_t first, int64_t began, bint at_once):
    """Read as many records as a batch says it has; None where they are not as they must be.

    Parameters
    ----------
    first, began :
        The batch's offset and time, from which those of its records are counted.
    at_once :
        All have the batch's time.
    """
    cdef list records = []
    cdef _Neighbour before = _Neighbour()
    cdef BareRecord record
    cdef Reading reading
    cdef int64_t n
    reading.at = PyBytes_AS_STRING(content)
    reading.end = reading.at + PyBytes_GET_SIZE(content)
    try:
        for n in range(n_records):
            record = _record(&reading, before, first, began, at_once)
            if record is None:
                return None
            records.append(record)
    except UnicodeDecodeError:
        return None
    return records if reading.at == reading.end else None
