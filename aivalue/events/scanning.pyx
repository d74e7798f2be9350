# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Plain measurements off their bytes, in one pass over each: what `plain` reads, compiled.

It accepts less than `plain` does and decides nothing: where a record is not written as nearly
everybody writes it (an escape, a character beyond ASCII, a rare field, an unusual number), it
stops, and `plain` or `decode` look at it. One property test holds the three together. Built by
`deploy/compile.py`; without it `plain` does all the work.
"""

from array import array as new_array
from hashlib import sha256

from aivalue.events.business import MeasurementRecorded
from aivalue.events.columns import Columns
from aivalue.events.instant import microseconds_since_1970
from aivalue.events.openssl import sha256_functions

from cpython.array cimport array, clone, resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from libc.stdint cimport int64_t, uint64_t, uintptr_t
from libc.string cimport memcmp, memcpy, memset

from aivalue.events.bare_record cimport BareRecord, Reading, read_number
from aivalue.events.plain_json cimport (
    Said,
    Text,
    is_text,
    of_data,
    of_envelope,
    read_bare_headers,
    read_bare_whole,
    read_headers,
    read_moment,
    read_whole,
)

TYPE = MeasurementRecorded.TYPE
cdef array _NUMBERS = new_array("q")

cdef enum:
    # More names than there are series in a process would only be kept for no use.
    SERIES_MAX = 100_000
    # What is hashed: type, zero, microseconds, day, and the data, of 4 names and 2 numbers at most.
    MOMENT_AT = 32
    DATA_AT = 44
    HASHED_BYTES_MAX = 1_200
    SHA256_BYTES = 32
    SHA256_STATE_WORDS = 32


ctypedef int (*Init)(void* state) noexcept nogil
ctypedef int (*Update)(void* state, const void* text, size_t size) noexcept nogil
ctypedef int (*Final)(unsigned char* digest, void* state) noexcept nogil
cdef Init _init = NULL
cdef Update _update = NULL
cdef Final _final = NULL


cdef void _find_sha256():
    global _init, _update, _final
    functions = sha256_functions()
    if functions is not None:
        _init = <Init><uintptr_t>functions[0]
        _update = <Update><uintptr_t>functions[1]
        _final = <Final><uintptr_t>functions[2]


_find_sha256()


cdef inline bytes _sha256(const char* text, Py_ssize_t size):
    # OpenSSL's takes 112 bytes, on every machine.
    cdef uint64_t[SHA256_STATE_WORDS] state
    cdef bytes digest
    if _init == NULL:
        return sha256(PyBytes_FromStringAndSize(text, size)).digest()
    digest = PyBytes_FromStringAndSize(NULL, SHA256_BYTES)
    if not (
        _init(state)
        and _update(state, text, size)
        and _final(<unsigned char*>PyBytes_AS_STRING(digest), state)
    ):
        raise RuntimeError("OpenSSL refuses to hash")
    return digest


cdef inline bint _is_measurement(Said* said) noexcept nogil:
    """Whether all is said that a measurement says, and no more."""
    cdef bint is_ratio = said.numerator.at != NULL
    if said.kpi.at == NULL or said.unit.at == NULL or (said.denominator.at != NULL) != is_ratio:
        return False
    if (said.value.at != NULL) == is_ratio:
        return False
    if said.id.at == NULL or said.source.at == NULL or said.time.at == NULL:
        return False
    if said.arm.at != NULL and not (
        is_text(said.arm, b"treatment", 9)
        or is_text(said.arm, b"control", 7)
        or is_text(said.arm, b"holdout", 7)
    ):
        return False
    if said.content_type.at != NULL and not is_text(said.content_type, b"application/json", 16):
        return False
    return is_text(said.version, b"1.0", 3)


cdef inline char* _put(char* to, const char* text, Py_ssize_t size) noexcept nogil:
    memcpy(to, text, size)
    return to + size


cdef inline char* _member(char* to, const char* key, Py_ssize_t size, Text text) noexcept nogil:
    """Write a member of the canonical data, unless it is absent."""
    if text.at == NULL:
        return to
    to = _put(_put(to, key, size), text.at, text.size)
    to[0] = c'"'
    return to + 1


cdef inline object _str(Text text):
    return PyUnicode_DecodeASCII(text.at, text.size, NULL) if text.at != NULL else ""


cdef class Scanner:
    """Reads records; names it has seen before become the objects they became then."""

    cdef char _hashed[HASHED_BYTES_MAX]
    cdef object _structured_headers
    # As they stood in the last record that had some.
    cdef bytes _structured
    cdef dict _series_by_names
    cdef object _source
    cdef object _day
    # Of the call that goes on, the columns.
    cdef list _sources, _ids, _days, _fingerprints, _series, _measured
    cdef array _microseconds

    def __init__(self, structured_headers):
        cdef bytes begins = TYPE.encode() + b"\0"
        if len(begins) != MOMENT_AT:
            raise ValueError(f"the type {TYPE} has {len(begins) - 1} bytes, needs {MOMENT_AT - 1}")
        memcpy(self._hashed, PyBytes_AS_STRING(begins), MOMENT_AT)
        self._structured_headers = structured_headers
        self._structured = b""
        self._series_by_names = {}
        self._source = ""
        self._day = 0

    def leading(self, records, Py_ssize_t start, Py_ssize_t end, now):
        """Read records in either mode, up to one that may not be plain."""
        cdef int64_t until = microseconds_since_1970(now)
        cdef Said said
        cdef Py_ssize_t index
        cdef bint is_read
        self._begin(end - start)
        for index in range(start, end):
            memset(&said, 0, sizeof(Said))
            record = records[index]
            if type(record) is BareRecord:
                is_read = self._read_bare(<BareRecord>record, &said)
            else:
                # Named, so that what is read of them stays where it is.
                value, headers = record.value, record.headers
                is_read = self._read(value, headers, &said)
            if not is_read or not self._add(&said, until):
                break
        return self._columns()

    cdef bint _read(self, value, headers, Said* said) except -1:
        if self._is_structured(headers):
            return read_whole(value, of_envelope, said) and said.has_data
        return read_headers(headers, said) and read_whole(value, of_data, said)

    cdef bint _read_bare(self, BareRecord record, Said* said) except -1:
        if self._is_bare_structured(record):
            return read_bare_whole(record.value_span, of_envelope, said) and said.has_data
        if not read_bare_headers(record.headers_span, said):
            return False
        return read_bare_whole(record.value_span, of_data, said)

    cdef bint _is_structured(self, headers) except -1:
        return len(headers) == 1 and headers[0] in self._structured_headers

    cdef bint _is_bare_structured(self, BareRecord record) except -1:
        cdef Reading headers = record.headers_span
        cdef Py_ssize_t size = headers.end - headers.at
        if size == PyBytes_GET_SIZE(self._structured) and memcmp(
            headers.at, PyBytes_AS_STRING(self._structured), size
        ) == 0:
            return True
        if read_number(&headers) != 1 or not self._is_structured(record.headers):
            return False
        # Nearly all that follow have the same ones.
        self._structured = PyBytes_FromStringAndSize(record.headers_span.at, size)
        return True

    cdef void _begin(self, Py_ssize_t n_max):
        self._sources, self._ids, self._days = [], [], []
        self._fingerprints, self._series, self._measured = [], [], []
        self._microseconds = clone(_NUMBERS, n_max, zero=False)

    cdef object _columns(self):
        resize(self._microseconds, len(self._ids))
        return Columns(
            sources=self._sources,
            ids=self._ids,
            types=[TYPE] * len(self._ids),
            microseconds=self._microseconds,
            days=self._days,
            fingerprints=self._fingerprints,
            series=self._series,
            measured=self._measured,
        )

    cdef bint _add(self, Said* said, int64_t until) except -1:
        cdef int64_t microseconds = 0
        cdef int day = 0
        cdef int at
        cdef char* names_end
        cdef char* end
        if not is_text(said.type, self._hashed, MOMENT_AT - 1) or not _is_measurement(said):
            return False
        if not read_moment(said.time, &microseconds, &day):
            return False
        if microseconds > until:
            return False
        for at in range(8):
            self._hashed[MOMENT_AT + at] = <char>(microseconds >> 8 * (7 - at))
        for at in range(4):
            self._hashed[MOMENT_AT + 8 + at] = <char>(day >> 8 * (3 - at))
        names_end = _member(self._hashed + DATA_AT, b'{"kpi":"', 8, said.kpi)
        names_end = _member(names_end, b',"unit":"', 9, said.unit)
        names_end = _member(names_end, b',"segment":"', 12, said.segment)
        names_end = _member(names_end, b',"arm":"', 8, said.arm)
        end = _member(names_end, b',"value":"', 10, said.value)
        end = _member(end, b',"numerator":"', 14, said.numerator)
        end = _member(end, b',"denominator":"', 16, said.denominator)
        end[0] = c"}"
        self._fingerprints.append(_sha256(self._hashed, end + 1 - self._hashed))
        names = PyBytes_FromStringAndSize(self._hashed + DATA_AT, names_end - self._hashed - DATA_AT)
        self._series.append(self._series_of(names, said))
        if said.value.at != NULL:
            self._measured.append(_str(said.value))
        else:
            self._measured.append((_str(said.numerator), _str(said.denominator)))
        self._sources.append(self._source_of(said.source))
        self._microseconds.data.as_longlongs[len(self._ids)] = microseconds
        self._ids.append(_str(said.id))
        if self._day != day:
            self._day = day
        self._days.append(self._day)
        return True

    cdef object _series_of(self, bytes names, Said* said):
        found = self._series_by_names.get(names)
        if found is None:
            if len(self._series_by_names) >= SERIES_MAX:
                self._series_by_names.clear()
            found = (_str(said.kpi), _str(said.unit), _str(said.segment), _str(said.arm))
            self._series_by_names[names] = found
        return found

    cdef object _source_of(self, Text text):
        cdef Py_ssize_t size = 0
        cdef const char* known = PyUnicode_AsUTF8AndSize(self._source, &size)
        if not is_text(text, known, size):
            self._source = _str(text)
        return self._source
