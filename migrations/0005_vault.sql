-- database: metadata
-- Secrets, sealed. The keys that open them are in a file on the host, never here: who has this
-- database, or a dump of it, has none of what is stored.

-- The master keys that are in use. Which one is active stands here and not in the file, so that a
-- writer and a rotation that run at once agree on it, whatever host they are on.
create table vault_key (
    kid integer primary key check (kid > 0),
    check_value bytea not null check (length(check_value) = 32), -- HMAC by the key: tells it from others
    is_active boolean not null,
    wraps bigint not null default 0 check (wraps >= 0), -- how often it has sealed something
    made_at timestamptz not null default now()
);

create unique index vault_key_active on vault_key (is_active) where is_active; -- at most one

-- Never used twice: a sealed value that was put back from an older state fits no newer row.
create sequence secret_version;

create table secret (
    owner_table text not null check (owner_table <> ''), -- what has it: "alert_channel"
    owner_id text not null check (owner_id <> ''),
    field text not null check (field <> ''),
    version bigint not null,
    kid integer not null references vault_key, -- a key that is used cannot go
    origins_hash bytea not null check (length(origins_hash) = 32), -- of where it may be sent
    sealed_key bytea not null, -- the secret's own key, sealed with the master key
    sealed_value bytea not null, -- the secret, sealed with its own key
    updated_at timestamptz not null default now(),
    primary key (owner_table, owner_id, field)
);

create index secret_kid on secret (kid); -- whether a key is still used

revoke all on vault_key, secret from public; -- default privileges may have given it
revoke all on sequence secret_version from public;
