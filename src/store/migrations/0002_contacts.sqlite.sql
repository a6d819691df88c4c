-- The number of the last change of contacts; and up to which one removals are forgotten.
CREATE TABLE contacts_head (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL,
    forgotten INTEGER NOT NULL
) STRICT;
INSERT INTO contacts_head (one, revision, forgotten) VALUES (1, 0, 0);

-- Who watches whom. A removed one stays for a while, so that others learn of its removal.
CREATE TABLE contacts (
    local TEXT NOT NULL,
    remote TEXT NOT NULL,
    revision INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    x2s INTEGER NOT NULL,
    s2x INTEGER NOT NULL,
    x2s_since INTEGER NOT NULL,
    s2x_since INTEGER NOT NULL,
    added INTEGER NOT NULL,
    PRIMARY KEY (local, remote)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_gone ON contacts (revision) WHERE gone = 1;
