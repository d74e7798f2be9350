# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The records of one of Kafka's batches (message format 2), all at once: compiled.

It decides nothing: where a byte is not as it must be, nothing is read, and aiokafka's codec, which
knows what to raise, reads the batch instead. Built by `deploy/compile.py`; without it the codec
does all the work.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t
from libc.string cimport memcmp

from aivalue.events.bare_record cimport (
    BareRecord,
    Bytes,
    Header,
    Reading,
    read_bytes,
    read_header,
    read_number,
)


cdef inline bint _is_same(Reading one, Reading other) noexcept nogil:
    return (
        other.at != NULL
        and one.end - one.at == other.end - other.at
        and memcmp(one.at, other.at, one.end - one.at) == 0
    )


cdef inline bint _is_ascii(Bytes text) noexcept nogil:
    cdef int64_t at
    for at in range(text.size):
        if <unsigned char>text.at[at] >= 0x80:
            return False
    return True


cdef int _read_headers(Reading* reading) except -1:
    """Read the rest of a record; raises where a name is no text."""
    cdef int64_t n_headers = read_number(reading)
    cdef Header header
    cdef int64_t index
    if n_headers < 0:
        reading.at = NULL
    for index in range(n_headers):
        header = read_header(reading)
        if reading.at == NULL:
            break
        if not _is_ascii(header.name):
            PyUnicode_DecodeUTF8(header.name.at, header.name.size, NULL)
    return 0


cdef inline BareRecord _record(
    Reading* batch, bytes content, Reading before, int64_t first, int64_t began, bint at_once
):
    """Read a record; None where it is not as it must be. `before` are the headers of another."""
    cdef BareRecord record = BareRecord.__new__(BareRecord)
    cdef Bytes whole = read_bytes(batch)
    cdef Reading reading
    cdef int64_t moment
    if batch.at == NULL or whole.size <= 0 or whole.at[0] != 0:
        return None
    # Behind its attributes, of which there are none.
    reading.at, reading.end = whole.at + 1, whole.at + whole.size
    moment = read_number(&reading)
    record.timestamp = began if at_once else began + moment
    record.offset = first + read_number(&reading)
    record.fetched = content
    record.key_span = read_bytes(&reading)
    record.value_span = read_bytes(&reading)
    if reading.at == NULL:
        return None
    record.headers_span = reading
    # Neighbours often have the same ones.
    if not _is_same(reading, before):
        _read_headers(&reading)
        if reading.at != reading.end:
            return None
    return record


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
    cdef BareRecord record
    cdef Reading reading, before
    cdef int64_t n
    reading.at = PyBytes_AS_STRING(content)
    reading.end = reading.at + PyBytes_GET_SIZE(content)
    before.at, before.end = NULL, NULL
    try:
        for n in range(n_records):
            record = _record(&reading, content, before, first, began, at_once)
            if record is None:
                return None
            before = record.headers_span
            records.append(record)
    except UnicodeDecodeError:
        return None
    return records if reading.at == reading.end else None
