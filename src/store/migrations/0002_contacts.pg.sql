-- The number of the last change of contacts; and up to which one removals are forgotten.
CREATE TABLE stox.contacts_head (
    one smallint NOT NULL PRIMARY KEY CHECK (one = 1),
    revision bigint NOT NULL,
    forgotten bigint NOT NULL
);
INSERT INTO stox.contacts_head (one, revision, forgotten) VALUES (1, 0, 0);

-- Who watches whom. A removed one stays for a while, so that others learn of its removal.
CREATE TABLE stox.contacts (
    local text NOT NULL,
    remote text NOT NULL,
    revision bigint NOT NULL,
    gone smallint NOT NULL,
    x2s smallint NOT NULL,
    s2x smallint NOT NULL,
    x2s_since bigint NOT NULL,
    s2x_since bigint NOT NULL,
    added smallint NOT NULL,
    PRIMARY KEY (local, remote)
);
CREATE INDEX contacts_revision ON stox.contacts (revision);
CREATE INDEX contacts_gone ON stox.contacts (revision) WHERE gone = 1;
