#!/bin/sh
# After the migrations: take away what no service may do to evidence.
set -eu
PGPASSWORD=$(cat "${SECRETS_DIR:-/run/secrets}/postgres_password")
export PGPASSWORD
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --file "$(dirname "$0")/privileges.sql"
