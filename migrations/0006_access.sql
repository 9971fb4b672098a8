-- database: metadata
-- Who may come in, by what, and who changed what.

alter table user_account
    add column version integer not null default 1 check (version >= 1); -- for If-Match

-- What a person ends a session by; its hash stays where it is.
alter table session add column id uuid not null unique default gen_random_uuid();

-- API tokens: 178 random bits, so a plain hash keeps them. Deleting one ends it.
create table api_token (
    id uuid primary key,
    username text not null references user_account on update cascade on delete cascade,
    name text not null check (name <> '' and length(name) <= 100),
    -- At most this; its owner's role of the moment bounds it too.
    role text not null check (role in ('admin', 'data_scientist', 'viewer')),
    token_hash bytea not null unique,
    hint text not null, -- how the token begins, to tell it by
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    last_used_at timestamptz, -- to the minute
    -- What a token has made ends with it, or who took it could make himself another.
    made_by uuid references api_token on delete cascade
);

create index api_token_username on api_token (username, id); -- a person's tokens, and the cascade
create index api_token_made_by on api_token (made_by);

-- Audit -------------------------------------------------------------------------------------------

-- Who changed what. A row is written in the transaction of its change, so there is none without the
-- other. It names fields, never their values. People are named, not referenced: rows outlive them.
create table audit (
    seq bigint primary key,
    at timestamptz not null,
    actor_kind text not null check (actor_kind in ('user', 'token', 'local', 'nobody')),
    actor text,
    sign_in_id uuid, -- of the session or the token
    source_ip text,
    action text not null,
    object text,
    outcome text not null check (outcome in ('ok', 'denied')),
    request_id text,
    fields text[] not null default '{}',
    prev_hash bytea,
    hash bytea not null
);

-- Each part with its length before it, so that no two rows are the same bytes.
create function audit_hash(a audit) returns bytea language sql immutable as $$
    select sha256(coalesce((a).prev_hash, ''::bytea) || convert_to(string_agg(
        case when part is null then '-' else octet_length(part) || ':' || part end, ',' order by n),
        'UTF8'))
    from unnest(array[(a).seq::text, (extract(epoch from (a).at) * 1000000)::bigint::text,
        (a).actor_kind, (a).actor, (a).sign_in_id::text, (a).source_ip, (a).action, (a).object,
        (a).outcome, (a).request_id, array_to_string((a).fields, ',')]) with ordinality p (part, n)
$$;

-- The lock is held until the transaction ends, so that rows follow each other without a gap. It is
-- taken last in each transaction: who holds it waits for nobody.
create function audit_chain() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(5260129372347);
    select a.seq + 1, a.hash into new.seq, new.prev_hash from audit a order by a.seq desc limit 1;
    new.seq := coalesce(new.seq, 1);
    new.at := clock_timestamp();
    new.hash := audit_hash(new);
    return new;
end $$;

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log only grows: % is refused', lower(tg_op)
        using errcode = 'insufficient_privilege';
end $$;

create trigger audit_chain before insert on audit for each row execute function audit_chain();
create trigger audit_no_change before update or delete on audit for each row
    execute function audit_is_append_only();
create trigger audit_no_truncate before truncate on audit for each statement
    execute function audit_is_append_only();

create index audit_actor on audit (actor, seq);

-- The first row that does not follow from the one before it, or null: somebody changed the log behind
-- the host's back. What was cut off at the end does not show.
create function audit_broken_at() returns bigint language sql stable as $$
    select min(seq) from (
        select a.seq, a.hash = audit_hash(a)
            and a.prev_hash is not distinct from lag(a.hash) over (order by a.seq)
            and a.seq = row_number() over (order by a.seq) as whole
        from audit a) rows
    where whole is not true
$$;
