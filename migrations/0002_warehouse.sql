-- database: warehouse
-- What Headgate itself keeps beside the data: schema `headgate`, owned by the host's own role.
-- Workers log in as headgate_load and get what is granted at the end, no more. Users' tables belong
-- to headgate_user, as whom users' SQL runs. Both roles exist before this file runs.

create schema headgate;

-- The highest fence under which each task has written. A load takes its fence here in the first
-- statement of its transaction (headgate.take_fence) and is refused when a higher one was there: an
-- attempt that was given up but still lives can commit nothing.
create table headgate.ledger_head (
    pipeline_id text not null,
    task_key text not null,
    fence bigint not null,
    primary key (pipeline_id, task_key)
);

-- Fences that may be taken no more: each up to `fence` but `spared`. Written when an attempt of which
-- there is no word is settled while another run of the pipeline has the task's place: ledger_head cannot
-- say it then without costing that one its fence.
create table headgate.fence_bar (
    pipeline_id text not null,
    task_key text not null,
    fence bigint not null,
    spared bigint[] not null,
    made_at timestamptz not null default now(),
    primary key (pipeline_id, task_key, fence)
);

-- What the locks of a fence are made from. headgate_load reads it, headgate_user does not: a script
-- runs in the session of an attempt and may take any lock there, but none that says a fence. What a
-- script leaves on a table (a trigger, a default, a policy) is not kept from it: it runs with the
-- rights of headgate_load at the next load, see SECURITY.md.
create table headgate.fence_secret (
    one boolean primary key default true check (one),
    secret uuid not null default gen_random_uuid()
);

-- One row a commit, in the transaction of its rows: it is there if and only if they are.
create table headgate.ledger (
    pipeline_id text not null,
    run_id uuid not null,
    task_key text not null, -- a flow's parts and a transform are one task each
    attempt integer not null,
    fence bigint not null,
    table_name text, -- "schema.table"; null for a transform
    mode text, -- append, replace, merge; null for a transform
    rows_extracted bigint not null default 0,
    rows_loaded bigint not null default 0,
    rows_rejected bigint not null default 0,
    final boolean not null, -- false: a checkpoint, more of the run is to come
    part integer not null default 0, -- 0: the final one; 1, 2, ...: the checkpoints before it
    committed_at timestamptz not null default now(),
    -- A task whose flow committed is completed from its row and never repeated for the same run.
    primary key (run_id, task_key, part),
    check (final = (part = 0))
);

-- The datasets: last load of each table.
create index ledger_table on headgate.ledger (table_name, committed_at desc)
    where table_name is not null;

-- Where a source goes on: its own words, kept in the transaction of the rows they stand for.
create table headgate.cursor (
    pipeline_id text not null,
    job_id text not null,
    state jsonb not null,
    run_id uuid not null,
    updated_at timestamptz not null default now(),
    primary key (pipeline_id, job_id)
);

-- Rows between two tasks of a run, where its flow is cut: each stage is a table of the schema
-- headgate_stage, there from its writer's commit until the last of its readers has committed.
create table headgate.stage (
    seq bigint generated always as identity primary key, -- in the order of commits of one task
    pipeline_id text not null,
    task_key text not null, -- of the task that wrote it
    source text, -- the plugin that gave the rows
    run_id uuid not null,
    table_name text not null check (table_name ^@ 'headgate_stage.'),
    columns jsonb not null, -- [{"name", "type", "precision", "scale", "utc", "json"}]
    started_from jsonb, -- the cursor that the source went on from
    state jsonb, -- of the source: the cursor once a reader has taken the rows
    n_rows bigint not null,
    in_order boolean not null, -- the table's order is that of the stream
    incremental boolean not null, -- no later run reads these rows from the source again
    from_source boolean not null, -- as long as nobody has taken them, they are read again
    taken boolean not null default false, -- by at least one reader
    created_at timestamptz not null default now()
);

create unique index stage_once_per_run on headgate.stage (run_id, task_key);
create index stage_task on headgate.stage (pipeline_id, task_key);

-- Who has still to read it.
create table headgate.stage_reader (
    seq bigint not null references headgate.stage on delete cascade,
    task_key text not null,
    primary key (seq, task_key)
);

create table headgate.quarantine (
    id bigint generated always as identity primary key,
    pipeline_id text not null,
    run_id uuid not null,
    job_id text not null,
    at timestamptz not null default now(),
    source text,
    position text, -- in the source: "prices.csv:17"
    reasons jsonb not null, -- [{"rule", "column", "message"}]
    row_data jsonb, -- the row by column, as far as it could be read
    raw text -- as found, when it could not be
);

create index quarantine_run on headgate.quarantine (run_id, id); -- the page of a run
create index quarantine_pipeline on headgate.quarantine (pipeline_id, id); -- that of a pipeline
create index quarantine_at on headgate.quarantine using brin (at); -- what is too old

-- rights: from here on this file is run again at a start that finds something of it missing, for a
-- script may drop what belongs to headgate_user (DROP OWNED). All of it can be repeated.

-- Runs a script of a user's. Being SECURITY DEFINER does more than choose the role: inside of it
-- PostgreSQL refuses SET ROLE, RESET ROLE and SET SESSION AUTHORIZATION, and inside EXECUTE it
-- refuses COMMIT, ROLLBACK and SAVEPOINT, so that a script can neither take the rights of
-- headgate_load nor end the transaction that carries its ledger row. The search path is put back by
-- hand, since a plain SET in the script outlives the SET clause of a function: a script must not
-- choose what later statements find; nor whether the commit waits for the disk. Deferred triggers fire before the function ends, for later they
-- would fire with the caller's rights.
-- Answers how many rows the last statement of the script gave or changed.
create or replace function headgate.run_sql(script text) returns bigint
    language plpgsql
    security definer
as $$
declare
    path_before constant text := pg_catalog.current_setting('search_path');
    commit_before constant text := pg_catalog.current_setting('synchronous_commit');
    n_rows bigint;
begin
    perform pg_catalog.set_config('search_path', 'public, pg_temp', true);
    execute script;
    get diagnostics n_rows = row_count;
    execute 'close all'; -- WITH HOLD runs its query at COMMIT, with the caller's rights
    set constraints all immediate;
    perform pg_catalog.set_config('search_path', path_before, false);
    -- A run that is said to have succeeded has its rows, also when the server goes down a moment later.
    perform pg_catalog.set_config('synchronous_commit',
        case commit_before when 'off' then 'on' else commit_before end, true);
    return n_rows;
end
$$;

revoke all on function headgate.run_sql(text) from public;
grant execute on function headgate.run_sql(text) to headgate_load;

-- The new owner of a function must be able to create in its schema, for this moment.
grant usage, create on schema headgate to headgate_user;
alter function headgate.run_sql(text) owner to headgate_user;
revoke all on schema headgate from headgate_user;

-- Reads what users made, for the host: a view, a policy, a cast may run a function of theirs. Nothing
-- but a SECURITY DEFINER function keeps that from RESET ROLE and the host's own rights. Its owner is a
-- role that nobody but the host is a member of: who owns a function may change that it is one.
-- Answers what the query gives, one column of json; $1 in it is `given`.
create or replace function headgate.read_rows(query text, given text[]) returns setof json
    language plpgsql
    security definer
as $$
begin
    return query execute query using given;
    execute 'close all'; -- WITH HOLD runs its query at COMMIT, with the caller's rights
end
$$;

revoke all on function headgate.read_rows(text, text[]) from public;
grant usage, create on schema headgate to headgate_reader;
alter function headgate.read_rows(text, text[]) owner to headgate_reader;
revoke all on schema headgate from headgate_reader;

-- 64 bits that nobody foretells who does not know the secret.
insert into headgate.fence_secret default values on conflict do nothing;

create or replace function headgate.fence_hash(p_text text) returns bigint
    language plpgsql stable
as $$
declare
    known uuid;
begin
    select s.secret into strict known from headgate.fence_secret s;
    return ('x' || pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(known
        || chr(10) || p_text, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint;
end
$$;

-- The place of a task, as a lock: whose transaction holds it may write for the task.
create or replace function headgate.fence_place(p_pipeline text, p_task_key text) returns bigint
    language sql stable
as $$ select headgate.fence_hash('place' || chr(10) || p_pipeline || chr(10) || p_task_key) $$;

-- The fence of an attempt as a lock that its sessions share, so that others can see it while the row
-- in ledger_head is not committed: 24 bits that are right for this task and fence alone, and the fence
-- in 40, which is a thousand attempts a second for 34 years. A lock and not the session's name, since
-- a script may change that; and one that a script cannot make up, only copy from an attempt before.
create or replace function headgate.fence_key(p_place bigint, p_fence bigint) returns bigint
    language sql stable
as $$
    select (headgate.fence_hash('fence' || chr(10) || p_place || chr(10) || p_fence) << 40) | p_fence
$$;

-- For a session beside the one that took the fence: ended with it, see below. Nobody is waited for.
create or replace function headgate.share_fence(p_pipeline text, p_task_key text, p_fence bigint)
    returns void
    language plpgsql
as $$
begin
    if not pg_catalog.pg_try_advisory_xact_lock_shared(headgate.fence_key(
        headgate.fence_place(p_pipeline, p_task_key), p_fence))
    then
        raise exception 'another session wants the lock that says the fence % of task "%"', p_fence,
            p_task_key using errcode = '55P03', hint = 'Look for it in pg_locks.';
    end if;
end
$$;

-- Whose transaction holds a task's place. An attempt (or a host that settles one) also holds the lock
-- that says its fence; whoever does not is a script or a login that has taken a lock not meant for it:
-- its fence is null. No row but nulls when nobody holds it.
--   since   when the transaction began; null when we may not know
--   pids    of the attempt's sessions, those that we may end
create or replace function headgate.fence_holder(p_place bigint, out pid integer, out fence bigint,
    out role name, out since timestamptz, out pids integer[])
    language sql
as $$
    with held as materialized (
        select l.pid, l.mode, (l.classid::bigint << 32) | l.objid::bigint as key
            from pg_catalog.pg_locks l
            where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.database = (select
            d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())),
    holder as (
        select h.pid, (select pg_catalog.max(m.key & ((1::bigint << 40) - 1)) from held m
            where m.pid = h.pid and m.mode = 'ShareLock'
            and m.key = headgate.fence_key(p_place, m.key & ((1::bigint << 40) - 1))) as fence
            from held h where h.key = p_place limit 1)
    select h.pid, h.fence, a.usename, a.xact_start, (select pg_catalog.array_agg(m.pid) from held m
        join pg_catalog.pg_stat_activity s on s.pid = m.pid
        where m.key = headgate.fence_key(p_place, h.fence)
        and pg_catalog.pg_has_role(s.usesysid, 'USAGE'))
        from (select) one left join holder h on true
        left join pg_catalog.pg_stat_activity a on a.pid = h.pid
$$;

-- An attempt takes its fence: the first thing in its transaction. Of each task one transaction holds
-- the place, so that nobody ever waits for a row of ledger_head: the holder may be frozen with its host,
-- and the server keeps its transaction for as long as its connection stands.
--   taken   it is ours
--   fenced  a higher fence was there, or is just being taken, or this one is barred
--   busy    an older attempt's transaction is open, or somebody has the lock who is no attempt: ask again
--   ended   so it was, for longer than p_end_after_ms (null: however long), and its sessions are ended
-- p_spared are fences of attempts that were at work in other runs of the pipeline when this one was
-- claimed: they are waited for, however long they take.
create or replace function headgate.take_fence(p_pipeline text, p_task_key text, p_fence bigint,
    p_end_after_ms integer, p_spared bigint[] default '{}') returns text
    language plpgsql
as $$
declare
    place constant bigint := headgate.fence_place(p_pipeline, p_task_key);
    holder record;
begin
    if pg_catalog.pg_try_advisory_xact_lock(place) then
        perform headgate.share_fence(p_pipeline, p_task_key, p_fence);
        if exists (select from headgate.fence_bar b where b.pipeline_id = p_pipeline
            and b.task_key = p_task_key and b.fence > p_fence and not p_fence = any (b.spared))
        then
            return 'fenced';
        end if;
        insert into headgate.ledger_head as h (pipeline_id, task_key, fence)
            values (p_pipeline, p_task_key, p_fence)
            on conflict (pipeline_id, task_key) do update set fence = excluded.fence
            where h.fence <= excluded.fence;
        return case when found then 'taken' else 'fenced' end;
    end if;
    select * into holder from headgate.fence_holder(place);
    if holder.fence > p_fence then
        return 'fenced';
    end if;
    if holder.fence < p_fence and holder.pid = any (holder.pids)
        and holder.since <= clock_timestamp() - p_end_after_ms * interval '1 ms'
        and not holder.fence = any (p_spared)
    then
        perform pg_catalog.pg_terminate_backend(p.pid) from unnest(holder.pids) as p (pid);
        return 'ended';
    end if;
    return 'busy';
end
$$;

-- A transform whole, in one statement of a worker's: what else would be eight round trips. Fence
-- first, nothing when the run has it already, the script with its values as settings, the ledger row.
create or replace function headgate.run_transform(p_pipeline text, p_task_key text, p_run uuid,
    p_attempt integer, p_fence bigint, p_end_after_ms integer, p_names text[], p_values text[],
    p_script text, p_spared bigint[], out outcome text, out n_rows bigint)
    language plpgsql
as $$
begin
    outcome := headgate.take_fence(p_pipeline, p_task_key, p_fence, p_end_after_ms, p_spared);
    if outcome <> 'taken' then
        return;
    end if;
    select l.rows_loaded into n_rows from headgate.ledger l
        where l.run_id = p_run and l.task_key = p_task_key and l.final;
    if found then
        outcome := 'found';
        return;
    end if;
    for i in 1 .. pg_catalog.cardinality(p_names) loop
        perform pg_catalog.set_config(p_names[i], p_values[i], true);
    end loop;
    n_rows := headgate.run_sql(p_script);
    insert into headgate.ledger (pipeline_id, run_id, task_key, attempt, fence, rows_loaded, final)
        values (p_pipeline, p_run, p_task_key, p_attempt, p_fence, n_rows, true);
    outcome := 'done';
end
$$;

revoke all on function headgate.fence_hash, headgate.fence_place, headgate.fence_key,
    headgate.share_fence, headgate.fence_holder, headgate.take_fence, headgate.run_transform
    from public;
grant execute on function headgate.fence_hash, headgate.fence_place, headgate.fence_key,
    headgate.share_fence, headgate.fence_holder, headgate.take_fence, headgate.run_transform
    to headgate_load;

-- Drops a stage and its table, should somebody not have done so by hand. False when it was gone.
-- Admins call it too, and the host does with all its rights: the path is its own, and the schema is not
-- what the row says.
create or replace function headgate.stage_drop(p_seq bigint) returns boolean
    language plpgsql
    set search_path = pg_catalog
as $$
declare
    dropped text;
begin
    delete from headgate.stage where seq = p_seq returning table_name into dropped;
    if found then
        execute format('drop table if exists headgate_stage.%I', split_part(dropped, '.', 2));
    end if;
    return dropped is not null;
end
$$;

-- Drops the stages of a task, but for rows that one reader has taken, so that the source does not give
-- them again, and another has not: they stay, and where that other is none of p_readers any more it is
-- an error, for nobody would ever load them. With null for p_readers all go: nothing of them is missed.
create or replace function headgate.stage_leave(p_pipeline text, p_task_key text, p_readers text[])
    returns void
    language plpgsql
as $$
declare
    old record;
begin
    for old in
        select s.seq, s.run_id, s.n_rows, s.incremental and (s.taken or not s.from_source) as kept,
            (select array_agg(r.task_key order by r.task_key) from headgate.stage_reader r
                where r.seq = s.seq) as readers
            from headgate.stage s
            where s.pipeline_id = p_pipeline and s.task_key = p_task_key order by s.seq for update
    loop
        if not old.kept or old.readers is null or p_readers is null then
            perform headgate.stage_drop(old.seq);
        elsif not old.readers <@ p_readers then
            raise exception 'run % has staged % rows for "%" that are not loaded yet, and the pipeline'
                ' has been changed since', old.run_id, old.n_rows, array_to_string(old.readers, '", "')
                using errcode = '42000', hint = format('Retry that run: it goes by the definition it'
                ' began with. If its rows are not wanted: select headgate.stage_drop(%s);', old.seq);
        end if;
    end loop;
end
$$;

-- A new stage of a task, in its writer's transaction.
create or replace function headgate.stage_put(p_pipeline text, p_task_key text, p_run uuid,
    p_table text, p_columns jsonb, p_started_from jsonb, p_state jsonb, p_rows bigint,
    p_in_order boolean, p_incremental boolean, p_from_source boolean, p_readers text[],
    p_source text) returns void
    language plpgsql
as $$
declare
    new_seq bigint;
begin
    perform headgate.stage_leave(p_pipeline, p_task_key, case when p_incremental then p_readers end);
    insert into headgate.stage (pipeline_id, task_key, run_id, table_name, columns, started_from, state,
        n_rows, in_order, incremental, from_source, source)
        values (p_pipeline, p_task_key, p_run, p_table, p_columns, p_started_from, p_state, p_rows,
        p_in_order, p_incremental, p_from_source, p_source) returning seq into new_seq;
    insert into headgate.stage_reader (seq, task_key)
        select new_seq, r.task_key from unnest(p_readers) as r (task_key);
end
$$;

-- A reader has had these stages, in its transaction. With the first to say so the source's cursor
-- moves on, with the last the table goes.
create or replace function headgate.stage_take(p_reader text, p_seqs bigint[]) returns void
    language plpgsql
as $$
declare
    taken headgate.stage;
    moved bigint;
begin
    for taken in
        select * from headgate.stage s where s.seq = any (p_seqs) order by s.seq for update
    loop
        delete from headgate.stage_reader r where r.seq = taken.seq and r.task_key = p_reader;
        if taken.state is not null and not taken.taken then
            insert into headgate.cursor as c (pipeline_id, job_id, state, run_id)
                values (taken.pipeline_id, taken.task_key, taken.state, taken.run_id)
                on conflict (pipeline_id, job_id) do update set state = excluded.state,
                run_id = excluded.run_id, updated_at = now()
                where not taken.incremental or c.state = taken.started_from;
            get diagnostics moved = row_count;
            if moved = 0 then
                raise exception 'the rows that run % staged have been read again since', taken.run_id
                    using errcode = '42000', hint = 'There is nothing left to retry. Trigger a new run.';
            end if;
        end if;
        if exists (select from headgate.stage_reader r where r.seq = taken.seq) then
            update headgate.stage s set taken = true where s.seq = taken.seq;
        else
            perform headgate.stage_drop(taken.seq);
        end if;
    end loop;
end
$$;

revoke all on function headgate.stage_drop, headgate.stage_leave, headgate.stage_put,
    headgate.stage_take from public;
grant execute on function headgate.stage_drop, headgate.stage_leave, headgate.stage_put,
    headgate.stage_take to headgate_load;

create schema if not exists headgate_stage;
grant usage, create on schema headgate_stage to headgate_load;

grant usage on schema headgate to headgate_load;
grant select, insert, update, delete on headgate.stage, headgate.stage_reader to headgate_load;
grant select, insert, update on headgate.ledger_head, headgate.cursor to headgate_load;
grant select, insert on headgate.ledger to headgate_load;
grant select on headgate.fence_secret, headgate.fence_bar to headgate_load;
grant insert on headgate.quarantine to headgate_load;

-- Users' tables may stand in `public` or in schemas of their own.
grant usage, create on schema public to headgate_user;
do $$
begin
    execute format('grant connect, create, temporary on database %I to headgate_user',
        current_database());
    execute format('grant connect on database %I to headgate_load', current_database());
end
$$;
