// graphile-worker on the PostgreSQL of the PG* environment; prints one JSON object.
//
//     node graphile.mjs latency N     add_job to the start of its task, idle, in ms, N times
//     node graphile.mjs jobs N M      N no-op jobs by M processes, with the batching of its
//                                     documentation's fastest figure
import { fork } from "node:child_process";
import { once } from "node:events";
import graphile from "graphile-worker";
import pg from "pg";

const CONCURRENT = 24;
const BATCHED = {
  concurrentJobs: CONCURRENT,
  maxPoolSize: CONCURRENT + 1,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};
const WARM_UP = 100;
const silent = new graphile.Logger(() => () => {});

const options = (worker, taskList) => ({
  preset: { worker: { ...worker, connectionString: "postgres://" } },
  logger: silent,
  noHandleSignals: true,
  taskList,
});

async function latency(n) {
  let started;
  const runner = await graphile.run(options({}, { noop: () => started(performance.now()) }));
  const client = new pg.Client();
  await client.connect();
  const found = [];
  for (let i = 0; i < WARM_UP + n; i++) {
    const start = new Promise((resolve) => (started = resolve));
    const sent = performance.now();
    await client.query("select graphile_worker.add_job('noop')");
    found.push((await start) - sent);
  }
  await client.end();
  await runner.stop();
  return { ms: found.slice(WARM_UP) };
}

async function work() {
  let first;
  let n = 0;
  const noop = () => {
    first ??= Date.now();
    n++;
  };
  await graphile.runOnce(options(BATCHED, { noop }));
  const last = Date.now();
  process.send({ first: first ?? last, last, n });
  process.disconnect();
}

async function jobs(n, processes) {
  const client = new pg.Client();
  await client.connect();
  await graphile.runMigrations(options({}, {}));
  const added = Date.now();
  await client.query(
    "select 1 from graphile_worker.add_jobs((select array_agg(('noop', '{}', null, null, null," +
      " null, null, null)::graphile_worker.job_spec) from generate_series(1, $1::int)))",
    [n],
  );
  const ended = await Promise.all(
    Array.from({ length: processes }, () => once(fork(import.meta.filename, ["work"]), "message")),
  );
  const { rows } = await client.query("select count(*)::int from graphile_worker._private_jobs");
  await client.end();
  const done = ended.reduce((sum, [e]) => sum + e.n, 0);
  if (done !== n || rows[0].count !== 0) throw new Error(`${done} ran, ${rows[0].count} are left`);
  const first = Math.min(...ended.map(([e]) => e.first));
  const last = Math.max(...ended.map(([e]) => e.last));
  return { s: (last - first) / 1000, added_s: (last - added) / 1000 };
}

const [what, ...numbers] = process.argv.slice(2);
const answer = await { latency, jobs, work }[what](...numbers.map(Number));
if (answer) console.log(JSON.stringify(answer));
