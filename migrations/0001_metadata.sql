-- database: metadata
-- Definitions, runs, the queue, people. Nothing here is reachable for workers.
-- Ids of runs and tasks are UUIDv7, so that ordering by id is ordering by time of creation.
-- States are text with a check: an enum type cannot lose a value and gains one only outside of a
-- transaction that uses it.
-- Definitions, and what tasks are made of them, are json and not jsonb: the order of columns is the
-- user's word, and jsonb would sort them by the length of their names.

-- People ------------------------------------------------------------------------------------------

create table user_account (
    username text primary key check (username <> '' and length(username) <= 64),
    role text not null check (role in ('admin', 'data_scientist', 'viewer')),
    password_hash text not null, -- Argon2id in its own encoded form, with salt and costs
    disabled boolean not null default false,
    created_at timestamptz not null default now()
);

-- Only the hash of a session's id is kept: who reads this table cannot sign in with it.
create table session (
    id_hash bytea primary key,
    username text not null references user_account on update cascade on delete cascade,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    source_ip text,
    user_agent text
);

create index session_username on session (username); -- the sessions of one person, and the cascade
create index session_expires_at on session (expires_at); -- what is to be swept

-- Workers -----------------------------------------------------------------------------------------

-- The password of headgate_load, where the warehouse is a server that asks for one. A role has but
-- one, so all hosts use this. It is in the clear: it must be sent, and hosts share no key to seal it
-- with, a master key belongs to one data dir. Whoever reads this table owns the database, and may do
-- in the warehouse whatever a worker may.
create table worker_login (
    only_row boolean primary key default true check (only_row),
    password text not null check (password <> '')
        default replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
    made_at timestamptz not null default now()
);

revoke all on worker_login from public; -- default privileges may have given it

-- Pipelines ---------------------------------------------------------------------------------------

create table pipeline (
    id text primary key check (id ~ '^[a-z0-9-]{1,63}$'),
    name text not null,
    origin text not null check (origin in ('file', 'api')),
    file text,
    enabled boolean not null default true,
    version integer not null default 1 check (version >= 1),
    definition json, -- null while no reading of its file has succeeded
    overrides jsonb not null default '{}', -- what was changed on the page, laid over the definition
    errors jsonb not null default '[]', -- of the last reading of the file
    file_missing boolean not null default false,
    next_run_at timestamptz,
    updated_at timestamptz not null default now()
);

create index pipeline_next_run_at on pipeline (next_run_at)
    where enabled and next_run_at is not null; -- what the scheduler looks for

-- A run keeps the definition it started with.
create table pipeline_version (
    pipeline_id text not null references pipeline on delete cascade,
    version integer not null,
    definition json not null,
    created_at timestamptz not null default now(),
    primary key (pipeline_id, version)
);

-- Runs --------------------------------------------------------------------------------------------

-- Runs and what belongs to them (job_run, check_result, task_history) are partitioned by week of the
-- run's id. Weeks are made ahead by the host and dropped whole when retention says so; foreign keys
-- among them would forbid that and lock a pipeline's row with each of its runs.

create table run (
    id uuid primary key,
    pipeline_id text not null,
    version integer not null, -- of pipeline_version
    status text not null check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled',
        'skipped')),
    trigger text not null check (trigger in ('manual', 'schedule', 'webhook', 'subscription', 'sync',
        'backfill')),
    params jsonb not null default '{}',
    scheduled_for timestamptz,
    queued_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    retry_count integer not null default 0 check (retry_count >= 0),
    parallelism integer not null default 1 check (parallelism >= 1), -- tasks at once
    error jsonb
) partition by range (id);

create index run_newest_first on run (pipeline_id, id desc); -- lists of runs; the last run

-- "Already running" is decided by this key and not by a look-up, which two could pass at once. A
-- table of its own: a unique index of a partitioned one would hold within a partition only.
create table run_slot (
    pipeline_id text not null,
    slot smallint not null check (slot >= 0), -- 0 active, 1 waiting
    run_id uuid not null unique,
    primary key (pipeline_id, slot)
) with (fillfactor = 70);

-- A tick of the schedule makes one run, however many hosts see it.
create table schedule_tick (
    pipeline_id text not null,
    scheduled_for timestamptz not null,
    run_id uuid not null,
    primary key (pipeline_id, scheduled_for)
);

create table job_run (
    run_id uuid not null,
    job_id text not null,
    task_id uuid not null,
    type text not null check (type in ('extract', 'check', 'transform', 'load')),
    status text not null check (status in ('queued', 'running', 'retrying', 'succeeded', 'failed',
        'cancelled', 'skipped')),
    attempt integer not null default 0 check (attempt >= 0),
    max_attempts integer not null default 1 check (max_attempts >= 1),
    started_at timestamptz,
    finished_at timestamptz,
    rows_in bigint not null default 0,
    rows_out bigint not null default 0,
    rows_rejected bigint not null default 0,
    error jsonb,
    warnings jsonb, -- array of texts: what to know of it though it went on
    position integer not null, -- in the pipeline file
    primary key (run_id, job_id)
) partition by range (run_id);

create index job_run_task on job_run (run_id, task_id); -- the jobs of a task whose attempt ended

create table check_result (
    run_id uuid not null,
    job_id text not null,
    rule text not null,
    column_name text, -- null: the rule looks at several columns, or at the whole
    grain text,
    dimension text,
    issue_type text,
    severity text not null check (severity in ('info', 'warning', 'error', 'critical')),
    on_fail text not null check (on_fail in ('warn', 'reject', 'stop')),
    evaluated bigint not null default 0,
    failed bigint not null default 0,
    status text not null check (status in ('pass', 'warn', 'fail', 'error'))
) partition by range (run_id);

create index check_result_job on check_result (run_id, job_id);

-- Queue -------------------------------------------------------------------------------------------

-- Each claim takes the next value; a load is refused when a higher one was there before it. Lifted
-- above the warehouse's ledger at start, since the two databases may be restored apart.
create sequence task_fence as bigint;

-- Where claims begin to look for ready tasks, in ms since 1970. What was ready before has been taken,
-- but its dead rows stay in the index as long as any transaction of the cluster is open.
create sequence task_front as bigint;

-- Who claims tasks. One row to renew keeps the leases of all that a host runs.
create table host (
    name text primary key,
    leads boolean not null default false,
    lease_until timestamptz not null
) with (fillfactor = 50);

-- Only what has not ended. It is kept small, since the oldest open snapshot of the whole cluster
-- decides how many dead rows a claim must step over.
create table task (
    id uuid primary key,
    run_id uuid not null,
    pipeline_id text not null,
    key text not null, -- the task's name in its pipeline
    kind text not null check (kind in ('flow', 'transform', 'check_table')),
    state text not null check (state in ('waiting', 'ready', 'running')),
    pending_needs integer not null default 0 check (pending_needs >= 0),
    needed_by uuid[] not null default '{}', -- whose pending_needs its end lowers
    attempt integer not null default 0 check (attempt >= 0),
    max_attempts integer not null default 1 check (max_attempts >= 1),
    fence bigint, -- of the last claim
    host text, -- who claimed it
    run_at timestamptz not null default now(),
    timeout_ms bigint check (timeout_ms > 0), -- null: none
    n_lost integer not null default 0 check (n_lost >= 0), -- attempts that died with their host
    cancel_requested boolean not null default false, -- somebody asked while it ran
    spec json not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0);

create index task_ready on task (run_at, id) where state = 'ready'; -- the claim
-- None on what runs: the planner would take it for short and end tasks by it, past all its dead rows.
create index task_cancel on task (state, host) where cancel_requested;
create index task_run on task (run_id, state, pending_needs); -- what is left of a run

-- Where a task goes in the statement that ends it, and from where a retry of the run takes it back.
create table task_history (
    id uuid not null,
    run_id uuid not null,
    pipeline_id text not null,
    key text not null,
    kind text not null,
    state text not null check (state in ('done', 'failed', 'cancelled', 'skipped')),
    needed_by uuid[] not null,
    attempt integer not null,
    max_attempts integer not null,
    fence bigint,
    host text,
    timeout_ms bigint,
    n_lost integer not null,
    spec json not null,
    ended_at timestamptz not null default now(),
    primary key (run_id, id)
) partition by range (run_id);
