"""Transactional outbox: what a transaction recorded is published after it commits, never before."""
