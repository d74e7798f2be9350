# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows of keys, and runs, of a stretch: what `plain_rows` makes, compiled.

A property test holds the two to the same bytes and the same runs. Built by `deploy/compile.py`;
without it `plain_rows` does all the work.
"""

from services.ingest.queries.storing import EPOCH_DAY, Run

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from aivalue.events.bare_record cimport BareRecord

cdef enum:
    FINGERPRINT_BYTES = 32
    # Of a row but its start, its id and its end: five lengths, two numbers of eight bytes, a day.
    FIXED_BYTES = 5 * 4 + 2 * 8 + 4 + FINGERPRINT_BYTES
    # A number of eight bytes, and null.
    SERIES_BYTES = 12 + 4
    OFFSET_TEXT_MAX = 19

cdef int FIRST_DAY = EPOCH_DAY


cdef inline char* _put_32(char* to, int32_t number) noexcept nogil:
    cdef int at
    for at in range(4):
        to[at] = <char>(<uint32_t>number >> 8 * (3 - at))
    return to + 4


cdef inline char* _put_64(char* to, int64_t number) noexcept nogil:
    """Write a column of eight bytes."""
    cdef int at
    to = _put_32(to, 8)
    for at in range(8):
        to[at] = <char>(<uint64_t>number >> 8 * (7 - at))
    return to + 8


cdef inline char* _put(char* to, const char* text, Py_ssize_t size) noexcept nogil:
    memcpy(to, text, size)
    return to + size


cdef inline int64_t _offset(record) except? -1:
    return (<BareRecord>record).offset if type(record) is BareRecord else record.offset


cdef inline Py_ssize_t _stretch_of(Py_ssize_t seq, list ends) except -1:
    cdef Py_ssize_t number = 0
    while seq >= <Py_ssize_t>ends[number]:
        number += 1
    return number


def key_rows(list starts, list ends, records, events, ids, seqs, ending):
    """Write the rows of some events, one behind the other; parameters are those of `plain_rows`."""
    cdef list names = events.ids
    cdef list fingerprints = events.fingerprints
    cdef list days = events.days
    cdef list sources = ids.sources
    cdef list series = ids.series
    cdef Py_ssize_t n = len(records)
    cdef Py_ssize_t size, seq
    cdef Py_ssize_t room = 0
    cdef dict endings = {}
    cdef bytes start, rest, rows
    cdef char* to
    _check_lengths(n, (names, fingerprints, days, sources, series))
    for seq in seqs:
        if not 0 <= seq < n:
            raise IndexError(f"there is no event {seq} among {n}")
        if len(<bytes>fingerprints[seq]) != FINGERPRINT_BYTES:
            raise ValueError(f"a fingerprint has {FINGERPRINT_BYTES} bytes")
        PyUnicode_AsUTF8AndSize(names[seq], &size)
        room += len(<bytes>starts[_stretch_of(seq, ends)]) + FIXED_BYTES + size
        if series[seq] is not None:
            room += SERIES_BYTES
        else:
            endings[seq] = rest = ending(seq)
            room += len(rest)
    rows = PyBytes_FromStringAndSize(NULL, room)
    to = PyBytes_AS_STRING(rows)
    for seq in seqs:
        start = starts[_stretch_of(seq, ends)]
        to = _put(to, PyBytes_AS_STRING(start), len(start))
        to = _put_64(_put_64(to, _offset(records[seq])), sources[seq])
        to = _put_name(to, names[seq])
        to = _put_32(to, FINGERPRINT_BYTES)
        to = _put(to, PyBytes_AS_STRING(fingerprints[seq]), FINGERPRINT_BYTES)
        to = _put_32(_put_32(to, 4), <int32_t>days[seq] - FIRST_DAY)
        if series[seq] is not None:
            # No decision.
            to = _put_32(_put_64(to, series[seq]), -1)
        else:
            rest = endings[seq]
            to = _put(to, PyBytes_AS_STRING(rest), len(rest))
    return rows


cdef inline char* _put_name(char* to, name) except NULL:
    cdef Py_ssize_t size = 0
    cdef const char* text = PyUnicode_AsUTF8AndSize(name, &size)
    return _put(_put_32(to, <int32_t>size), text, size)


cdef _check_lengths(Py_ssize_t n, columns):
    for column in columns:
        if len(column) != n:
            raise ValueError(f"a column of {len(column)} beside one of {n}")


cdef inline object _text(int64_t offset):
    cdef char[OFFSET_TEXT_MAX] digits
    cdef int at = OFFSET_TEXT_MAX
    if offset < 0:
        return str(offset)
    while True:
        at -= 1
        digits[at] = <char>(c"0" + offset % 10)
        offset //= 10
        if offset == 0:
            return PyUnicode_DecodeASCII(digits + at, OFFSET_TEXT_MAX - at, NULL)


cdef class _Growing:
    """A run, and its columns at hand."""

    cdef object run
    cdef list offsets, firsts, seconds


def runs(
    origin,
    records,
    list days,
    list measured,
    list series,
    without,
    Py_ssize_t first,
):
    """Gather what a stretch measures whose first event is number `first` of the batch."""
    cdef dict numbers = {}
    cdef dict parts = {}
    cdef dict found
    cdef Py_ssize_t n = len(records)
    cdef Py_ssize_t index
    cdef bint may_lack = len(without) > 0
    cdef bint is_number
    cdef _Growing growing
    _check_lengths(n, (days, measured, series))
    for index in range(n):
        said, series_id = measured[index], series[index]
        if said is None or series_id is None or (may_lack and first + index in without):
            continue
        is_number = type(said) is str
        found = numbers if is_number else parts
        place = (series_id, days[index])
        growing = found.get(place)
        if growing is None:
            growing = found[place] = _new(origin, series_id, days[index], is_number)
        growing.offsets.append(_text(_offset(records[index])))
        if is_number:
            growing.firsts.append(said)
        else:
            growing.firsts.append((<tuple>said)[0])
            growing.seconds.append((<tuple>said)[1])
    return [(<_Growing>each).run for found in (numbers, parts) for each in found.values()]


cdef _Growing _new(origin, series_id, int ordinal, bint is_number):
    cdef _Growing growing = _Growing()
    growing.run = Run(
        series_id=series_id,
        day=ordinal - FIRST_DAY,
        log_id=origin.log_id,
        partition=origin.partition,
    )
    growing.offsets = growing.run.offsets
    growing.firsts = growing.run.numbers if is_number else growing.run.numerators
    growing.seconds = growing.run.denominators
    return growing
