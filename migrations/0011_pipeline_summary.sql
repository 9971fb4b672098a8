-- database: metadata
-- What lists show of a pipeline, without what its jobs do: a definition holds every script and every
-- column, and a list of five hundred would carry and read all of them for a dozen words each.

create function pipeline_summary(definition json) returns json language sql immutable as $$
    select case when json_typeof(definition) = 'object' then json_build_object(
        'description', definition->'description', 'schedule', definition->'schedule',
        'timezone', definition->'timezone', 'parallelism', definition->'parallelism',
        'retries', json_build_object('max', definition#>'{retries,max}'),
        'params_schema', definition->'params_schema', 'missed', definition->'missed',
        'missed_limit', definition->'missed_limit', 'missed_window_ms', definition->'missed_window_ms',
        'jobs', (select coalesce(json_agg(json_build_object('id', j.job->'id', 'name', j.job->'name',
            'type', j.job->'type', 'needs', j.job->'needs') order by j.n), '[]'::json)
            from json_array_elements(case json_typeof(definition->'jobs') when 'array'
            then definition->'jobs' end) with ordinality j (job, n))) end
$$;

alter table pipeline add column summary json generated always as (pipeline_summary(definition)) stored;
