# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Records of Kafka as ingest takes them in: each one object, its bytes left where they were fetched.

An object for each of its fields took longer to make, and to free in another thread, than all that
is asked of them. Built by `deploy/compile.py`; without it records are those of aiokafka's codec.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy


cdef inline object _object(Bytes found):
    return None if found.size < 0 else PyBytes_FromStringAndSize(found.at, found.size)


@cython.freelist(1_024)
@cython.no_gc
cdef class BareRecord:
    """What ingest asks of a record, made when it is asked for; nothing in it can refer to it."""

    @property
    def key(self):
        """The key's bytes, None where it is null."""
        return _object(self.key_span)

    @property
    def value(self):
        """The value's bytes, None where it is null."""
        return _object(self.value_span)

    @property
    def headers(self):
        """Names, each with its bytes or None."""
        cdef Reading reading = self.headers_span
        cdef Header header
        cdef int64_t index
        cdef list pairs = []
        for index in range(read_number(&reading)):
            header = read_header(&reading)
            name = PyUnicode_DecodeUTF8(header.name.at, header.name.size, NULL)
            pairs.append((name, _object(header.said)))
        return tuple(pairs)


cdef enum:
    # Of MessagePack: what stands before an array of five and of two, null, and what has a size.
    FIVE = 0x95
    PAIR = 0x92
    NULL_BYTE = 0xC0
    FEW_TEXT = 0xA0
    FEW_MEMBERS = 0x90
    # The first of three kinds, of sizes of one, two and four bytes.
    BINARY = 0xC4
    TEXT = 0xD9
    # There is none of one byte.
    ARRAY = 0xDB
    POSITIVE = 0xCC
    NEGATIVE = 0xD0
    # Of a size or number with its kind, at most.
    SIZED_MAX = 9
    # Of a record but what it says: what it begins with, two numbers, three sizes.
    RECORD_MAX = 1 + 2 * SIZED_MAX + 3 * SIZED_MAX
    # Of a header: what it begins with, two sizes.
    HEADER_MAX = 1 + 2 * SIZED_MAX


cdef inline uint8_t* _big_endian(uint8_t* to, uint64_t number, int n_bytes) noexcept nogil:
    cdef int at
    for at in range(n_bytes):
        to[at] = <uint8_t>(number >> 8 * (n_bytes - 1 - at))
    return to + n_bytes


cdef inline uint8_t* _number(uint8_t* to, int64_t number) noexcept nogil:
    """Write a number as shortly as it can be."""
    cdef int power = 0
    if 0 <= number < 0x80 or -0x20 <= number < 0:
        to[0] = <uint8_t>number
        return to + 1
    if number >= 0:
        while power < 3 and <uint64_t>number >> (8 << power) != 0:
            power += 1
        to[0] = <uint8_t>(POSITIVE + power)
    else:
        while power < 3 and number < -(<int64_t>1 << ((8 << power) - 1)):
            power += 1
        to[0] = <uint8_t>(NEGATIVE + power)
    return _big_endian(to + 1, <uint64_t>number, 1 << power)


cdef inline uint8_t* _size(uint8_t* to, uint64_t size, int first_kind, int power_min) noexcept nogil:
    """Write a size behind its kind; the kinds follow one another as sizes take more bytes."""
    cdef int power = power_min
    while power < 2 and size >> (8 << power) != 0:
        power += 1
    to[0] = <uint8_t>(first_kind + power)
    return _big_endian(to + 1, size, 1 << power)


cdef inline uint8_t* _bytes(uint8_t* to, Bytes said) noexcept nogil:
    if said.size < 0:
        to[0] = NULL_BYTE
        return to + 1
    to = _size(to, <uint64_t>said.size, BINARY, 0)
    memcpy(to, said.at, said.size)
    return to + said.size


cdef inline uint8_t* _text(uint8_t* to, Bytes said) noexcept nogil:
    if said.size < 32:
        to[0] = <uint8_t>(FEW_TEXT + said.size)
        to += 1
    else:
        to = _size(to, <uint64_t>said.size, TEXT, 0)
    memcpy(to, said.at, said.size)
    return to + said.size


cdef inline uint8_t* _array(uint8_t* to, uint64_t size) noexcept nogil:
    if size < 16:
        to[0] = <uint8_t>(FEW_MEMBERS + size)
        return to + 1
    return _size(to, size, ARRAY, 1)


cdef inline uint8_t* _headers(uint8_t* to, Reading reading) noexcept nogil:
    cdef int64_t n_headers = read_number(&reading)
    cdef Header header
    cdef int64_t index
    to = _array(to, <uint64_t>n_headers)
    for index in range(n_headers):
        header = read_header(&reading)
        to[0] = PAIR
        to = _bytes(_text(to + 1, header.name), header.said)
    return to


cdef inline int64_t _room(BareRecord record) noexcept:
    """Return at least as many bytes as a record takes."""
    cdef Reading headers = record.headers_span
    cdef int64_t n_bytes = headers.end - headers.at
    n_bytes += max(record.key_span.size, 0) + max(record.value_span.size, 0)
    return RECORD_MAX + HEADER_MAX * read_number(&headers) + n_bytes


def messagepack(list records):
    """Write records as MessagePack: an array of arrays, one a record; None where one is not bare.

    Each array has the offset, the timestamp, the key, the value, and the headers in pairs.
    """
    cdef int64_t room = SIZED_MAX
    cdef bytes written
    cdef uint8_t* begin
    cdef uint8_t* to
    for record in records:
        if type(record) is not BareRecord:
            return None
        room += _room(<BareRecord>record)
    written = PyBytes_FromStringAndSize(NULL, room)
    begin = <uint8_t*>PyBytes_AS_STRING(written)
    to = _array(begin, len(records))
    for record in records:
        to = _record(to, <BareRecord>record)
    return memoryview(written)[: to - begin]


cdef inline uint8_t* _record(uint8_t* to, BareRecord record) noexcept:
    to[0] = FIVE
    to = _number(_number(to + 1, record.offset), record.timestamp)
    to = _bytes(_bytes(to, record.key_span), record.value_span)
    return _headers(to, record.headers_span)
