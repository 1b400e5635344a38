"""Stories and neutral texts: records, the bundled corpus, reading and checking."""
