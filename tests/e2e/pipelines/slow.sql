SELECT pg_sleep(${params.seconds}::float8);
