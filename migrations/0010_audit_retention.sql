-- database: metadata
-- The audit log is kept for a time, and not for ever.

-- Where it begins: the last row that was dropped, which the first one that is left follows.
create table audit_start (
    only_row boolean primary key default true check (only_row),
    seq bigint not null,
    at timestamptz not null,
    hash bytea not null,
    dropped_at timestamptz not null default now()
);

-- A lock of its own: that of the partitions (5260129372347), which it had, may be held for long.
create or replace function audit_chain() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(5260129372412);
    select last.seq + 1, last.hash into new.seq, new.prev_hash from (
        (select seq, hash from audit order by seq desc limit 1)
        union all select seq, hash from audit_start) last order by last.seq desc limit 1;
    new.seq := coalesce(new.seq, 1);
    new.at := clock_timestamp();
    new.hash := audit_hash(new);
    return new;
end $$;

-- Only from its beginning on, and what has been dropped is said.
create function audit_is_dropped_in_order() returns trigger language plpgsql as $$
begin
    if old.seq <= (select seq from audit_start) then
        return old;
    end if;
    raise exception 'the audit log only grows: delete is refused'
        using errcode = 'insufficient_privilege';
end $$;

drop trigger audit_no_change on audit;
create trigger audit_no_change before update on audit for each statement
    execute function audit_is_append_only();
create trigger audit_no_delete before delete on audit for each row
    execute function audit_is_dropped_in_order();

-- Drops the rows before a time, at most n of them; gives how many. It stops at the first that is to
-- stay: a clock that was set back leaves older ones behind it.
create function audit_drop(before timestamptz, n int) returns bigint language plpgsql as $$
declare
    last bigint;
    dropped bigint;
begin
    perform pg_advisory_xact_lock(5260129372412);
    select coalesce(min(seq) filter (where at >= before) - 1, max(seq)) into last
        from (select seq, at from audit order by seq limit n) eldest;
    insert into audit_start (seq, at, hash) select seq, at, hash from audit where seq = last
        on conflict (only_row) do update set seq = excluded.seq, at = excluded.at,
            hash = excluded.hash, dropped_at = now();
    delete from audit where seq <= last;
    get diagnostics dropped = row_count;
    return dropped;
end $$;

create or replace function audit_broken_at() returns bigint language sql stable as $$
    select min(seq) from (
        select a.seq, a.hash = audit_hash(a)
            and a.prev_hash is not distinct from
                coalesce(lag(a.hash) over (order by a.seq), (select hash from audit_start))
            and a.seq = row_number() over (order by a.seq)
                + coalesce((select seq from audit_start), 0) as whole
        from audit a) rows
    where whole is not true
$$;
