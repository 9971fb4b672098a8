SELECT pg_sleep(coalesce(${params.seconds}::float8, 4));
