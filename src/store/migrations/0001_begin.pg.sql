CREATE SCHEMA IF NOT EXISTS stox;

-- The number of the last migration.
CREATE TABLE stox.version (
    one smallint NOT NULL PRIMARY KEY CHECK (one = 1),
    number integer NOT NULL
);
INSERT INTO stox.version (one, number) VALUES (1, 0);

-- The number of the last change.
CREATE TABLE stox.head (
    one smallint NOT NULL PRIMARY KEY CHECK (one = 1),
    seq bigint NOT NULL
);
INSERT INTO stox.head (one, seq) VALUES (1, 0);

-- The objects. A removed one stays, without body, so that others learn of its removal.
CREATE TABLE stox.objects (
    kind text NOT NULL,
    name text NOT NULL,
    revision bigint NOT NULL,
    body text,
    PRIMARY KEY (kind, name)
);
CREATE INDEX objects_revision ON stox.objects (revision);

-- Who changed what, when, from where. The tag is drawn for each change, so that its maker knows it again when the
-- connection was lost before the answer came.
CREATE TABLE stox.audit (
    seq bigint NOT NULL,
    line bigint NOT NULL,
    at_ms bigint NOT NULL,
    who text NOT NULL,
    origin text NOT NULL,
    action text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    body_before text,
    body_after text,
    tag text NOT NULL,
    PRIMARY KEY (seq, line)
);
CREATE INDEX audit_object ON stox.audit (kind, name, seq, line);
