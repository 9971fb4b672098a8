-- database: metadata
-- Users and alert channels that come from the host's files.

-- `file` says which one, as it is named below the folder of the host's own; null behind origin
-- 'file' means that its entry there is gone.
alter table user_account
    add column origin text not null default 'api' check (origin in ('api', 'file')),
    add column file text check (file <> ''),
    add check (file is null or origin = 'file');

alter table alert_channel
    add column origin text not null default 'api' check (origin in ('api', 'file')),
    add column file text check (file <> ''),
    add check (file is null or origin = 'file');

-- What files change is audited too.
alter table audit drop constraint audit_actor_kind_check;
alter table audit add constraint audit_actor_kind_check
    check (actor_kind in ('user', 'token', 'local', 'file', 'nobody'));
