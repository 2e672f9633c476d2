"""Tests of results on disk: they open, resume, and are never wrong or half written, whatever happens."""
