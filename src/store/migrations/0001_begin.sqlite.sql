-- The number of the last change.
CREATE TABLE head (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO head (one, seq) VALUES (1, 0);

-- The objects. A removed one stays, without body, so that others learn of its removal.
CREATE TABLE objects (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT,
    PRIMARY KEY (kind, name)
) STRICT;
CREATE INDEX objects_revision ON objects (revision);

-- Who changed what, when, from where.
CREATE TABLE audit (
    seq INTEGER NOT NULL,
    line INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body_before TEXT,
    body_after TEXT,
    PRIMARY KEY (seq, line)
) STRICT;
CREATE INDEX audit_object ON audit (kind, name, seq, line);
