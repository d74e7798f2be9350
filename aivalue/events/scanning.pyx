# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Plain measurements off their bytes, one pass over each: what `plain` reads, compiled.

Accepts less than `plain` does and decides nothing: whatever is not written as nearly everybody
writes it (an escape, a character beyond ASCII, a rare field, a number of another shape) makes the
whole call answer None, and `plain` or `decode` look at it. A property test holds the three together.
"""

from hashlib import sha256

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcmp, memcpy, memset

DEF NAME_MAX = 200
DEF BYTES_MAX = 16384

cdef struct Text:
    const char* at
    Py_ssize_t size

cdef struct Said:
    # Of the envelope.
    int has_version
    int has_type
    int has_data
    Text id
    Text source
    Text time
    Text format
    Text subject
    Text partitionkey
    Text traceparent
    # Of the data.
    Text kpi
    Text unit
    Text segment
    Text arm
    Text value
    Text numerator
    Text denominator


cdef inline const char* _space(const char* at) noexcept nogil:
    while at[0] == c" " or at[0] == c"\n" or at[0] == c"\t" or at[0] == c"\r":
        at += 1
    return at


cdef inline const char* _string(const char* at, Text* found) noexcept nogil:
    """Read what stands in quotes, behind which it returns; NULL where it is not plain.

    A bytes object ends in a zero, which is not plain, so nothing reads past the end.
    """
    if at[0] != c'"' or found.at != NULL:
        return NULL
    at += 1
    found.at = at
    while 32 <= at[0] < 127 and at[0] != c'"' and at[0] != c"\\":
        at += 1
    if at[0] != c'"':
        return NULL
    found.size = at - found.at
    return at + 1


cdef inline const char* _name(const char* at, Text* found) noexcept nogil:
    at = _string(at, found)
    return at if at != NULL and 0 < found.size <= NAME_MAX else NULL


cdef inline bint _digit(char c) noexcept nogil:
    return c"0" <= c <= c"9"


cdef inline const char* _digits(const char* at, int most) noexcept nogil:
    cdef int n = 0
    while _digit(at[0]):
        at += 1
        n += 1
    return at if 0 < n <= most else NULL


cdef inline const char* _number(const char* at, Text* found) noexcept nogil:
    """Read a number written as its Decimal would write itself, in quotes or not."""
    cdef bint quoted = at[0] == c'"'
    if found.at != NULL:
        return NULL
    at += quoted
    found.at = at
    if at[0] == c"-":
        at += 1
    if at[0] == c"0":
        at += 1
    else:
        at = _digits(at, 20)
        if at == NULL:
            return NULL
    if at[0] == c".":
        at = _digits(at + 1, 6)
        if at == NULL:
            return NULL
    found.size = at - found.at
    if not quoted:
        return at
    return at + 1 if at[0] == c'"' else NULL


cdef inline bint _is(Text text, const char* other, Py_ssize_t size) noexcept nogil:
    return text.size == size and memcmp(text.at, other, size) == 0


cdef const char* _data(const char* at, Said* said) noexcept nogil:
    cdef Text key
    if at[0] != c"{":
        return NULL
    while True:
        key.at = NULL
        at = _string(_space(at + 1), &key)
        if at == NULL:
            return NULL
        at = _space(at)
        if at[0] != c":":
            return NULL
        at = _space(at + 1)
        if _is(key, b"kpi", 3):
            at = _name(at, &said.kpi)
        elif _is(key, b"unit", 4):
            at = _name(at, &said.unit)
        elif _is(key, b"value", 5):
            at = _number(at, &said.value)
        elif _is(key, b"segment", 7):
            at = _name(at, &said.segment)
        elif _is(key, b"arm", 3):
            at = _name(at, &said.arm)
        elif _is(key, b"numerator", 9):
            at = _number(at, &said.numerator)
        elif _is(key, b"denominator", 11):
            at = _number(at, &said.denominator)
        else:
            return NULL
        if at == NULL:
            return NULL
        at = _space(at)
        if at[0] == c"}":
            return at + 1
        if at[0] != c",":
            return NULL


cdef const char* _envelope(const char* at, Said* said) noexcept nogil:
    cdef Text key
    cdef Text text
    if at[0] != c"{":
        return NULL
    while True:
        key.at = NULL
        text.at = NULL
        at = _string(_space(at + 1), &key)
        if at == NULL:
            return NULL
        at = _space(at)
        if at[0] != c":":
            return NULL
        at = _space(at + 1)
        if _is(key, b"id", 2):
            at = _name(at, &said.id)
        elif _is(key, b"source", 6):
            at = _name(at, &said.source)
        elif _is(key, b"time", 4):
            at = _string(at, &said.time)
        elif _is(key, b"data", 4):
            if said.has_data:
                return NULL
            said.has_data = 1
            at = _data(at, said)
        elif _is(key, b"type", 4):
            at = _string(at, &text)
            if at == NULL or said.has_type or not _is(text, b"aivalue.measurement.recorded.v1", 31):
                return NULL
            said.has_type = 1
        elif _is(key, b"specversion", 11):
            at = _string(at, &text)
            if at == NULL or said.has_version or not _is(text, b"1.0", 3):
                return NULL
            said.has_version = 1
        elif _is(key, b"datacontenttype", 15):
            at = _string(at, &said.format)
            if at == NULL or not _is(said.format, b"application/json", 16):
                return NULL
        elif _is(key, b"subject", 7):
            at = _name(at, &said.subject)
        elif _is(key, b"partitionkey", 12):
            at = _name(at, &said.partitionkey)
        elif _is(key, b"traceparent", 11):
            at = _name(at, &said.traceparent)
        else:
            return NULL
        if at == NULL:
            return NULL
        at = _space(at)
        if at[0] == c"}":
            return at + 1
        if at[0] != c",":
            return NULL


cdef inline int _two(const char* at) noexcept nogil:
    return (at[0] - c"0") * 10 + (at[1] - c"0") if _digit(at[0]) and _digit(at[1]) else -1


cdef inline bint _moment(Text text, int64_t* microseconds, int* day) noexcept nogil:
    """Read RFC 3339 in UTC, with up to six digits of a second."""
    cdef const char* at = text.at
    cdef Py_ssize_t size = text.size
    cdef int year, month, date, hour, minute, second, n, era, yoe, doy, length
    cdef int64_t fraction = 0
    cdef int unit = 1000000
    if size < 20 or at[4] != c"-" or at[7] != c"-" or at[10] != c"T" or at[13] != c":":
        return False
    if at[16] != c":":
        return False
    if _two(at) < 0 or _two(at + 2) < 0:
        return False
    year = _two(at) * 100 + _two(at + 2)
    month, date = _two(at + 5), _two(at + 8)
    hour, minute, second = _two(at + 11), _two(at + 14), _two(at + 17)
    if year < 2 or not 1 <= month <= 12 or date < 1:
        return False
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return False
    if month == 2:
        length = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        length = 30
    else:
        length = 31
    if date > length:
        return False
    at += 19
    if at[0] == c".":
        at += 1
        if not _digit(at[0]):
            return False
        while _digit(at[0]):
            if unit == 1:
                return False
            unit //= 10
            fraction += (at[0] - c"0") * unit
            at += 1
    if at[0] == c"Z":
        at += 1
    elif (at[0] == c"+" or at[0] == c"-") and memcmp(at + 1, b"00:00", 5) == 0:
        at += 6
    else:
        return False
    if at != text.at + size:
        return False
    # Days of the proleptic Gregorian calendar, the year beginning in March.
    if month <= 2:
        year -= 1
        month += 12
    n = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + date
    # The ordinal of 0001-01-01 is 1.
    day[0] = n - 306
    microseconds[0] = (
        ((<int64_t> day[0] - 719163) * 86400 + hour * 3600 + minute * 60 + second) * 1000000
        + fraction
    )
    return True


cdef inline char* _put(char* to, const char* text, Py_ssize_t size) noexcept nogil:
    memcpy(to, text, size)
    return to + size


cdef inline char* _member(char* to, const char* key, Py_ssize_t size, Text text) noexcept nogil:
    to = _put(to, key, size)
    to = _put(to, text.at, text.size)
    to[0] = c'"'
    return to + 1


cdef class Scanner:
    """Reads records; remembers the names it saw last, so that equal ones are one object."""

    cdef dict _series
    cdef object _source

    def __init__(self):
        self._series = {}
        self._source = ""

    def structured(self, list values, int64_t now):
        """Read plain events in JSON format, columns of them; None where one is not."""
        cdef list sources = [], ids = [], microseconds = [], days = []
        cdef list fingerprints = [], series = [], measured = []
        cdef Said said
        cdef const char* at
        cdef bytes value
        cdef int64_t moment
        cdef int day = 0
        cdef int last_day = 0
        cdef object last = None
        cdef char room[2048]
        cdef char* to
        cdef char* end_of_names
        cdef char* start
        cdef int i
        cdef object key
        cdef Text source_text
        source_text.at = NULL
        source_text.size = -1
        source = None
        hashed = sha256
        memcpy(room, b"aivalue.measurement.recorded.v1\0", 32)
        start = room + 44
        for item in values:
            if not PyBytes_CheckExact(item):
                return None
            value = item
            if PyBytes_GET_SIZE(value) > BYTES_MAX:
                return None
            memset(&said, 0, sizeof(Said))
            at = _envelope(PyBytes_AS_STRING(value), &said)
            if at == NULL or at != PyBytes_AS_STRING(value) + PyBytes_GET_SIZE(value):
                return None
            if not (said.has_version and said.has_type and said.has_data):
                return None
            if said.id.at == NULL or said.source.at == NULL or said.time.at == NULL:
                return None
            if said.kpi.at == NULL or said.unit.at == NULL:
                return None
            if said.arm.at != NULL and not (
                _is(said.arm, b"treatment", 9) or _is(said.arm, b"control", 7)
                or _is(said.arm, b"holdout", 7)
            ):
                return None
            if not _moment(said.time, &moment, &day) or moment > now:
                return None
            for i in range(8):
                room[32 + i] = <char> ((moment >> (56 - 8 * i)) & 255)
            for i in range(4):
                room[40 + i] = <char> ((day >> (24 - 8 * i)) & 255)
            to = _member(start, b'{"kpi":"', 8, said.kpi)
            to = _member(to, b',"unit":"', 9, said.unit)
            if said.segment.at != NULL:
                to = _member(to, b',"segment":"', 12, said.segment)
            if said.arm.at != NULL:
                to = _member(to, b',"arm":"', 8, said.arm)
            end_of_names = to
            if said.value.at != NULL:
                if said.numerator.at != NULL or said.denominator.at != NULL:
                    return None
                to = _member(to, b',"value":"', 10, said.value)
                measured.append(PyUnicode_DecodeASCII(said.value.at, said.value.size, NULL))
            else:
                if said.numerator.at == NULL or said.denominator.at == NULL:
                    return None
                to = _member(to, b',"numerator":"', 14, said.numerator)
                to = _member(to, b',"denominator":"', 16, said.denominator)
                measured.append((
                    PyUnicode_DecodeASCII(said.numerator.at, said.numerator.size, NULL),
                    PyUnicode_DecodeASCII(said.denominator.at, said.denominator.size, NULL),
                ))
            to[0] = c"}"
            to += 1
            fingerprints.append(
                hashed(PyBytes_FromStringAndSize(room, to - room)).digest()
            )
            key = PyBytes_FromStringAndSize(start, end_of_names - start)
            found = self._series.get(key)
            if found is None:
                found = (
                    PyUnicode_DecodeASCII(said.kpi.at, said.kpi.size, NULL),
                    PyUnicode_DecodeASCII(said.unit.at, said.unit.size, NULL),
                    PyUnicode_DecodeASCII(said.segment.at, said.segment.size, NULL)
                    if said.segment.at != NULL else "",
                    PyUnicode_DecodeASCII(said.arm.at, said.arm.size, NULL)
                    if said.arm.at != NULL else "",
                )
                if len(self._series) > 100000:
                    self._series.clear()
                self._series[key] = found
            series.append(found)
            if source_text.size != said.source.size or memcmp(source_text.at, said.source.at, said.source.size) != 0:
                source = PyUnicode_DecodeASCII(said.source.at, said.source.size, NULL)
            source_text = said.source
            sources.append(source)
            ids.append(PyUnicode_DecodeASCII(said.id.at, said.id.size, NULL))
            microseconds.append(moment)
            if day != last_day:
                last_day = day
                last = day
            days.append(last)
        return sources, ids, microseconds, days, fingerprints, series, measured
