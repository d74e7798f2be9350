"""A record of Kafka where it stands in what was fetched, and how its bytes are read there.

A function that reads moves `Reading.at` on, and makes it NULL where a byte is not as it must be;
from then on it reads nothing.
"""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    # Enough for 64 bits.
    NUMBER_BYTES_MAX = 10


cdef struct Bytes:
    const char* at
    # Negative is that of null.
    int64_t size


cdef struct Reading:
    const char* at
    const char* end


cdef struct Header:
    Bytes name
    Bytes said


cdef inline int64_t read_number(Reading* reading) noexcept nogil:
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


cdef inline Bytes read_bytes(Reading* reading) noexcept nogil:
    """Read bytes behind their size."""
    cdef Bytes found
    found.size = read_number(reading)
    found.at = reading.at
    if reading.at != NULL and found.size > 0:
        if found.size > reading.end - reading.at:
            reading.at = NULL
        else:
            reading.at += found.size
    return found


cdef inline Header read_header(Reading* reading) noexcept nogil:
    """Read a header; its name is never null."""
    cdef Header found
    found.name = read_bytes(reading)
    found.said = read_bytes(reading)
    if found.name.size < 0:
        reading.at = NULL
    return found


cdef class BareRecord:
    cdef readonly int64_t offset
    cdef readonly int64_t timestamp
    # What the spans below are of.
    cdef bytes fetched
    cdef Bytes key_span
    cdef Bytes value_span
    # Their number, and all of them: as was found when the record was read, whole and in order.
    cdef Reading headers_span
