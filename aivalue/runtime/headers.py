"""What requests and answers say beside their bodies; servers and clients agree on it here."""

TENANT_HEADER = "aivalue-tenant"
# Where nobody is asked for a token everyone may do everything; who acts is then taken on trust.
SUBJECT_HEADER = "aivalue-subject"
# RFC 9457.
PROBLEM_JSON = "application/problem+json"
