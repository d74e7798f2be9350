"""The JSON that nearly everybody writes, read in place: text that nobody has to copy or escape.

Whatever else stands there ends the reading. A bytes object ends in a zero, which is no character of
JSON: nothing reads on past the end, also where the text stands within one. A function that reads returns where to read on, NULL where what
it finds is not plain, or stands there for the second time.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int64_t
from libc.string cimport memcmp

from aivalue.events.bare_record cimport Bytes, Header, Reading, read_header, read_number

cdef enum:
    # Of binary mode: the attributes that all have, and the content type.
    N_HEADERS = 6
    NAME_BYTES_MAX = 200
    RECORD_BYTES_MAX = 16_384
    INTEGER_DIGITS_MAX = 20
    FRACTION_DIGITS_MAX = 6
    DAYS_BEFORE_1970 = 719_163
    DAYS_BEFORE_MARCH_OF_YEAR_1 = 306


cdef struct Text:
    const char* at
    Py_ssize_t size


cdef struct Said:
    Text version
    Text type
    Text id
    Text source
    Text time
    Text content_type
    Text subject
    Text partitionkey
    Text traceparent
    bint has_data
    Text kpi
    Text unit
    Text segment
    Text arm
    Text value
    Text numerator
    Text denominator


ctypedef const char* (*Member)(Text key, const char* at, Said* said) noexcept nogil


cdef inline bint is_text(Text text, const char* other, Py_ssize_t size) noexcept nogil:
    return text.size == size and memcmp(text.at, other, size) == 0


cdef inline bint _is_digit(char c) noexcept nogil:
    return c"0" <= c <= c"9"


cdef inline const char* _space(const char* at) noexcept nogil:
    while at[0] == c" " or at[0] == c"\n" or at[0] == c"\t" or at[0] == c"\r":
        at += 1
    return at


cdef inline const char* _string(const char* at, Text* found) noexcept nogil:
    if at[0] != c'"' or found.at != NULL:
        return NULL
    at += 1
    found.at = at
    while 32 <= at[0] < 127 and at[0] != c'"' and at[0] != c"\\":
        at += 1
    found.size = at - found.at
    return at + 1 if at[0] == c'"' else NULL


cdef inline const char* _name(const char* at, Text* found) noexcept nogil:
    at = _string(at, found)
    return at if at != NULL and 0 < found.size <= NAME_BYTES_MAX else NULL


cdef inline const char* _digits(const char* at, int n_max) noexcept nogil:
    cdef int n = 0
    while _is_digit(at[0]):
        at += 1
        n += 1
    return at if 0 < n <= n_max else NULL


cdef inline const char* _number(const char* at, Text* found) noexcept nogil:
    """Read a number whose text is that of the Decimal it makes, in quotes or without."""
    cdef bint is_quoted = at[0] == c'"'
    if found.at != NULL:
        return NULL
    at += is_quoted
    found.at = at
    at += at[0] == c"-"
    at = at + 1 if at[0] == c"0" else _digits(at, INTEGER_DIGITS_MAX)
    if at != NULL and at[0] == c".":
        at = _digits(at + 1, FRACTION_DIGITS_MAX)
    if at == NULL:
        return NULL
    found.size = at - found.at
    if is_quoted:
        return at + 1 if at[0] == c'"' else NULL
    # As JSON's number it is read without its sign.
    return NULL if is_text(found[0], b"-0", 2) else at


cdef inline const char* _object(const char* at, Member read_member, Said* said) noexcept nogil:
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
        at = read_member(key, _space(at + 1), said)
        if at == NULL:
            return NULL
        at = _space(at)
        if at[0] == c"}":
            return at + 1
        if at[0] != c",":
            return NULL


cdef inline const char* of_data(Text key, const char* at, Said* said) noexcept nogil:
    if is_text(key, b"kpi", 3):
        return _name(at, &said.kpi)
    if is_text(key, b"unit", 4):
        return _name(at, &said.unit)
    if is_text(key, b"value", 5):
        return _number(at, &said.value)
    if is_text(key, b"numerator", 9):
        return _number(at, &said.numerator)
    if is_text(key, b"denominator", 11):
        return _number(at, &said.denominator)
    if is_text(key, b"segment", 7):
        return _name(at, &said.segment)
    if is_text(key, b"arm", 3):
        return _name(at, &said.arm)
    return NULL


cdef inline const char* of_envelope(Text key, const char* at, Said* said) noexcept nogil:
    if is_text(key, b"id", 2):
        return _name(at, &said.id)
    if is_text(key, b"source", 6):
        return _name(at, &said.source)
    if is_text(key, b"time", 4):
        return _string(at, &said.time)
    if is_text(key, b"data", 4):
        if said.has_data:
            return NULL
        said.has_data = True
        return _object(at, of_data, said)
    if is_text(key, b"type", 4):
        return _string(at, &said.type)
    if is_text(key, b"specversion", 11):
        return _string(at, &said.version)
    if is_text(key, b"datacontenttype", 15):
        return _string(at, &said.content_type)
    if is_text(key, b"subject", 7):
        return _name(at, &said.subject)
    if is_text(key, b"partitionkey", 12):
        return _name(at, &said.partitionkey)
    if is_text(key, b"traceparent", 11):
        return _name(at, &said.traceparent)
    return NULL


cdef inline Text* _header(const char* name, Py_ssize_t size, Said* said) noexcept nogil:
    """Return where a header of binary mode goes, NULL where it is not one of six."""
    cdef Text key
    key.at, key.size = name, size
    if is_text(key, b"ce_id", 5):
        return &said.id
    if is_text(key, b"ce_type", 7):
        return &said.type
    if is_text(key, b"ce_time", 7):
        return &said.time
    if is_text(key, b"ce_source", 9):
        return &said.source
    if is_text(key, b"content-type", 12):
        return &said.content_type
    if is_text(key, b"ce_specversion", 14):
        return &said.version
    return NULL


cdef inline bint _is_name(Text text) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(text.size):
        if not 32 <= text.at[at] < 127:
            return False
    return 0 < text.size <= NAME_BYTES_MAX


cdef inline bint _take_header(
    const char* name, Py_ssize_t name_size, const char* text, Py_ssize_t size, Said* said
) noexcept nogil:
    cdef Text* found = _header(name, name_size, said)
    if found == NULL or found.at != NULL:
        return False
    found.at, found.size = text, size
    return True


cdef inline bint read_headers(headers, Said* said) except -1:
    """Read the attributes of a record in binary mode; False where they are not plain."""
    cdef const char* name
    cdef Py_ssize_t size = 0
    if len(headers) != N_HEADERS:
        return False
    for key, text in headers:
        if not PyBytes_CheckExact(text):
            return False
        name = PyUnicode_AsUTF8AndSize(key, &size)
        if not _take_header(name, size, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text), said):
            return False
    return _is_name(said.id) and _is_name(said.source)


cdef inline bint read_bare_headers(Reading reading, Said* said) noexcept nogil:
    """Read the same off what was fetched."""
    cdef Header each
    cdef int index
    if read_number(&reading) != N_HEADERS:
        return False
    for index in range(N_HEADERS):
        each = read_header(&reading)
        if each.said.size < 0:
            return False
        if not _take_header(each.name.at, each.name.size, each.said.at, each.said.size, said):
            return False
    return _is_name(said.id) and _is_name(said.source)


cdef inline int _two(const char* at) noexcept nogil:
    if not (_is_digit(at[0]) and _is_digit(at[1])):
        return -1
    return (at[0] - c"0") * 10 + at[1] - c"0"


cdef inline int _month_length(int year, int month) noexcept nogil:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


cdef inline bint _zone(const char* at, Py_ssize_t size, int* offset) noexcept nogil:
    """Read by how many minutes a time is ahead of UTC."""
    cdef int hours, minutes
    if size == 1 and at[0] == c"Z":
        offset[0] = 0
        return True
    if size != 6 or (at[0] != c"+" and at[0] != c"-") or at[3] != c":":
        return False
    hours, minutes = _two(at + 1), _two(at + 4)
    if not (0 <= hours < 24 and 0 <= minutes < 60):
        return False
    offset[0] = 60 * hours + minutes if at[0] == c"+" else -60 * hours - minutes
    return True


cdef inline bint read_moment(Text text, int64_t* microseconds, int* day) noexcept nogil:
    """Read RFC 3339; the day is the one written, an ordinal of the proleptic Gregorian calendar.

    As Python's `fromisoformat` reads it, and False for whatever is not in its plainest form.
    """
    cdef const char* at = text.at
    cdef int century, year, month, date, hour, minute, second
    cdef int offset = 0
    cdef int64_t fraction = 0
    cdef int64_t worth = 1_000_000
    if text.size < 20 or at[4] != c"-" or at[7] != c"-" or at[10] != c"T":
        return False
    if at[13] != c":" or at[16] != c":":
        return False
    century, year, month, date = _two(at), _two(at + 2), _two(at + 5), _two(at + 8)
    hour, minute, second = _two(at + 11), _two(at + 14), _two(at + 17)
    if century < 0 or year < 0:
        return False
    year += 100 * century
    # In the first year an offset might point before Python's first instant.
    if not (year >= 2 and 1 <= month <= 12 and 1 <= date <= _month_length(year, month)):
        return False
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return False
    at += 19
    if at[0] == c".":
        at += 1
        while _is_digit(at[0]) and worth > 1:
            worth //= 10
            fraction += worth * (at[0] - c"0")
            at += 1
        if worth == 1_000_000:
            return False
    if not _zone(at, text.at + text.size - at, &offset):
        return False
    # With years that begin in March, a leap day is the last of its year.
    if month <= 2:
        year, month = year - 1, month + 12
    day[0] = 365 * year + year // 4 - year // 100 + year // 400
    day[0] += (153 * (month - 3) + 2) // 5 + date - DAYS_BEFORE_MARCH_OF_YEAR_1
    microseconds[0] = (<int64_t>day[0] - DAYS_BEFORE_1970) * 86_400
    microseconds[0] += hour * 3_600 + (minute - offset) * 60 + second
    microseconds[0] = microseconds[0] * 1_000_000 + fraction
    return True


cdef inline bint read_whole(value, Member read_member, Said* said) except -1:
    """Read a record that is one object and nothing else."""
    cdef Bytes whole
    if not PyBytes_CheckExact(value):
        return False
    whole.at, whole.size = PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)
    return read_bare_whole(whole, read_member, said)


cdef inline bint read_bare_whole(Bytes value, Member read_member, Said* said) noexcept nogil:
    """Read the same off what was fetched: what ends elsewhere than the record is not plain."""
    if not 0 < value.size <= RECORD_BYTES_MAX:
        return False
    return _object(value.at, read_member, said) == value.at + value.size
